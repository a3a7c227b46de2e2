// The metadata of a node alone: a log of records in a database of its own, replayed at the start; records are written, with
// sync, before anyone sees them. Always active, for there is no other.
import { Fault } from '../kernel/fault.ts';
import type { Random } from '../kernel/random.ts';
import { openSteadyStorage } from '../storage/steady-storage.ts';
import type { BatchOperation, Storage, StorageEngine } from '../storage/storage.ts';
import {
  applyRecord,
  type CatalogRecord,
  catalogFormat,
  decodeRecord,
  emptyImage,
  encodeRecord,
  type MutableCatalogImage,
  snapshotOf,
} from './catalog-record.ts';
import { catalogDatabase, quorumDatabase } from './database-names.ts';
import { drawClusterId } from './draw-id.ts';
import type { MetadataLog } from './metadata-log.ts';

const recordsOverSnapshotMax = 1_000;

export type LocalMetadataLog = MetadataLog & AsyncDisposable;

/** @throws Fault `STORAGE_IN_USE`, `STORAGE_FAILED`, `STORAGE_NEWER`, `STORAGE_OF_ANOTHER` */
export async function openLocalMetadataLog({
  engine,
  random,
}: {
  engine: StorageEngine;
  random: Random;
}): Promise<LocalMetadataLog> {
  if ((await engine.list()).includes(quorumDatabase))
    throw new Fault('STORAGE_OF_ANOTHER', { of: 'a node of a cluster', given: 'a node without a cluster' });
  const storage = await openSteadyStorage(engine, catalogDatabase);
  try {
    return await replayLog(storage, random);
  } catch (error) {
    await storage.close();
    throw error;
  }
}

async function replayLog(storage: Storage, random: Random): Promise<LocalMetadataLog> {
  const image = emptyImage();
  let nextOffset = 0;
  let firstOffset = 0;
  let count = 0;
  for await (const [key, value] of storage.scan({})) {
    const record = decodeRecord(value);
    if (record.kind === 'cluster' && record.format > catalogFormat) {
      throw new Fault('STORAGE_NEWER', { path: catalogDatabase, found: record.format, known: catalogFormat });
    }
    applyRecord(image, record);
    if (count++ === 0) firstOffset = offsetOf(key);
    nextOffset = offsetOf(key) + 1;
  }
  const log = logOn(storage, image, nextOffset);
  const clusterId = count === 0 ? drawClusterId(random) : image.clusterId;
  if (image.format < catalogFormat) await log.propose([{ kind: 'cluster', clusterId, format: catalogFormat }]);
  if (count > snapshotOf(image).length + recordsOverSnapshotMax) await log.compact(firstOffset);
  return log;
}

function logOn(storage: Storage, image: MutableCatalogImage, startOffset: number) {
  let nextOffset = startOffset;

  async function write(records: readonly CatalogRecord[], alsoDelete: readonly BatchOperation[] = []): Promise<void> {
    const puts = records.map(
      (record, i) => ({ type: 'put', key: keyOf(nextOffset + i), value: encodeRecord(record) }) as const,
    );
    await storage.write([...alsoDelete, ...puts], { sync: true });
    nextOffset += records.length;
  }

  return {
    image,
    get nextOffset() {
      return nextOffset;
    },
    isActive: true,
    onChange: () => () => {},
    async propose(records: readonly CatalogRecord[]) {
      await write(records);
      for (const record of records) applyRecord(image, record);
    },
    /** The fewest records that give the same image, instead of all so far. */
    async compact(firstOffset: number) {
      const old = Array.from(
        { length: nextOffset - firstOffset },
        (_, i) => ({ type: 'del', key: keyOf(firstOffset + i) }) as const,
      );
      await write(snapshotOf(image), old);
    },
    [Symbol.asyncDispose]: () => storage.close(),
  };
}

function keyOf(offset: number): Uint8Array {
  const key = Buffer.alloc(8);
  key.writeBigUInt64BE(BigInt(offset));
  return key;
}

const offsetOf = (key: Uint8Array): number => Number(Buffer.from(key.buffer, key.byteOffset, 8).readBigUInt64BE());

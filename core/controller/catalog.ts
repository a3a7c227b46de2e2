// The metadata of a cluster that is one node: topics, their ids, partitions and settings, blocks of producer ids, the
// cluster's id. A log of records in a database of its own, replayed at the start; a change is written, with sync, before
// anyone sees it. A replicated metadata log takes this file's place behind the same interface, so nothing here may be
// known to callers but the image and the changes.
import { assert } from '../kernel/assert.ts';
import { Fault } from '../kernel/fault.ts';
import { type Random, randomUuid } from '../kernel/random.ts';
import type { BatchOperation, Storage, StorageEngine } from '../storage/storage.ts';
import {
  applyRecord,
  type CatalogImage,
  type CatalogRecord,
  decodeRecord,
  emptyImage,
  encodeRecord,
  snapshotOf,
  type TopicConfigs,
  type TopicImage,
} from './catalog-record.ts';

export type { CatalogImage, TopicConfigs, TopicImage } from './catalog-record.ts';
export type { NodeImage } from './node-image.ts';
export type { PartitionImage } from './partition-image.ts';

export const catalogDatabase = '__catalog';

/** Of the records; a catalog of a newer one is refused. */
export const catalogFormat = 1;

const producerIdBlock = 1_000; // as Kafka's ProducerIdsBlock: one synced write a thousand producers
const recordsOverSnapshotMax = 1_000;

/**
 * Changes are carried out one after another. They check nothing but what would break the image: names, counts and
 * settings are the callers' to check. All reject with Fault `STORAGE_FAILED` when the database can't be written.
 */
export interface Catalog extends AsyncDisposable {
  /** As of the last change that was written. The maps are live: don't hold them across an await. */
  readonly image: CatalogImage;
  /** Null when the name is taken. */
  createTopic(topic: { name: string; partitions: number; configs: TopicConfigs }): Promise<TopicImage | null>;
  /** Null when no such topic is left. Its logs are the caller's to delete, then `topicErased`. */
  deleteTopic(id: string): Promise<TopicImage | null>;
  topicErased(id: string): Promise<void>;
  /** Null when no such topic is left or it has as many already. */
  addPartitions(id: string, partitions: number): Promise<TopicImage | null>;
  /** Replaces what is set by what `change` makes of it. */
  changeConfigs(id: string, change: (configs: TopicConfigs) => TopicConfigs): Promise<TopicImage | null>;
  /** Likewise of the node whose id this is as text, or of all nodes (''). */
  changeNodeConfigs(node: string, change: (configs: TopicConfigs) => TopicConfigs): Promise<void>;
  /** A producer id that was never given out before, also not by an earlier life of the node. */
  producerId(): Promise<number>;
}

/** @throws Fault `STORAGE_IN_USE`, `STORAGE_FAILED`, `STORAGE_NEWER` */
export async function openCatalog({ engine, random }: { engine: StorageEngine; random: Random }): Promise<Catalog> {
  const storage = await engine.open(catalogDatabase);
  try {
    return await replayCatalog(storage, random);
  } catch (error) {
    await storage.close();
    throw error;
  }
}

async function replayCatalog(storage: Storage, random: Random): Promise<Catalog> {
  const image = emptyImage();
  let nextSequence = 0;
  let firstSequence = 0;
  let count = 0;
  for await (const [key, value] of storage.scan({})) {
    const record = decodeRecord(value);
    if (record.kind === 'cluster' && record.format > catalogFormat) {
      throw new Fault('STORAGE_NEWER', { path: catalogDatabase, found: record.format, known: catalogFormat });
    }
    applyRecord(image, record);
    if (count++ === 0) firstSequence = sequenceOf(key);
    nextSequence = sequenceOf(key) + 1;
  }

  async function write(records: readonly CatalogRecord[], alsoDelete: readonly BatchOperation[] = []): Promise<void> {
    const puts = records.map(
      (record, i) => ({ type: 'put', key: keyOf(nextSequence + i), value: encodeRecord(record) }) as const,
    );
    await storage.write([...alsoDelete, ...puts], { sync: true });
    nextSequence += records.length;
  }

  if (count === 0) {
    const first: CatalogRecord = { kind: 'cluster', clusterId: clusterIdOf(random), format: catalogFormat };
    await write([first]);
    applyRecord(image, first);
  } else if (count > snapshotOf(image).length + recordsOverSnapshotMax) {
    const old = Array.from(
      { length: nextSequence - firstSequence },
      (_, i) => ({ type: 'del', key: keyOf(firstSequence + i) }) as const,
    );
    await write(snapshotOf(image), old);
  }

  let last: Promise<unknown> = Promise.resolve();
  /** One change at a time, each deciding on the image that the one before it left. */
  function change<T>(decide: () => { record: CatalogRecord; result: () => T } | null): Promise<T | null> {
    const turn = last.then(async () => {
      const decision = decide();
      if (decision === null) return null;
      await write([decision.record]);
      applyRecord(image, decision.record);
      return decision.result();
    });
    last = turn.catch(() => {});
    return turn;
  }
  const topicAfter = (id: string) => () => image.topicsById.get(id)!;

  let nextProducerId = image.nextProducerId; // what was left of the last block is given up: no id may come twice

  return {
    image,
    createTopic: ({ name, partitions, configs }) =>
      change(() => {
        assert(Number.isSafeInteger(partitions) && partitions > 0, `topic of ${partitions} partitions`);
        if (image.topics.has(name)) return null;
        const id = topicIdOf(random);
        return { record: { kind: 'topic', name, id, partitions, configs }, result: topicAfter(id) };
      }),
    deleteTopic: (id) =>
      change(() => {
        const topic = image.topicsById.get(id);
        return topic === undefined ? null : { record: { kind: 'deleted', id }, result: () => topic };
      }),
    topicErased: async (id) => {
      await change(() => (image.erasing.has(id) ? { record: { kind: 'erased', id }, result: () => {} } : null));
    },
    addPartitions: (id, partitions) =>
      change(() => {
        const topic = image.topicsById.get(id);
        if (topic === undefined || topic.partitions >= partitions) return null;
        return { record: { kind: 'partitions', id, partitions }, result: topicAfter(id) };
      }),
    changeConfigs: (id, changed) =>
      change(() => {
        const topic = image.topicsById.get(id);
        if (topic === undefined) return null;
        return { record: { kind: 'configs', id, configs: changed(topic.configs) }, result: topicAfter(id) };
      }),
    changeNodeConfigs: async (node, changed) => {
      await change(() => ({
        record: { kind: 'nodeConfigs', node, configs: changed(image.nodeConfigs.get(node) ?? {}) },
        result: () => {},
      }));
    },
    async producerId() {
      while (nextProducerId >= image.nextProducerId) {
        await change(() => {
          if (nextProducerId < image.nextProducerId) return null; // another call has taken a block meanwhile
          return { record: { kind: 'producerIds', next: image.nextProducerId + producerIdBlock }, result: () => {} };
        });
      }
      return nextProducerId++;
    },
    async [Symbol.asyncDispose]() {
      await last;
      await storage.close();
    },
  };
}

/** As Kafka's Uuid.toString, which cluster ids are: 16 bytes in base64 for URLs, without padding, never with '-' first. */
function clusterIdOf(random: Random): string {
  for (;;) {
    const id = Buffer.from(randomUuid(random).replaceAll('-', ''), 'hex').toString('base64url');
    if (!id.startsWith('-')) return id;
  }
}

/** The ids of 0 and 1 are reserved, and Kafka's tools take a text form with '-' first for an option. */
function topicIdOf(random: Random): string {
  for (;;) {
    const id = randomUuid(random);
    if (!Buffer.from(id.replaceAll('-', ''), 'hex').toString('base64url').startsWith('-')) return id;
  }
}

function keyOf(sequence: number): Uint8Array {
  const key = Buffer.alloc(8);
  key.writeBigUInt64BE(BigInt(sequence));
  return key;
}

const sequenceOf = (key: Uint8Array): number => Number(Buffer.from(key.buffer, key.byteOffset, 8).readBigUInt64BE());

import { expect, test } from 'vitest';
import { encodeRecord } from '../../../core/controller/catalog-record.ts';
import { catalogDatabase } from '../../../core/controller/database-names.ts';
import { openLocalMetadataLog } from '../../../core/controller/local-metadata-log.ts';
import { seededRandom } from '../../../core/kernel/random.ts';
import { createMemoryEngine } from '../../../core/storage/memory-storage.ts';
import { node, placed, topicOf } from './cluster.ts';

const key = (offset: number) => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(offset));
  return bytes;
};

async function engineWith(format: number) {
  const engine = createMemoryEngine();
  const storage = await engine.open(catalogDatabase);
  const records = [
    { kind: 'cluster', clusterId: 'c', format },
    { kind: 'topic', name: 'orders', id: 'o', partitions: 2, configs: {} },
  ] as const;
  await storage.write(
    records.map((record, i) => ({ type: 'put', key: key(i), value: encodeRecord(record) })),
    { sync: true },
  );
  await storage.close();
  return engine;
}

test('a catalog of the first format is read as it was, and then says that it may hold what came later', async () => {
  const engine = await engineWith(1);
  for (let start = 0; start < 2; start++) {
    await using log = await openLocalMetadataLog({ engine, random: seededRandom(1) });
    expect(log.image).toMatchObject({ clusterId: 'c', format: 2 });
    expect(log.image.topics.get('orders')).toEqual({ name: 'orders', id: 'o', partitions: 2, configs: {} });
    expect(log.nextOffset).toBe(3);
  }
});

test('a catalog of a later format is refused', async () => {
  const opening = openLocalMetadataLog({ engine: await engineWith(3), random: seededRandom(1) });
  await expect(opening).rejects.toMatchObject({ code: 'STORAGE_NEWER' });
});

test('nodes and places are there after a restart', async () => {
  const engine = createMemoryEngine();
  {
    await using log = await openLocalMetadataLog({ engine, random: seededRandom(1) });
    await log.propose([{ kind: 'node', node: node(1) }, topicOf('orders', [placed([1])])]);
  }
  await using log = await openLocalMetadataLog({ engine, random: seededRandom(1) });
  expect([...log.image.nodes.values()]).toEqual([node(1)]);
  expect(log.image.topics.get('orders')!.places).toEqual([placed([1])]);
});

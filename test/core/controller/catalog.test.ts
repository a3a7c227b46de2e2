import { expect, test } from 'vitest';
import { openCatalog } from '../../../core/controller/catalog.ts';
import { seededRandom } from '../../../core/kernel/random.ts';
import { createMemoryEngine } from '../../../core/storage/memory-storage.ts';

const shown = ({ image }: Awaited<ReturnType<typeof openCatalog>>) => ({
  clusterId: image.clusterId,
  topics: [...image.topics.values()].sort((a, b) => (a.name < b.name ? -1 : 1)),
  erasing: [...image.erasing.values()],
  nodeConfigs: [...image.nodeConfigs],
});

test('what is written is read back, also when it was compacted to a snapshot', async () => {
  const engine = createMemoryEngine();
  let before: ReturnType<typeof shown>;
  {
    await using catalog = await openCatalog({ engine, random: seededRandom(1) });
    const orders = await catalog.createTopic({ name: 'orders', partitions: 2, configs: {} });
    const gone = await catalog.createTopic({ name: 'gone', partitions: 1, configs: {} });
    await catalog.deleteTopic(gone!.id);
    await catalog.createTopic({ name: 'gone', partitions: 3, configs: {} });
    expect(await catalog.createTopic({ name: 'orders', partitions: 9, configs: {} })).toBeNull();
    expect(await catalog.addPartitions(orders!.id, 2)).toBeNull();
    await catalog.addPartitions(orders!.id, 5);
    for (let i = 0; i < 1_200; i++) await catalog.changeConfigs(orders!.id, () => ({ 'retention.ms': String(i) }));
    await catalog.changeNodeConfigs('', () => ({ 'message.max.bytes': '5' }));
    await catalog.changeNodeConfigs('1', (configs) => ({ ...configs, 'log.retention.ms': '6' }));
    await catalog.changeNodeConfigs('2', () => ({ 'log.retention.ms': '7' }));
    await catalog.changeNodeConfigs('2', () => ({}));
    before = shown(catalog);
    expect(before.nodeConfigs).toEqual([
      ['', { 'message.max.bytes': '5' }],
      ['1', { 'log.retention.ms': '6' }],
    ]);
    expect(before.topics).toMatchObject([
      { name: 'gone', partitions: 3 },
      { name: 'orders', partitions: 5, configs: { 'retention.ms': '1199' } },
    ]);
    expect(before.erasing).toEqual([gone]);
  }
  for (let start = 0; start < 2; start++) {
    await using catalog = await openCatalog({ engine, random: seededRandom(2) });
    expect(shown(catalog)).toEqual(before);
  }
  const storage = await engine.open('__catalog');
  expect((await storage.scanPage({})).length).toBeLessThan(10);
});

test('producer ids are given out once, across restarts and at the same time', async () => {
  const engine = createMemoryEngine();
  const given: number[] = [];
  for (let start = 0; start < 3; start++) {
    await using catalog = await openCatalog({ engine, random: seededRandom(start) });
    given.push(...(await Promise.all(Array.from({ length: 1_500 }, () => catalog.producerId()))));
  }
  expect(new Set(given).size).toBe(4_500);
  expect(Math.max(...given)).toBeLessThan(6_000);
});

test('changes at the same time are carried out one after another', async () => {
  await using catalog = await openCatalog({ engine: createMemoryEngine(), random: seededRandom(1) });
  const made = await Promise.all(
    Array.from({ length: 5 }, () => catalog.createTopic({ name: 'orders', partitions: 1, configs: {} })),
  );
  expect(made.filter((topic) => topic !== null)).toHaveLength(1);
  const { id } = made.find((topic) => topic !== null)!;
  await Promise.all(
    Array.from({ length: 9 }, (_, i) => catalog.changeConfigs(id, (configs) => ({ ...configs, [`n${i}`]: String(i) }))),
  );
  expect(Object.keys(catalog.image.topics.get('orders')!.configs)).toHaveLength(9);
});

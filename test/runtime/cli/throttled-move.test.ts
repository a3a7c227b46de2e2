// Copies that move no faster than a rate, among real nodes: it holds for what is filled, and not for what is in sync.
import { expect, test } from 'vitest';
import type { Admin } from '../../../core/client/index.ts';
import { throttled, throttledReplicas } from '../../../runtime/cli/throttled-move.ts';
import { startCluster } from '../../core/server/cluster/three-nodes.ts';

const patient = { timeout: 30_000, interval: 30 };
const topic = 'orders';

test('those that have a partition give it, and those that are to have it take it', () => {
  const places = [{ topic, partition: 0, leader: 1, replicas: [1, 3], inSync: [1, 3] }];
  const moves = [{ topic, partition: 0, replicas: [3, 2] }];
  expect(throttledReplicas({ places, moves })).toEqual({ leader: '0:1,0:3', follower: '0:2' });
});

test('rates are taken back of every node that can be asked, also where the topic or a node is gone', async () => {
  const asked: string[] = [];
  const alterConfigs: Admin['alterConfigs'] = async ({ name }, changes) => {
    await Promise.resolve();
    const isBack = Object.values(changes).every((value) => value === null);
    if (isBack && (name === topic || name === '1')) throw new Error(`${name} is gone`);
    await new Promise((resolve) => setTimeout(resolve, 5));
    if (isBack) asked.push(name);
  };
  const places = [{ topic, partition: 0, leader: 1, replicas: [1, 3], inSync: [1, 3] }];
  const moves = [{ topic, partition: 0, replicas: [3, 2] }];
  const move = throttled({ alterConfigs } as Admin, { topic, places, moves, rate: 1 }, async () => {});
  await expect(move).rejects.toThrow('is gone');
  expect(asked.sort()).toEqual(['2', '3']);
});

test('a copy is filled at the rate, writers to those in sync notice nothing, and no setting is left', async () => {
  await using cluster = await startCluster();
  const client = cluster.client();
  const admin = client.admin();
  await admin.createTopics([{ name: topic, partitions: 1, replicationFactor: 2 }]);
  await admin.reassign([{ topic, partition: 0, replicas: [1, 3] }]);
  const placed = async () => (await admin.listPlaces()).find((place) => place.topic === topic)!;
  await expect.poll(async () => (await placed()).inSync.toSorted(), patient).toEqual([1, 3]);
  await expect.poll(() => admin.listReassignments(), patient).toEqual([]);
  await using producer = client.producer();
  const value = Buffer.alloc(64_000, 'x');
  await Promise.all(Array.from({ length: 80 }, () => producer.send({ topic, key: null, value })));

  const moves = [{ topic, partition: 0, replicas: [1, 3, 2] }];
  const startedMs = performance.now();
  const configs = async () =>
    [
      ...(await admin.describeConfigs({ kind: 'topic', name: topic })),
      ...(await admin.describeConfigs({ kind: 'node', name: '2' })),
    ].flatMap(({ name, value, source }) => (name.includes('throttled') && source !== 'default' ? [[name, value]] : []));
  await throttled(admin, { topic, places: [await placed()], moves, rate: 1_000_000 }, async () => {
    expect(Object.fromEntries(await configs())).toEqual({
      'leader.replication.throttled.replicas': '0:1,0:3',
      'follower.replication.throttled.replicas': '0:2',
      'leader.replication.throttled.rate': '1000000',
      'follower.replication.throttled.rate': '1000000',
    });
    await admin.reassign(moves);
    await producer.send({ topic, key: null, value: Buffer.from('meanwhile') });
    expect(await admin.listReassignments()).toHaveLength(1);
    await expect.poll(() => admin.listReassignments(), patient).toEqual([]);
  });
  // 5 MB at 1 MB/s, of which what one second allows and one answer go at once.
  expect(performance.now() - startedMs).toBeGreaterThan(2_000);
  expect(await configs()).toEqual([]);
  expect((await placed()).inSync.toSorted()).toEqual([1, 2, 3]);
}, 60_000);

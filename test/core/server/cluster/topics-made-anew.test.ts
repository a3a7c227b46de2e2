// Logs bear the names of their topics, and a topic may be deleted, moved and made anew under the same name, with every node
// up or with one that hears of it later.
import { expect, test } from 'vitest';
import { apis } from '../../../../core/protocol/api-table.ts';
import { errorOf } from '../../../../core/protocol/error-code.ts';
import { startCluster, type TestCluster } from './three-nodes.ts';

const patient = { timeout: 15_000, interval: 30 };
const bytes = (text: string) => Buffer.from(text);

async function endOf(cluster: TestCluster, topic: string): Promise<number> {
  const [end] = await cluster
    .client()
    .admin()
    .listOffsets([{ topic, partition: 0 }], 'latest');
  return end!.offset;
}

const inSync = async (cluster: TestCluster, topic: string) =>
  [...(await cluster.client().admin().describeTopics([topic]))[0]!.partitions[0]!.inSyncReplicas].sort();

test('a topic that is made anew at once has its own records on every node, and none of the one before', async () => {
  await using cluster = await startCluster();
  const client = cluster.client();
  const admin = client.admin();
  for (let round = 1; round <= 5; round++) {
    await admin.createTopics([{ name: 'orders', partitions: 1, replicationFactor: 3 }]);
    await using producer = client.producer();
    for (let i = 0; i < round; i++)
      await producer.send({ topic: 'orders', key: null, value: bytes(`round ${round}, ${i}`) });
    await expect.poll(() => inSync(cluster, 'orders'), patient).toEqual([1, 2, 3]);
    expect(await endOf(cluster, 'orders')).toBe(round);
    if (round < 5) await admin.deleteTopics(['orders']);
  }
  // Each of the replicas has them: any one that is left is enough.
  await cluster.kill((await admin.describeTopics(['orders']))[0]!.partitions[0]!.leader);
  await expect.poll(() => endOf(cluster, 'orders').catch(() => -1), patient).toBe(5);
}, 60_000);

test('what groups had committed for a topic goes with it, whichever node coordinates them', async () => {
  await using cluster = await startCluster();
  const client = cluster.client();
  const admin = client.admin();
  await admin.createTopics(['orders', 'kept'].map((name) => ({ name, partitions: 1, replicationFactor: 3 })));
  const groups = Array.from({ length: 8 }, (_, i) => `group-${i}`);
  const partitions = ['orders', 'kept'].map((topic) => ({ topic, partition: 0 }));
  for (const group of groups) await client.offsets(group).commit(partitions.map((one) => ({ ...one, offset: 1_000 })));
  await admin.deleteTopics(['orders']);
  const committed = async () => {
    const offsets = await Promise.all(groups.map((group) => client.offsets(group).fetch(partitions)));
    return new Set(offsets.map((found) => [...found.keys()].join()));
  };
  await expect.poll(committed, patient).toEqual(new Set(['kept-0']));
  await admin.createTopics([{ name: 'orders', partitions: 1, replicationFactor: 3 }]);
  expect(await committed()).toEqual(new Set(['kept-0']));
}, 60_000);

test('a node that was away erases what went meanwhile, and what moved, and follows what was made anew', async () => {
  await using cluster = await startCluster();
  const client = cluster.client();
  const admin = client.admin();
  const config = { 'min.insync.replicas': '1' };
  const names = ['gone', 'anew', 'moved'];
  await admin.createTopics(names.map((name) => ({ name, partitions: 1, replicationFactor: 3, config })));
  await using producer = client.producer();
  for (const topic of names)
    for (let i = 0; i < 3; i++) await producer.send({ topic, key: null, value: bytes(`${topic} ${i}`) });
  await expect.poll(() => cluster.databases(3)).toEqual(expect.arrayContaining(['gone-0', 'anew-0', 'moved-0']));
  await cluster.kill(3);
  await expect.poll(() => inSync(cluster, 'moved'), patient).toEqual([1, 2]);
  await admin.deleteTopics(['gone', 'anew']);
  await admin.createTopics([{ name: 'anew', partitions: 1, replicationFactor: 2, config }]);
  await admin.reassign([{ topic: 'moved', partition: 0, replicas: [1, 2] }]);
  await expect.poll(() => inSync(cluster, 'moved'), patient).toEqual([1, 2]);
  await cluster.start(3);
  await expect.poll(() => cluster.databases(3), patient).not.toContain('gone-0');
  await expect.poll(() => cluster.databases(3), patient).not.toContain('moved-0');
  await expect.poll(() => cluster.databases(3), patient).not.toContain('anew-0');
  await admin.reassign([{ topic: 'anew', partition: 0, replicas: [3] }]);
  await expect.poll(() => inSync(cluster, 'anew'), patient).toEqual([3]);
  expect(await endOf(cluster, 'anew')).toBe(0);
  expect(await endOf(cluster, 'moved')).toBe(3);
}, 60_000);

test('a topic that is deleted by one node can be made by another at once, and only the controller says what there is', async () => {
  await using cluster = await startCluster();
  const nodes = [...cluster.nodes.values()];
  const ask = async (node: (typeof nodes)[number], name: string) => {
    const topics = [{ name, numPartitions: 1, replicationFactor: 3 }];
    const request = apis.createTopics.request.create({ topics, timeoutMs: 10_000 });
    return errorOf((await node.call('createTopics', 7, request)).topics[0]!.errorCode).name;
  };
  for (let i = 0; i < 12; i++) {
    expect(await ask(nodes[i % 3]!, 'a.b')).toBe('NONE');
    expect(await ask(nodes[(i + 1) % 3]!, 'a.b')).toBe('TOPIC_ALREADY_EXISTS');
    expect(await ask(nodes[(i + 2) % 3]!, 'a_b')).toBe('INVALID_TOPIC_EXCEPTION');
    const request = apis.deleteTopics.request.create({ topics: [{ name: 'a.b' }], timeoutMs: 10_000 });
    const gone = await nodes[(i + 1) % 3]!.call('deleteTopics', 6, request);
    expect(gone.responses[0]!.errorCode).toBe(0);
  }
});

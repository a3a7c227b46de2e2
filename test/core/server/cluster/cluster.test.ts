import { expect, test } from 'vitest';
import { startCluster, type TestCluster } from './three-nodes.ts';

const patient = { timeout: 15_000, interval: 30 };
const bytes = (text: string) => Buffer.from(text);

test('three nodes form a cluster, place topics, and keep what is written on each', async () => {
  await using cluster = await startCluster();
  const client = cluster.client();
  const admin = client.admin();
  const { nodes, controllerId } = await admin.describeCluster();
  expect(nodes.map(({ nodeId }) => nodeId)).toEqual([1, 2, 3]);
  expect(cluster.ids).toContain(controllerId);
  await admin.createTopics([{ name: 'orders', partitions: 6, replicationFactor: 3 }]);
  const [orders] = await admin.describeTopics(['orders']);
  expect(orders!.partitions.map(({ replicas }) => [...replicas].sort())).toEqual(Array(6).fill([1, 2, 3]));
  expect(new Set(orders!.partitions.map(({ leader }) => leader))).toEqual(new Set([1, 2, 3]));
  await using producer = client.producer();
  await Promise.all(
    Array.from({ length: 60 }, (_, i) =>
      producer.send({ topic: 'orders', key: bytes(`k${i}`), value: bytes(`v${i}`) }),
    ),
  );
  const ends = await admin.listOffsets(
    Array.from({ length: 6 }, (_, partition) => ({ topic: 'orders', partition })),
    'latest',
  );
  expect(ends.reduce((sum, { offset }) => sum + offset, 0)).toBe(60);
});

/** Values of all partitions, as a reader of committed records gets them. */
async function valuesOf(cluster: TestCluster, topic: string): Promise<string[]> {
  const client = cluster.client('reader');
  const values: string[] = [];
  const consumer = client.consumer({ isolation: 'readCommitted', from: 'earliest' });
  const [described] = await client.admin().describeTopics([topic]);
  const isRead = ({ partition, endOffset }: { partition: number; endOffset: number }) =>
    endOffset === 0 || (consumer.position({ topic, partition }) ?? 0) >= endOffset;
  consumer.assign(described!.partitions.map(({ partition }) => ({ topic, partition })));
  while (!described!.partitions.every(isRead))
    for (const { value } of await consumer.poll(200)) values.push(Buffer.from(value!).toString());
  await consumer.close();
  return values.sort();
}

test('what was acknowledged is there after any node is killed, and the others go on within seconds', async () => {
  await using cluster = await startCluster();
  const client = cluster.client();
  const admin = client.admin();
  const config = { 'min.insync.replicas': '2' };
  await admin.createTopics([{ name: 'orders', partitions: 6, replicationFactor: 3, config }]);
  await using producer = client.producer();
  const sent: string[] = [];
  const send = async (from: number, count: number) => {
    const values = Array.from({ length: count }, (_, i) => `v${from + i}`);
    await Promise.all(
      values.map((value) => producer.send({ topic: 'orders', key: bytes(value), value: bytes(value) })),
    );
    sent.push(...values);
  };
  await send(0, 100);
  const { controllerId } = await admin.describeCluster();
  await cluster.kill(controllerId);
  await send(100, 100);
  const led = async () => {
    const [orders] = await admin.describeTopics(['orders']);
    return orders!.partitions.every(({ leader }) => leader >= 0 && leader !== controllerId);
  };
  await expect.poll(led, patient).toBe(true);
  await cluster.start(controllerId);
  const whole = async () => {
    const [orders] = await admin.describeTopics(['orders']);
    return orders!.partitions.every(({ inSyncReplicas }) => inSyncReplicas.length === 3);
  };
  await expect.poll(whole, patient).toBe(true);
  await send(200, 50);
  expect(await valuesOf(cluster, 'orders')).toEqual([...sent].sort());
});

test('a group goes on, and a transaction is whole, when the node that coordinates them is killed', async () => {
  await using cluster = await startCluster();
  const client = cluster.client();
  const admin = client.admin();
  await admin.createTopics([{ name: 'orders', partitions: 2, replicationFactor: 3 }]);
  await using producer = client.producer({ transactionalId: 'tx' });
  await producer.initTransactions();
  const transact = async (values: readonly string[]) => {
    producer.begin();
    await Promise.all(
      values.map((value, i) => producer.send({ topic: 'orders', partition: i % 2, key: null, value: bytes(value) })),
    );
    await producer.commit();
  };
  await transact(['a', 'b']);
  const consumer = client.consumer({ groupId: 'readers', from: 'earliest', isolation: 'readCommitted' });
  consumer.subscribe(['orders']);
  const read: string[] = [];
  const readTo = async (count: number) => {
    while (read.length < count)
      for (const { value } of await consumer.poll(200)) read.push(Buffer.from(value!).toString());
    await consumer.commit();
  };
  await readTo(2);
  const coordinator = await admin.coordinatorOf('readers');
  await cluster.kill(coordinator);
  await transact(['c', 'd']);
  await readTo(4);
  await cluster.start(coordinator);
  await transact(['e', 'f']);
  await readTo(6);
  expect(read.sort()).toEqual(['a', 'b', 'c', 'd', 'e', 'f']);
  await consumer.close();
  expect(await valuesOf(cluster, 'orders')).toEqual(['a', 'b', 'c', 'd', 'e', 'f']);
}, 60_000);

test('a node that is stopped in good order hands its leaders over first, and no writer notices', async () => {
  await using cluster = await startCluster();
  const client = cluster.client();
  const admin = client.admin();
  await admin.createTopics([{ name: 'orders', partitions: 6, replicationFactor: 3 }]);
  await using producer = client.producer();
  let count = 0;
  let slowestMs = 0;
  let stopping = true;
  const writing = (async () => {
    while (stopping) {
      const startedMs = performance.now();
      await producer.send({ topic: 'orders', key: bytes(`k${count}`), value: bytes(`v${count}`) });
      slowestMs = Math.max(slowestMs, performance.now() - startedMs);
      count += 1;
    }
  })();
  for (const id of cluster.ids) {
    await cluster.stop(id);
    await cluster.start(id);
    const whole = async () => {
      const [orders] = await admin.describeTopics(['orders']);
      return orders!.partitions.every(({ inSyncReplicas }) => inSyncReplicas.length === 3);
    };
    await expect.poll(whole, patient).toBe(true);
  }
  stopping = false;
  await writing;
  expect((await valuesOf(cluster, 'orders')).length).toBe(count);
  expect(new Set(await valuesOf(cluster, 'orders')).size).toBe(count);
}, 60_000);

test('replicas move to another node, and go where they were', async () => {
  await using cluster = await startCluster();
  const client = cluster.client();
  const admin = client.admin();
  await admin.createTopics([{ name: 'orders', partitions: 1, replicationFactor: 2 }]);
  await using producer = client.producer();
  await producer.send({ topic: 'orders', key: null, value: bytes('v') });
  const replicas = async () => (await admin.describeTopics(['orders']))[0]!.partitions[0]!;
  const before = (await replicas()).replicas;
  const other = cluster.ids.find((id) => !before.includes(id))!;
  const target = [other, before[0]!];
  await admin.reassign([{ topic: 'orders', partition: 0, replicas: target }]);
  await expect.poll(async () => (await replicas()).replicas, patient).toEqual(target);
  await expect.poll(async () => [...(await replicas()).inSyncReplicas].sort(), patient).toEqual([...target].sort());
  expect(await admin.listReassignments()).toEqual([]);
  await admin.electLeaders('preferred', [{ topic: 'orders', partition: 0 }]);
  await expect.poll(async () => (await replicas()).leader, patient).toBe(other);
  expect(await valuesOf(cluster, 'orders')).toEqual(['v']);
});

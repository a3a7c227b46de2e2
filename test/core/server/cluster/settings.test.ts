// Settings of topics and nodes that are changed while a cluster runs: they hold on every node, and none of them goes lost.
import { expect, test } from 'vitest';
import { apis } from '../../../../core/protocol/api-table.ts';
import { startCluster, type TestCluster } from './three-nodes.ts';

const patient = { timeout: 10_000, interval: 30 };
const topic = 'orders';
const types = { topic: 2, node: 4 };

async function set(cluster: TestCluster, at: number, kind: 'topic' | 'node', configs: Record<string, string>) {
  const changes = Object.entries(configs).map(([name, value]) => ({ name, value, configOperation: 0 }));
  const resource = { resourceType: types[kind], resourceName: kind === 'topic' ? topic : '', configs: changes };
  const request = apis.incrementalAlterConfigs.request.create({ resources: [resource] });
  const answer = await cluster.nodes.get(at)!.call('incrementalAlterConfigs', 1, request);
  expect(answer.responses.map(({ errorCode }) => errorCode)).toEqual([0]);
}

test('a default that is set for all nodes holds for what each of them leads', async () => {
  await using cluster = await startCluster();
  const client = cluster.client();
  await client.admin().createTopics([{ name: topic, partitions: 3, replicationFactor: 1 }]);
  await using producer = client.producer();
  const send = (partition: number) => producer.send({ topic, partition, key: null, value: Buffer.alloc(500) });
  await Promise.all([0, 1, 2].map(send));
  await set(cluster, 1, 'node', { 'message.max.bytes': '200' });
  const isRefused = async (partition: number) =>
    (await Promise.allSettled([send(partition)]))[0]!.status === 'rejected';
  await expect.poll(() => Promise.all([0, 1, 2].map(isRefused)), patient).toEqual([true, true, true]);
}, 30_000);

test('settings that are changed at the same time, by whichever nodes, all hold', async () => {
  await using cluster = await startCluster();
  const admin = cluster.client().admin();
  await admin.createTopics([{ name: topic, partitions: 1, replicationFactor: 3 }]);
  const ofTopic = { 'retention.ms': '1000', 'max.message.bytes': '2000', 'segment.bytes': '3000000' };
  const ofNodes = { 'log.retention.ms': '1000', 'message.max.bytes': '2000', 'log.segment.bytes': '3000000' };
  const setAll = (kind: 'topic' | 'node', configs: Record<string, string>) =>
    Promise.all(Object.entries(configs).map(([name, value], i) => set(cluster, i + 1, kind, { [name]: value })));
  await Promise.all([setAll('topic', ofTopic), setAll('node', ofNodes)]);
  const valuesOf = async (kind: 'topic' | 'node', names: string[]) => {
    const found = await admin.describeConfigs({ kind, name: kind === 'topic' ? topic : '1' });
    return Object.fromEntries(found.flatMap(({ name, value }) => (names.includes(name) ? [[name, value]] : [])));
  };
  await expect.poll(() => valuesOf('topic', Object.keys(ofTopic)), patient).toEqual(ofTopic);
  await expect.poll(() => valuesOf('node', Object.keys(ofNodes)), patient).toEqual(ofNodes);
}, 30_000);

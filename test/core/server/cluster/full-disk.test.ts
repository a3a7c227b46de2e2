// A node whose disk is full gives up what others can lead, says so, and takes part again when there is room.
import { expect, test } from 'vitest';
import type { Logger } from '../../../../core/kernel/logger.ts';
import { apis } from '../../../../core/protocol/api-table.ts';
import { errors } from '../../../../core/protocol/error-code.ts';
import { batchOf, valuesIn } from '../rig.ts';
import { startCluster, type TestCluster } from './three-nodes.ts';

const patient = { timeout: 20_000, interval: 30 };
const bytes = (text: string) => Buffer.from(text);

function collecting() {
  const lines: { readonly level: string; readonly message: string }[] = [];
  const at = (level: string) => (_: object, message: string) => void lines.push({ level, message });
  const logger: Logger = { debug: () => {}, info: at('info'), warn: at('warn'), error: at('error') };
  return { logger, lines };
}

async function placeOf(cluster: TestCluster, topic: string) {
  const [described] = await cluster.client('asker').admin().describeTopics([topic]);
  return described!.partitions[0]!;
}

/** One partition, on these nodes. */
async function createOn(cluster: TestCluster, name: string, brokerIds: readonly number[]): Promise<void> {
  const request = apis.createTopics.request.create({
    timeoutMs: 10_000,
    topics: [
      { name, numPartitions: -1, replicationFactor: -1, assignments: [{ partitionIndex: 0, brokerIds }], configs: [] },
    ],
  } as never);
  const answer = await cluster.nodes.get(brokerIds[0]!)!.call('createTopics', 7, request);
  expect(answer.topics[0]!.errorCode).toBe(0);
}

/** Straight to a node, as a client that takes it for the leader. */
async function writeTo(cluster: TestCluster, id: number, topic: string, value: string): Promise<number> {
  const partitionData = [{ index: 0, records: [batchOf([value])] }];
  const request = { acks: -1, timeoutMs: 1_000, topicData: [{ name: topic, partitionData }] };
  const answer = await cluster.nodes.get(id)!.call('produce', 9, apis.produce.request.create(request as never));
  return answer.responses[0]!.partitionResponses[0]!.errorCode;
}

async function readFrom(cluster: TestCluster, id: number, topic: string): Promise<string[]> {
  const request = apis.fetch.request.create({
    ...{ maxWaitMs: 0, minBytes: 0, maxBytes: 1 << 20, replicaId: -1, sessionEpoch: -1 },
    topics: [
      { topic, partitions: [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 1 << 20, currentLeaderEpoch: -1 }] },
    ],
  } as never);
  const answer = await cluster.nodes.get(id)!.call('fetch', 12, request);
  return valuesIn(answer.responses[0]!.partitions[0]!.records ?? []);
}

test('a node whose disk is full hands over what it leads, goes on alone for readers, and comes back', async () => {
  const { logger, lines } = collecting();
  await using cluster = await startCluster({ logger });
  const client = cluster.client();
  const admin = client.admin();
  const { controllerId: full } = await admin.describeCluster();
  const others = cluster.ids.filter((id) => id !== full);
  await createOn(cluster, 'shared', [full, ...others]);
  await createOn(cluster, 'alone', [full]);
  await using producer = client.producer();
  const send = (topic: string, value: string) => producer.send({ topic, partition: 0, key: null, value: bytes(value) });
  await send('shared', 'a');
  await send('alone', 'a');

  cluster.disk(full).isFull = true;
  await send('shared', 'b');
  const moved = await placeOf(cluster, 'shared');
  expect(others).toContain(moved.leader);
  await expect.poll(async () => [...(await placeOf(cluster, 'shared')).inSyncReplicas].sort()).toEqual(others);
  await expect.poll(async () => (await admin.describeCluster()).controllerId, patient).not.toBe(full);
  expect((await placeOf(cluster, 'alone')).leader).toBe(full);
  expect(await writeTo(cluster, full, 'alone', 'x')).toBe(errors.KAFKA_STORAGE_ERROR.code);
  expect(await readFrom(cluster, full, 'alone')).toEqual(['a']);
  // It has heard who leads, though it could write none of it down.
  await expect.poll(() => writeTo(cluster, full, 'shared', 'x'), patient).toBe(errors.NOT_LEADER_OR_FOLLOWER.code);
  await admin.createTopics([{ name: 'later', partitions: 1, replicationFactor: 3 }]);
  expect((await placeOf(cluster, 'later')).leader).not.toBe(full);
  await send('later', 'a');

  cluster.disk(full).isFull = false;
  for (const topic of ['shared', 'later'])
    await expect.poll(async () => (await placeOf(cluster, topic)).inSyncReplicas.length, patient).toBe(3);
  await send('alone', 'b');
  expect(await readFrom(cluster, full, 'alone')).toEqual(['a', 'b']);
  await expect.poll(() => readFrom(cluster, full, 'shared'), patient).toEqual(['a', 'b']);
  await expect.poll(() => readFrom(cluster, full, 'later'), patient).toEqual(['a']);
  const said = lines.filter(({ message }) => message.startsWith('the disk of this node takes no writes'));
  expect(said).toHaveLength(1);
  expect(lines.filter(({ level }) => level === 'error')).toEqual([]);
}, 60_000);

test('leaders stay where all disks are full, and all goes on when there is room', async () => {
  await using cluster = await startCluster();
  const client = cluster.client();
  const admin = client.admin();
  await admin.createTopics([{ name: 'shared', partitions: 1, replicationFactor: 3 }]);
  await using producer = client.producer();
  await producer.send({ topic: 'shared', partition: 0, key: null, value: bytes('a') });
  for (const id of cluster.ids) cluster.disk(id).isFull = true;
  const { leader } = await placeOf(cluster, 'shared');
  expect(await writeTo(cluster, leader, 'shared', 'x')).toBe(errors.KAFKA_STORAGE_ERROR.code);
  expect(await readFrom(cluster, leader, 'shared')).toEqual(['a']);
  for (const id of cluster.ids) cluster.disk(id).isFull = false;
  await producer.send({ topic: 'shared', partition: 0, key: null, value: bytes('b') });
  await expect.poll(async () => (await placeOf(cluster, 'shared')).inSyncReplicas.length, patient).toBe(3);
  const now = await placeOf(cluster, 'shared');
  expect(await readFrom(cluster, now.leader, 'shared')).toEqual(['a', 'b']);
}, 60_000);

import { expect, test } from 'vitest';
import { systemClock } from '../../../../core/kernel/clock.ts';
import { silentLogger } from '../../../../core/kernel/logger.ts';
import { seededRandom } from '../../../../core/kernel/random.ts';
import { apis, type ResponseOf } from '../../../../core/protocol/api-table.ts';
import { createNode, type StorageNode } from '../../../../core/server/node.ts';
import { createMemoryEngine } from '../../../../core/storage/memory-storage.ts';
import { strictTransport } from '../../../support/strict-transport.ts';
import { startCluster } from './three-nodes.ts';

const patient = { timeout: 15_000, interval: 30 };
const metadata = [{ topicName: '__cluster_metadata', partitions: [{ partitionIndex: 0 }] }];

const ask = (node: StorageNode, version = 2, topics = metadata): Promise<ResponseOf<'describeQuorum'>> =>
  strictTransport(node).call('describeQuorum', version, apis.describeQuorum.request.create({ topics }));

const partitionOf = ({ topics }: ResponseOf<'describeQuorum'>) => topics[0]!.partitions[0]!;

test('every node of a cluster gives what the leader of the metadata log knows', async () => {
  await using cluster = await startCluster();
  const nodes = [...cluster.nodes.values()];
  await cluster
    .client()
    .admin()
    .createTopics([{ name: 'orders', partitions: 2, replicationFactor: 3 }]);
  await expect
    .poll(async () => {
      const { currentVoters, highWatermark } = partitionOf(await ask(nodes[0]!));
      return currentVoters.every(({ logEndOffset }) => logEndOffset === highWatermark);
    }, patient)
    .toBe(true);
  const answers = await Promise.all(nodes.map((node) => ask(node)));
  const sinceMs = Date.now() - patient.timeout;
  for (const answer of answers) {
    const { leaderId, leaderEpoch, currentVoters, observers } = partitionOf(answer);
    expect(leaderId).toBe(partitionOf(answers[0]!).leaderId);
    expect(leaderEpoch).toBe(partitionOf(answers[0]!).leaderEpoch);
    expect(currentVoters.map(({ replicaId }) => replicaId)).toEqual([1, 2, 3]);
    expect(observers).toEqual([]);
    for (const { lastFetchTimestamp, lastCaughtUpTimestamp } of currentVoters) {
      expect(lastFetchTimestamp).toBeGreaterThan(sinceMs);
      expect(lastCaughtUpTimestamp).toBeGreaterThan(sinceMs);
      expect(lastCaughtUpTimestamp).toBeLessThanOrEqual(Date.now());
    }
    expect(answer.nodes).toEqual(
      [1, 2, 3].map((nodeId) => ({ nodeId, listeners: [{ name: 'CONTROLLER', host: 'node', port: 9_000 + nodeId }] })),
    );
  }
});

test('a voter that is dead falls behind, and is told so', async () => {
  await using cluster = await startCluster();
  const { leaderId } = partitionOf(await ask(cluster.nodes.get(1)!));
  const dead = cluster.ids.find((id) => id !== leaderId)!;
  await cluster.kill(dead);
  const diedMs = Date.now();
  await cluster
    .client()
    .admin()
    .createTopics([{ name: 'orders', partitions: 2, replicationFactor: 2 }]);
  const { currentVoters, highWatermark } = partitionOf(await ask(cluster.nodes.get(leaderId)!));
  const behind = currentVoters.find(({ replicaId }) => replicaId === dead)!;
  expect(behind.logEndOffset).toBeLessThan(highWatermark);
  expect(behind.lastFetchTimestamp).toBeLessThanOrEqual(diedMs + 1);
  expect(behind.lastCaughtUpTimestamp).toBeLessThanOrEqual(behind.lastFetchTimestamp);
});

test('a node alone is a quorum of one, and nothing else has a quorum', async () => {
  const node = await createNode({
    ...{ engine: createMemoryEngine(), clock: systemClock, random: seededRandom(1), logger: silentLogger },
    settings: { nodeId: 7, host: 'here', port: 9_092 },
  });
  try {
    for (const version of [0, 1, 2]) {
      const { leaderId, highWatermark, currentVoters } = partitionOf(await ask(node, version));
      expect(leaderId).toBe(7);
      expect(currentVoters).toMatchObject([{ replicaId: 7, logEndOffset: highWatermark }]);
    }
    const other = [{ topicName: 'orders', partitions: [{ partitionIndex: 0 }, { partitionIndex: 1 }] }];
    const { topics, errorCode } = await ask(node, 2, other);
    expect(errorCode).toBe(0);
    expect(topics[0]!.partitions.map((partition) => partition.errorCode)).toEqual([3, 3]);
  } finally {
    await node.close();
  }
});

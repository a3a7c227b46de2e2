// Who asks the wrong node is told of the right one with the refusal (KIP-951).
import { expect, test } from 'vitest';
import { apis } from '../../../../core/protocol/api-table.ts';
import { BatchBuilder } from '../../../../core/protocol/batch-builder.ts';
import { errorOf } from '../../../../core/protocol/error-code.ts';
import { startCluster } from './three-nodes.ts';

test('a producer and a reader at a node that doesn’t lead are told who does, and where, as far as their version can say', async () => {
  await using cluster = await startCluster();
  const client = cluster.client();
  await client.admin().createTopics([{ name: 'orders', partitions: 1, replicationFactor: 3 }]);
  const place = (await client.admin().describeTopics(['orders']))[0]!.partitions[0]!;
  const leader = { leaderId: place.leader!, leaderEpoch: place.leaderEpoch };
  const { topicId } = await client.cluster.topic('orders');
  const other = cluster.nodes.get(place.replicas.find((id) => id !== place.leader)!)!;

  const builder = new BatchBuilder();
  builder.append(1, null, 'v');
  const batch = builder.build();
  const produce = async (version: number) => {
    const topicData = [{ name: 'orders', topicId: topicId!, partitionData: [{ index: 0, records: [batch.slice()] }] }];
    const request = apis.produce.request.create({ acks: -1, timeoutMs: 5_000, topicData });
    const { responses, nodeEndpoints } = await other.call('produce', version, request);
    const { errorCode, currentLeader } = responses[0]!.partitionResponses[0]!;
    return { error: errorOf(errorCode).name, currentLeader, nodes: nodeEndpoints.map(({ nodeId }) => nodeId) };
  };
  const error = 'NOT_LEADER_OR_FOLLOWER';
  await expect.poll(() => produce(13)).toEqual({ error, currentLeader: leader, nodes: [place.leader] });
  expect(await produce(10)).toEqual({ error, currentLeader: leader, nodes: [place.leader] });
  expect(await produce(9)).toEqual({ error, currentLeader: { leaderId: -1, leaderEpoch: -1 }, nodes: [] });

  const fetch = async (version: number, currentLeaderEpoch: number) => {
    const asked = { partition: 0, fetchOffset: 0, partitionMaxBytes: 1_000, currentLeaderEpoch };
    const request = apis.fetch.request.create({
      ...{ maxWaitMs: 0, minBytes: 0, maxBytes: 1_000, isolationLevel: 0, sessionId: 0, sessionEpoch: -1 },
      ...(version < 15 && { replicaId: 1_000 }),
      ...(version >= 15 && { replicaState: { replicaId: 1_000, replicaEpoch: 1 } }),
      topics: [{ topic: 'orders', topicId: topicId!, partitions: [asked] }],
    });
    const { responses, nodeEndpoints } = await other.call('fetch', version, request);
    const { errorCode, currentLeader } = responses[0]!.partitions[0]!;
    return { error: errorOf(errorCode).name, currentLeader, nodes: nodeEndpoints.map(({ nodeId }) => nodeId) };
  };
  // Followers alone are sent on: a consumer may read from a copy.
  expect(await fetch(16, -1)).toEqual({ error, currentLeader: leader, nodes: [place.leader] });
  expect(await fetch(12, -1)).toEqual({ error, currentLeader: leader, nodes: [] });
});

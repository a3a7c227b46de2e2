// A fetch that waits while the leader it asked becomes a follower.
import { expect, test } from 'vitest';
import { apis } from '../../../../core/protocol/api-table.ts';
import { errorOf } from '../../../../core/protocol/error-code.ts';
import { startCluster } from './three-nodes.ts';

const patient = { timeout: 15_000, interval: 30 };
const fetchVersion = 15;

test.each(['a follower', 'a consumer'])('of %s is not answered from the log of another leader', async (who) => {
  await using cluster = await startCluster();
  const client = cluster.client();
  const admin = client.admin();
  await admin.createTopics([{ name: 'orders', partitions: 1, replicationFactor: 3 }]);
  await using producer = client.producer();
  const send = () => producer.send({ topic: 'orders', partition: 0, key: null, value: Buffer.from('v') });
  const { offset } = await send();
  const place = async () => (await admin.describeTopics(['orders']))[0]!.partitions[0]!;
  await expect.poll(async () => (await place()).inSyncReplicas.length, patient).toBe(3);
  const { leader, replicas } = await place();
  const [other, third] = replicas.filter((id) => id !== leader);
  const asked = { partition: 0, fetchOffset: offset + 1, partitionMaxBytes: 1_000_000, currentLeaderEpoch: -1 };
  const request = apis.fetch.request.create({
    // Of a life of it that is newer than any.
    replicaState: who === 'a follower' ? { replicaId: third!, replicaEpoch: 2 ** 40 } : {},
    ...{ maxWaitMs: 20_000, minBytes: 1, maxBytes: 1_000_000, isolationLevel: 0, sessionId: 0, sessionEpoch: -1 },
    topics: [{ topicId: (await client.cluster.topic('orders')).topicId!, partitions: [asked] }],
  });
  const waiting = cluster.nodes.get(leader)!.call('fetch', fetchVersion, request);
  await admin.reassign([{ topic: 'orders', partition: 0, replicas: [other!, leader, third!] }]);
  await admin.electLeaders('preferred', [{ topic: 'orders', partition: 0 }]);
  await expect.poll(async () => (await place()).leader, patient).toBe(other);
  await send();
  const { errorCode, records } = (await waiting).responses[0]!.partitions[0]!;
  expect([errorOf(errorCode).name, records ?? []]).toEqual(['NOT_LEADER_OR_FOLLOWER', []]);
});

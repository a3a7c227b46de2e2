// A coordinator that the other copies don't reach any more.
import { expect, test } from 'vitest';
import { apis } from '../../../../core/protocol/api-table.ts';
import { errorOf } from '../../../../core/protocol/error-code.ts';
import { startCluster } from './three-nodes.ts';

const patient = { timeout: 15_000, interval: 30 };

test('sends who commits to it away in time, to look for the one that replaced it', async () => {
  await using cluster = await startCluster({ settings: { 'offsets.commit.timeout.ms': 300 } });
  const client = cluster.client();
  const admin = client.admin();
  await admin.createTopics([{ name: 'orders', partitions: 1, replicationFactor: 3 }]);
  const place = { topic: 'orders', partition: 0 };
  await client.offsets('readers').commit([{ ...place, offset: 1 }]);
  const find = apis.findCoordinator.request.create({ keyType: 0, coordinatorKeys: ['readers'] });
  const found = async () => (await cluster.nodes.get(1)!.call('findCoordinator', 4, find)).coordinators[0]!.nodeId;
  await expect.poll(found, patient).toBeGreaterThan(0);
  const coordinator = await found();
  for (const id of cluster.ids) if (id !== coordinator) await cluster.kill(id);
  const commit = apis.offsetCommit.request.create({
    groupId: 'readers',
    topics: [{ name: 'orders', partitions: [{ partitionIndex: 0, committedOffset: 2 }] }],
  });
  const answer = await cluster.nodes.get(coordinator)!.call('offsetCommit', 8, commit);
  expect(errorOf(answer.topics[0]!.partitions[0]!.errorCode).name).toBe('COORDINATOR_NOT_AVAILABLE');
}, 60_000);

// A coordinator that the other copies don't reach any more.
import { expect, test } from 'vitest';
import { apis } from '../../../../core/protocol/api-table.ts';
import { errors } from '../../../../core/protocol/error-code.ts';
import { startCluster } from './three-nodes.ts';

const patient = { timeout: 15_000, interval: 30 };

test('sends who asks it away in time, to look for the one that replaced it', async () => {
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
  const alone = cluster.nodes.get(coordinator)!;
  const commit = apis.offsetCommit.request.create({
    groupId: 'readers',
    topics: [{ name: 'orders', partitions: [{ partitionIndex: 0, committedOffset: 2 }] }],
  });
  const notAvailable = errors.COORDINATOR_NOT_AVAILABLE.code;
  const answer = await alone.call('offsetCommit', 8, commit);
  expect(answer.topics[0]!.partitions[0]!.errorCode).toBe(notAvailable);

  // What comes behind it can't be told anything either: it may have seen what isn't committed.
  const groups = await alone.call('listGroups', 4, apis.listGroups.request.create({}));
  expect(groups.errorCode).toBe(notAvailable);
  const fetch = apis.offsetFetch.request.create({ groups: [{ groupId: 'readers', topics: null }] });
  expect((await alone.call('offsetFetch', 8, fetch)).groups[0]!.errorCode).toBe(notAvailable);
  const beat = apis.heartbeat.request.create({ groupId: 'readers', generationId: 1, memberId: 'one' });
  expect((await alone.call('heartbeat', 4, beat)).errorCode).toBe(notAvailable);
}, 60_000);

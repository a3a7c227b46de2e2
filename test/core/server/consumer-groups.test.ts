// Groups of the consumer protocol (KIP-848) through the APIs of the node, in each version.
import { expect, test } from 'vitest';
import { createManualClock } from '../../../core/kernel/manual-clock.ts';
import { errors } from '../../../core/protocol/error-code.ts';
import { createMemoryEngine } from '../../../core/storage/memory-storage.ts';
import { type Asker, createTopic, startNode } from './rig.ts';

const groupId = 'readers';
const uuid = /^[0-9a-f-]{36}$/;

const joining = { groupId, memberEpoch: 0, rebalanceTimeoutMs: 30_000, topicPartitions: [] };
const join = (rig: Asker, memberId: string, version?: number) =>
  rig.ask('consumerGroupHeartbeat', { ...joining, memberId, subscribedTopicNames: ['orders'] }, version);

const commit = (rig: Asker, memberId: string, memberEpoch: number, offset: number) =>
  rig.ask(
    'offsetCommit',
    {
      groupId,
      memberId,
      generationIdOrMemberEpoch: memberEpoch,
      topics: [{ name: 'orders', partitions: [{ partitionIndex: 0, committedOffset: offset }] }],
    },
    9,
  );

const fetchAs = async (rig: Asker, memberId: string | null, memberEpoch: number) => {
  const topics = [{ name: 'orders', partitionIndexes: [0] }];
  const { groups } = await rig.ask('offsetFetch', { groups: [{ groupId, memberId, memberEpoch, topics }] }, 9);
  return groups[0]!;
};

test('a member joins, is described, commits, and leaves', async () => {
  await using rig = await startNode();
  const topicId = await createTopic(rig, 'orders', 2);
  const asClient = rig.as('app');
  const joined = await join(asClient, 'a');
  expect(joined).toMatchObject({
    errorCode: 0,
    memberId: 'a',
    memberEpoch: 1,
    heartbeatIntervalMs: 5_000,
    assignment: { topicPartitions: [{ topicId, partitions: [0, 1] }] },
  });
  const beat = { groupId, memberId: 'a', memberEpoch: 1 };
  expect(await asClient.ask('consumerGroupHeartbeat', beat)).toMatchObject({ errorCode: 0, assignment: null });

  const topicPartitions = [{ topicId, topicName: 'orders', partitions: [0, 1] }];
  for (const version of [0, 1]) {
    const { groups } = await rig.ask('consumerGroupDescribe', { groupIds: [groupId] }, version);
    expect(groups[0]).toMatchObject({
      errorCode: 0,
      groupState: 'Stable',
      groupEpoch: 1,
      assignmentEpoch: 1,
      assignorName: 'uniform',
      members: [
        {
          memberId: 'a',
          clientId: 'app',
          clientHost: '/in-process',
          subscribedTopicNames: ['orders'],
          subscribedTopicRegex: null,
          assignment: { topicPartitions },
          targetAssignment: { topicPartitions },
          memberType: version === 0 ? -1 : 1,
        },
      ],
    });
  }

  expect((await commit(rig, 'a', 1, 5)).topics[0]!.partitions[0]!.errorCode).toBe(0);
  expect((await commit(rig, 'a', 0, 6)).topics[0]!.partitions[0]!.errorCode).toBe(errors.STALE_MEMBER_EPOCH.code);
  expect((await fetchAs(rig, 'a', 1)).topics[0]!.partitions[0]!.committedOffset).toBe(5);
  expect((await fetchAs(rig, null, -1)).topics[0]!.partitions[0]!.committedOffset).toBe(5);
  expect(await fetchAs(rig, 'a', 0)).toMatchObject({ errorCode: errors.STALE_MEMBER_EPOCH.code, topics: [] });
  expect(await fetchAs(rig, 'b', 1)).toMatchObject({ errorCode: errors.UNKNOWN_MEMBER_ID.code, topics: [] });

  const gone = await rig.ask('consumerGroupHeartbeat', { groupId, memberId: 'a', memberEpoch: -1 });
  expect(gone).toMatchObject({ errorCode: 0, memberId: 'a', memberEpoch: -1 });
  const { results } = await rig.ask('deleteGroups', { groupsNames: [groupId] });
  expect(results[0]!.errorCode).toBe(0);
});

test('version 0 makes the id of a member, later ones want it, and refusals say why', async () => {
  await using rig = await startNode();
  await createTopic(rig, 'orders');
  const told = await join(rig, '', 0);
  expect(told.memberId).toMatch(uuid);
  expect(await join(rig, '', 1)).toMatchObject({
    errorCode: errors.INVALID_REQUEST.code,
    errorMessage: "MemberId can't be empty.",
  });
  const fenced = { groupId, memberId: told.memberId!, memberEpoch: 7 };
  expect(await rig.ask('consumerGroupHeartbeat', fenced)).toMatchObject({ errorCode: errors.FENCED_MEMBER_EPOCH.code });
});

test('lists and descriptions tell the two kinds of group apart', async () => {
  await using rig = await startNode();
  await createTopic(rig, 'orders');
  await join(rig, 'a');
  const protocols = [{ name: 'range', metadata: new Uint8Array(0) }];
  const classic = { sessionTimeoutMs: 10_000, rebalanceTimeoutMs: 10_000, protocolType: 'consumer', protocols };
  await rig.ask('joinGroup', { ...classic, groupId: 'old', memberId: '' }, 3);

  const types = async (typesFilter: string[]) =>
    (await rig.ask('listGroups', { typesFilter })).groups.map(({ groupId: id, groupType }) => [id, groupType]).sort();
  expect(await types([])).toEqual([
    ['old', 'classic'],
    ['readers', 'consumer'],
  ]);
  expect(await types(['Consumer'])).toEqual([['readers', 'consumer']]);
  expect(await types(['classic'])).toEqual([['old', 'classic']]);

  const both = [groupId, 'old'];
  const described = await rig.ask('describeGroups', { groups: both });
  expect(described.groups.map(({ errorCode }) => errorCode)).toEqual([errors.GROUP_ID_NOT_FOUND.code, 0]);
  const consumer = await rig.ask('consumerGroupDescribe', { groupIds: [...both, ''] });
  expect(consumer.groups.map(({ errorCode }) => errorCode)).toEqual([
    0,
    errors.GROUP_ID_NOT_FOUND.code,
    errors.INVALID_GROUP_ID.code,
  ]);
  const refused = await rig.ask('joinGroup', { ...classic, groupId, memberId: '' });
  expect(refused.errorCode).toBe(errors.INCONSISTENT_GROUP_PROTOCOL.code);
  const other = { ...joining, groupId: 'old', memberId: 'a', subscribedTopicNames: ['orders'] };
  expect((await rig.ask('consumerGroupHeartbeat', other)).errorCode).toBe(errors.GROUP_ID_NOT_FOUND.code);
});

test('a group outlives the node, follows topics that grow, and puts members out by its settings', async () => {
  const engine = createMemoryEngine();
  const clock = createManualClock(1_000_000);
  const settings = { 'group.consumer.session.timeout.ms': 7_000, 'group.consumer.heartbeat.interval.ms': 2_000 };
  {
    await using rig = await startNode({ engine, clock, settings });
    await createTopic(rig, 'orders', 1);
    expect((await join(rig, 'a')).heartbeatIntervalMs).toBe(2_000);
  }
  await using rig = await startNode({ engine, clock, settings });
  await rig.ask('createPartitions', { topics: [{ name: 'orders', count: 3, assignments: null }] });
  const beat = () => rig.ask('consumerGroupHeartbeat', { groupId, memberId: 'a', memberEpoch: 1 });
  const grown = await beat();
  expect(grown.memberEpoch).toBe(2);
  expect(grown.assignment?.topicPartitions[0]?.partitions).toEqual([0, 1, 2]);
  clock.advance(7_000);
  await expect.poll(async () => (await beat()).errorCode).toBe(errors.UNKNOWN_MEMBER_ID.code);
});

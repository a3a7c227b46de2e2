// Groups and their offsets through the APIs of the node, in all the shapes that clients use.
import { expect, test } from 'vitest';
import { createManualClock } from '../../../core/kernel/manual-clock.ts';
import { errors } from '../../../core/protocol/error-code.ts';
import { createMemoryEngine } from '../../../core/storage/memory-storage.ts';
import { type Asker, bytes, createTopic, startNode } from './rig.ts';

const groupId = 'readers';
const protocols = [{ name: 'range', metadata: bytes('orders') }];

async function joinAlone(rig: Asker, version = 9) {
  const request = {
    groupId,
    sessionTimeoutMs: 10_000,
    rebalanceTimeoutMs: 20_000,
    memberId: '',
    protocolType: 'consumer',
    protocols,
  };
  const told = await rig.ask('joinGroup', request, version);
  const joined = version >= 4 ? await rig.ask('joinGroup', { ...request, memberId: told.memberId }, version) : told;
  const { memberId, generationId } = joined;
  const assignments = [{ memberId, assignment: bytes('all') }];
  const synced = await rig.ask('syncGroup', {
    groupId,
    generationId,
    memberId,
    assignments,
    protocolType: 'consumer',
    protocolName: 'range',
  });
  return { told, joined, synced, memberId, generationId };
}

const commitOf = (offset: number, member: { memberId?: string; generationId?: number } = {}) => ({
  groupId,
  memberId: member.memberId ?? '',
  generationIdOrMemberEpoch: member.generationId ?? -1,
  topics: [
    {
      name: 'orders',
      partitions: [{ partitionIndex: 0, committedOffset: offset, committedLeaderEpoch: 2, committedMetadata: 'note' }],
    },
  ],
});

const text = (value: Uint8Array) => Buffer.from(value).toString();

test('a client finds its coordinator, joins, commits, is described and leaves', async () => {
  await using rig = await startNode({ settings: { host: 'here', port: 99 } });
  await createTopic(rig, 'orders');
  expect(await rig.ask('findCoordinator', { key: groupId }, 2)).toMatchObject({
    errorCode: 0,
    nodeId: 1,
    host: 'here',
    port: 99,
  });
  const { coordinators } = await rig.ask('findCoordinator', { coordinatorKeys: [groupId, 'other'] }, 6);
  expect(coordinators.map(({ key, errorCode, nodeId }) => ({ key, errorCode, nodeId }))).toEqual([
    { key: groupId, errorCode: 0, nodeId: 1 },
    { key: 'other', errorCode: 0, nodeId: 1 },
  ]);
  const client = rig.as('reader');
  const { told, joined, synced, memberId, generationId } = await joinAlone(client);
  expect(told).toMatchObject({
    errorCode: errors.MEMBER_ID_REQUIRED.code,
    memberId: expect.stringMatching(/^reader-/),
  });
  expect(joined).toMatchObject({
    errorCode: 0,
    generationId: 1,
    leader: memberId,
    protocolName: 'range',
    members: [{ memberId }],
  });
  expect([synced.errorCode, text(synced.assignment)]).toEqual([0, 'all']);
  expect((await rig.ask('heartbeat', { groupId, memberId, generationId })).errorCode).toBe(0);
  const committed = await rig.ask('offsetCommit', commitOf(5, { memberId, generationId }), 8);
  expect(committed.topics[0]!.partitions[0]!.errorCode).toBe(0);

  const { groups } = await rig.ask('describeGroups', { groups: [groupId, 'nobody'] });
  expect(groups).toMatchObject([
    {
      errorCode: 0,
      groupState: 'Stable',
      protocolType: 'consumer',
      protocolData: 'range',
      members: [{ memberId, clientId: 'reader', clientHost: '/in-process' }],
    },
    { errorCode: errors.GROUP_ID_NOT_FOUND.code, groupState: 'Dead' },
  ]);
  expect(text(groups[0]!.members[0]!.memberAssignment)).toBe('all');
  expect((await rig.ask('describeGroups', { groups: ['nobody'] }, 5)).groups).toMatchObject([
    { errorCode: 0, groupState: 'Dead' },
  ]);
  const listed = async (statesFilter: string[]) => (await rig.ask('listGroups', { statesFilter })).groups;
  expect(await listed([])).toEqual([{ groupId, protocolType: 'consumer', groupState: 'Stable', groupType: 'classic' }]);
  expect(await listed(['stable'])).toHaveLength(1);
  expect(await listed(['Empty'])).toEqual([]);

  expect((await rig.ask('deleteGroups', { groupsNames: [groupId] })).results[0]!.errorCode).toBe(
    errors.NON_EMPTY_GROUP.code,
  );
  const left = await rig.ask('leaveGroup', { groupId, members: [{ memberId }, { memberId: 'nobody' }] });
  expect(left.members.map(({ errorCode }) => errorCode)).toEqual([0, errors.UNKNOWN_MEMBER_ID.code]);
  expect((await rig.ask('deleteGroups', { groupsNames: [groupId] })).results[0]!.errorCode).toBe(0);
});

test('clients of old join at once, leave one by one and ask for one group', async () => {
  await using rig = await startNode();
  await createTopic(rig, 'orders');
  const { joined, memberId, generationId } = await joinAlone(rig, 2);
  expect(joined).toMatchObject({ errorCode: 0, generationId: 1 });
  await rig.ask('offsetCommit', { ...commitOf(7, { memberId, generationId }) }, 2);
  const offsets = async (topics: { name: string; partitionIndexes: number[] }[] | null, version: number) =>
    (await rig.ask('offsetFetch', { groupId, topics }, version)).topics;
  const seven = [
    {
      name: 'orders',
      partitions: [{ partitionIndex: 0, committedOffset: 7, committedLeaderEpoch: -1, metadata: 'note', errorCode: 0 }],
    },
  ];
  expect(await offsets([{ name: 'orders', partitionIndexes: [0] }], 1)).toEqual(seven);
  expect(await offsets(null, 2)).toEqual(seven);
  expect((await rig.ask('leaveGroup', { groupId, memberId: 'nobody' }, 1)).errorCode).toBe(
    errors.UNKNOWN_MEMBER_ID.code,
  );
  expect((await rig.ask('leaveGroup', { groupId, memberId }, 1)).errorCode).toBe(0);
});

test('offsets up to 2^53 - 1 are exact (C51)', async () => {
  await using rig = await startNode();
  await createTopic(rig, 'orders');
  for (const offset of [2 ** 31, 2 ** 32 + 1, 4_503_599_627_370_497, Number.MAX_SAFE_INTEGER]) {
    await rig.ask('offsetCommit', commitOf(offset), 8);
    const { groups } = await rig.ask('offsetFetch', { groups: [{ groupId, topics: null }] }, 8);
    expect(groups[0]!.topics[0]!.partitions[0]!.committedOffset).toBe(offset);
  }
});

test('offsets are fetched for many groups, by name and by id, and never committed ones are -1', async () => {
  await using rig = await startNode();
  const topicId = await createTopic(rig, 'orders', 2);
  await rig.ask(
    'offsetCommit',
    {
      ...commitOf(5),
      topics: [{ topicId, partitions: [{ partitionIndex: 0, committedOffset: 5, committedMetadata: null }] }],
    },
    10,
  );
  const unknownId = '11111111-1111-4111-8111-111111111111';
  const { groups } = await rig.ask('offsetFetch', {
    groups: [
      {
        groupId,
        topics: [
          { topicId, partitionIndexes: [0, 1] },
          { topicId: unknownId, partitionIndexes: [0] },
        ],
      },
      { groupId: 'other', topics: null },
    ],
  });
  expect(
    groups.map(({ topics }) =>
      topics.map(({ topicId, partitions }) => [
        topicId,
        partitions.map(({ committedOffset, errorCode }) => [committedOffset, errorCode]),
      ]),
    ),
  ).toEqual([
    [
      [
        topicId,
        [
          [5, 0],
          [-1, 0],
        ],
      ],
      [unknownId, [[-1, errors.UNKNOWN_TOPIC_ID.code]]],
    ],
    [],
  ]);
});

test('each offset of a commit has its own error', async () => {
  await using rig = await startNode({ settings: { 'offset.metadata.max.bytes': 4 } });
  await createTopic(rig, 'orders');
  const partition = (partitionIndex: number, committedMetadata: string) => ({
    partitionIndex,
    committedOffset: 1,
    committedMetadata,
  });
  const { topics } = await rig.ask(
    'offsetCommit',
    {
      groupId,
      topics: [
        { name: 'orders', partitions: [partition(3, ''), partition(0, 'too long')] },
        { name: 'nothing', partitions: [partition(0, '')] },
        { name: 'orders', partitions: [partition(0, 'ok')] },
      ],
    },
    8,
  );
  expect(topics.map(({ partitions }) => partitions.map(({ errorCode }) => errorCode))).toEqual([
    [errors.UNKNOWN_TOPIC_OR_PARTITION.code, errors.OFFSET_METADATA_TOO_LARGE.code],
    [errors.UNKNOWN_TOPIC_OR_PARTITION.code],
    [0],
  ]);
});

test('the empty group id has no members, and keeps offsets for clients of old', async () => {
  await using rig = await startNode();
  const invalid = errors.INVALID_GROUP_ID.code;
  expect((await rig.ask('joinGroup', { groupId: '' })).errorCode).toBe(invalid);
  expect((await rig.ask('syncGroup', { groupId: '' })).errorCode).toBe(invalid);
  expect((await rig.ask('heartbeat', { groupId: '' })).errorCode).toBe(invalid);
  expect((await rig.ask('leaveGroup', { groupId: '' })).errorCode).toBe(invalid);
  expect((await rig.ask('offsetDelete', { groupId: '' })).errorCode).toBe(invalid);
  await createTopic(rig, 'orders');
  expect((await rig.ask('offsetCommit', { ...commitOf(3), groupId: '' }, 8)).topics[0]!.partitions[0]!.errorCode).toBe(
    0,
  );
  expect((await rig.ask('describeGroups', { groups: [''] })).groups[0]!.groupState).toBe('Empty');
  expect((await rig.ask('deleteGroups', { groupsNames: [''] })).results[0]!.errorCode).toBe(0);
});

test('a restart keeps a group with its members, and its offsets', async () => {
  const engine = createMemoryEngine();
  let member: { memberId: string; generationId: number };
  {
    await using rig = await startNode({ engine });
    await createTopic(rig, 'orders');
    member = await joinAlone(rig);
    await rig.ask('offsetCommit', commitOf(5, member), 8);
  }
  await using rig = await startNode({ engine, seed: 2 });
  expect((await rig.ask('listGroups', {})).groups).toMatchObject([{ groupId, groupState: 'Stable' }]);
  const { memberId, generationId } = member;
  expect((await rig.ask('heartbeat', { groupId, memberId, generationId })).errorCode).toBe(0);
  expect((await rig.ask('offsetCommit', commitOf(6, member), 8)).topics[0]!.partitions[0]!.errorCode).toBe(0);
  expect((await rig.ask('offsetCommit', commitOf(7), 8)).topics[0]!.partitions[0]!.errorCode).toBe(
    errors.UNKNOWN_MEMBER_ID.code,
  );
  const { groups } = await rig.ask('offsetFetch', { groups: [{ groupId, topics: null }] }, 9);
  expect(groups[0]!.topics[0]!.partitions[0]).toMatchObject({
    committedOffset: 6,
    committedLeaderEpoch: 2,
    metadata: 'note',
  });
});

test('offsets that outlived their retention go when the node cleans up by itself', async () => {
  const clock = createManualClock(1_000_000);
  await using rig = await startNode({
    clock,
    settings: { 'offsets.retention.minutes': 5, 'offsets.retention.check.interval.ms': 60_000 },
  });
  await createTopic(rig, 'orders');
  await rig.ask('offsetCommit', commitOf(5), 8);
  const committed = async () =>
    (await rig.ask('offsetFetch', { groups: [{ groupId, topics: [{ name: 'orders', partitionIndexes: [0] }] }] }, 9))
      .groups[0]!.topics[0]!.partitions[0]!.committedOffset;
  for (let minute = 0; minute < 4; minute++) {
    clock.advance(60_000);
    await new Promise<void>((resolve) => setImmediate(resolve));
    expect(await committed()).toBe(5);
  }
  for (let minute = 0; minute < 3 && (await committed()) === 5; minute++) {
    clock.advance(60_000);
    for (let i = 0; i < 20; i++) await new Promise<void>((resolve) => setImmediate(resolve));
  }
  expect(await committed()).toBe(-1);
});

test('a join that waits is answered when the node closes', async () => {
  const rig = await startNode({ clock: createManualClock(), settings: { 'group.initial.rebalance.delay.ms': 3_000 } });
  const joining = rig.ask(
    'joinGroup',
    { groupId, sessionTimeoutMs: 10_000, rebalanceTimeoutMs: 20_000, protocolType: 'consumer', protocols },
    3,
  );
  for (let i = 0; i < 20; i++) await new Promise<void>((resolve) => setImmediate(resolve));
  await rig.node.close();
  expect((await joining).errorCode).toBe(errors.NOT_COORDINATOR.code);
});

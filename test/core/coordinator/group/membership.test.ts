// The classic group protocol, scenario by scenario, as Kafka's GroupMetadataManager answers it.
import { expect, test } from 'vitest';
import { objection, refusal } from '../../../../core/log/refusal.ts';
import { createMemoryShardLog } from '../memory-shard-log.ts';
import { bytes, createGroupRig, passInitialDelay, stableGroup, syncAll, text } from './rig.ts';

test('members that join a new group within the initial delay share its first generation', async () => {
  const rig = createGroupRig();
  const first = rig.join({ clientId: 'a' });
  await rig.pass(2_000);
  const second = rig.join({ clientId: 'b' });
  await rig.pass(1_000); // the second one's coming puts it off once more (KIP-134)
  expect(await rig.state()).toBe('PreparingRebalance');
  await rig.pass(3_000);
  const [leader, follower] = await Promise.all([first, second]);
  expect(leader).toMatchObject({ error: 'NONE', generationId: 1, protocolName: 'range', protocolType: 'consumer' });
  expect(leader!.leader).toBe(leader!.memberId);
  expect(leader!.members.map(({ memberId }) => memberId)).toEqual([leader!.memberId, follower!.memberId]);
  expect(follower).toMatchObject({ error: 'NONE', generationId: 1, leader: leader!.memberId, members: [] });
  expect(leader!.memberId).toMatch(/^a-[0-9a-f-]{36}$/);
  expect(await rig.state()).toBe('CompletingRebalance');

  const [own, other] = await syncAll(rig, [leader!, follower!]);
  expect(text(own!.assignment)).toBe(`for ${leader!.memberId}`);
  expect(text(other!.assignment)).toBe(`for ${follower!.memberId}`);
  expect(await rig.state()).toBe('Stable');
  expect(await rig.heartbeat(leader!)).toBe('NONE');
});

test('the initial delay ends at the rebalance timeout, however many come', async () => {
  const rig = createGroupRig();
  const joining = [rig.join({ rebalanceTimeoutMs: 7_000 })];
  await rig.settle();
  for (let i = 0; i < 2; i++) {
    await rig.pass(1_000);
    joining.push(rig.join({ rebalanceTimeoutMs: 7_000 }));
    await rig.pass(2_000);
  }
  await rig.pass(500);
  expect(await rig.state()).toBe('PreparingRebalance');
  await rig.pass(500); // 3 s, 3 s more for the second, and the one second that is left
  expect((await Promise.all(joining)).map(({ generationId }) => generationId)).toEqual([1, 1, 1]);
});

test('a newcomer is told its id first and forgotten if it does not come back with it (KIP-394)', async () => {
  const rig = createGroupRig({ settings: { initialRebalanceDelayMs: 0 } });
  const told = await rig.join({ requireKnownMemberId: true });
  expect(told).toMatchObject({ error: 'MEMBER_ID_REQUIRED', generationId: -1 });
  const joined = await rig.join({ requireKnownMemberId: true, memberId: told.memberId });
  expect(joined).toMatchObject({ error: 'NONE', memberId: told.memberId, generationId: 1 });

  const late = await rig.join({ requireKnownMemberId: true });
  await rig.pass(10_001);
  expect(await rig.join({ memberId: late.memberId })).toMatchObject({
    error: 'UNKNOWN_MEMBER_ID',
    memberId: late.memberId,
  });
});

test('a rebalance waits for one that was told its id', async () => {
  const rig = createGroupRig();
  const [member] = await stableGroup(rig, 1);
  const told = await rig.join({ requireKnownMemberId: true });
  const again = rig.join({ memberId: member!.memberId });
  await rig.settle();
  expect(await rig.state()).toBe('PreparingRebalance');
  const newcomer = rig.join({ requireKnownMemberId: true, memberId: told.memberId });
  expect((await Promise.all([again, newcomer])).map(({ generationId }) => generationId)).toEqual([2, 2]);
});

test('a member that is not heard of for its session timeout is removed, and the others rebalance', async () => {
  const rig = createGroupRig();
  const [leader, follower] = await stableGroup(rig, 2);
  for (let i = 0; i < 3; i++) {
    await rig.pass(4_000);
    expect(await rig.heartbeat(leader!)).toBe(i < 2 ? 'NONE' : 'REBALANCE_IN_PROGRESS');
  }
  expect(await rig.heartbeat(follower!)).toBe('UNKNOWN_MEMBER_ID');
  expect(await rig.join({ memberId: leader!.memberId })).toMatchObject({ generationId: 2, leader: leader!.memberId });
});

test('a commit keeps its member alive as a heartbeat does', async () => {
  const rig = createGroupRig();
  const [member] = await stableGroup(rig, 1);
  for (let i = 0; i < 4; i++) {
    await rig.pass(8_000);
    expect(await rig.commit(i, member)).toBe('NONE');
  }
  expect(await rig.heartbeat(member!)).toBe('NONE');
});

test('a rebalance goes on without dynamic members that do not rejoin within the rebalance timeout', async () => {
  const rig = createGroupRig();
  const [leader, lost] = await stableGroup(rig, 2, { sessionTimeoutMs: 600_000 });
  const again = rig.join({ memberId: leader!.memberId, sessionTimeoutMs: 600_000 });
  await rig.pass(19_999);
  expect(await rig.state()).toBe('PreparingRebalance');
  await rig.pass(1);
  expect(await again).toMatchObject({ generationId: 2, members: [{ memberId: leader!.memberId }] });
  expect(await rig.heartbeat({ ...lost!, generationId: 2 })).toBe('UNKNOWN_MEMBER_ID');
});

test('members that never ask for their assignment are removed after the rebalance timeout (KAFKA-13420)', async () => {
  const rig = createGroupRig({ settings: { initialRebalanceDelayMs: 1_000 } });
  const joining = [rig.join({ sessionTimeoutMs: 600_000 }), rig.join({ sessionTimeoutMs: 600_000 })];
  await rig.pass(0);
  await rig.pass(1_000);
  await rig.pass(1_000);
  const [leader, silent] = await Promise.all(joining);
  const assignments = [{ memberId: leader!.memberId, assignment: bytes('all') }];
  expect(await rig.sync({ ...leader!, groupInstanceId: null, assignments })).toMatchObject({ error: 'NONE' });
  await rig.pass(20_000);
  expect(await rig.heartbeat(leader!)).toBe('REBALANCE_IN_PROGRESS');
  expect(await rig.heartbeat(silent!)).toBe('UNKNOWN_MEMBER_ID');
});

test('what is out of date is refused by name', async () => {
  const rig = createGroupRig();
  const [member] = await stableGroup(rig, 1);
  const { memberId, generationId } = member!;
  expect(await rig.heartbeat({ memberId, generationId: 0 })).toBe('ILLEGAL_GENERATION');
  expect(await rig.heartbeat({ memberId: 'nobody', generationId })).toBe('UNKNOWN_MEMBER_ID');
  expect(await rig.sync({ memberId, generationId: 7 })).toMatchObject({ error: 'ILLEGAL_GENERATION' });
  expect(await rig.sync({ memberId, generationId, protocolName: 'sticky' })).toMatchObject({
    error: 'INCONSISTENT_GROUP_PROTOCOL',
  });
  expect(await rig.commit(1, { memberId, generationId: 0 })).toBe('ILLEGAL_GENERATION');
  expect(await rig.commit(1)).toBe('UNKNOWN_MEMBER_ID');
  expect(await rig.join({ memberId: 'nobody' })).toMatchObject({ error: 'UNKNOWN_MEMBER_ID' });
  expect(await rig.join({ sessionTimeoutMs: 1 })).toMatchObject({ error: 'INVALID_SESSION_TIMEOUT' });
  expect(await rig.join({ protocols: [{ name: 'sticky', metadata: bytes('') }] })).toMatchObject({
    error: 'INCONSISTENT_GROUP_PROTOCOL',
  });
  expect(await rig.join({ protocolType: 'connect' })).toMatchObject({ error: 'INCONSISTENT_GROUP_PROTOCOL' });
});

test('during a rebalance heartbeats say so, and commits of the old generation still count', async () => {
  const rig = createGroupRig();
  const [leader, follower] = await stableGroup(rig, 2);
  const again = rig.join({ memberId: leader!.memberId });
  await rig.settle();
  expect(await rig.heartbeat(follower!)).toBe('REBALANCE_IN_PROGRESS');
  expect(await rig.sync(follower!)).toMatchObject({ error: 'REBALANCE_IN_PROGRESS' });
  expect(await rig.commit(5, follower)).toBe('NONE');
  const [first, second] = await Promise.all([again, rig.join({ memberId: follower!.memberId })]);
  expect(first!.generationId).toBe(2);
  expect(await rig.commit(6, follower)).toBe('ILLEGAL_GENERATION');
  expect(await rig.commit(6, { ...second!, groupInstanceId: null })).toBe('REBALANCE_IN_PROGRESS');
});

test('a follower that rejoins a stable group unchanged disturbs nobody; a leader that does wants a new assignment', async () => {
  const rig = createGroupRig();
  const [leader, follower] = await stableGroup(rig, 2);
  expect(await rig.join({ memberId: follower!.memberId })).toMatchObject({
    error: 'NONE',
    generationId: 1,
    members: [],
  });
  expect(await rig.state()).toBe('Stable');
  const again = rig.join({ memberId: leader!.memberId });
  await rig.settle();
  expect(await rig.state()).toBe('PreparingRebalance');
  await Promise.all([again, rig.join({ memberId: follower!.memberId })]);
});

test('the protocol is the one with most votes of those that all can speak', async () => {
  const rig = createGroupRig();
  const speaks = (...names: string[]) =>
    rig.join({ protocols: names.map((name) => ({ name, metadata: bytes(name) })) });
  const joining = [speaks('a', 'range', 'sticky'), speaks('sticky', 'range'), speaks('sticky', 'range', 'b')];
  await rig.settle();
  await passInitialDelay(rig);
  const joined = await Promise.all(joining);
  expect(joined.map(({ protocolName }) => protocolName)).toEqual(['sticky', 'sticky', 'sticky']);
  expect(joined[0]!.members.map(({ metadata }) => text(metadata))).toEqual(['sticky', 'sticky', 'sticky']);
});

test('leaving makes the others rebalance at once; when the last one leaves the group is empty', async () => {
  const rig = createGroupRig();
  const [leader, follower] = await stableGroup(rig, 2);
  expect(await rig.leave(leader!.memberId, 'nobody')).toEqual(['NONE', 'UNKNOWN_MEMBER_ID']);
  expect(await rig.heartbeat(follower!)).toBe('REBALANCE_IN_PROGRESS');
  expect(await rig.join({ memberId: follower!.memberId })).toMatchObject({
    generationId: 2,
    leader: follower!.memberId,
  });
  expect(await rig.leave(follower!.memberId)).toEqual(['NONE']);
  expect(await rig.state()).toBe('Empty');
  expect(await rig.commit(9)).toBe('NONE');
});

test('a member over group.max.size is refused', async () => {
  const rig = createGroupRig({ settings: { membersMax: 2 } });
  await stableGroup(rig, 2);
  expect(await rig.join()).toMatchObject({ error: 'GROUP_MAX_SIZE_REACHED', memberId: '' });
});

test('a join that is asked again while it waits is answered twice', async () => {
  const rig = createGroupRig();
  const [member] = await stableGroup(rig, 2);
  const first = rig.join({ memberId: member!.memberId });
  const second = rig.join({ memberId: member!.memberId });
  await rig.settle();
  await rig.pass(20_000);
  expect((await Promise.all([first, second])).map(({ generationId }) => generationId)).toEqual([2, 2]);
});

test('a member that waits for its assignment has a new session when the leader dies owing it', async () => {
  const rig = createGroupRig();
  const [leader, follower] = await stableGroup(rig, 2);
  const again = [leader!, follower!].map(({ memberId }, i) => rig.join({ memberId, sessionTimeoutMs: 10_000 + i }));
  await rig.settle();
  const [, second] = await Promise.all(again);
  const syncing = rig.sync({ memberId: follower!.memberId, generationId: second!.generationId });
  await rig.pass(10_000);
  expect(await syncing).toMatchObject({ error: 'REBALANCE_IN_PROGRESS' });
  await rig.pass(1);
  const { memberId } = follower!;
  expect(await rig.join({ memberId })).toMatchObject({ error: 'NONE', leader: memberId });
});

test('one that was only told its id leaves without disturbing the others', async () => {
  const rig = createGroupRig();
  const [member] = await stableGroup(rig, 1);
  const told = await rig.join({ requireKnownMemberId: true });
  expect(await rig.leave(told.memberId)).toEqual(['NONE']);
  expect(await rig.state()).toBe('Stable');
  expect(await rig.heartbeat(member!)).toBe('NONE');
});

test('a marker that the log refuses disturbs no group', async () => {
  const log = createMemoryShardLog();
  const rig = createGroupRig({ log });
  const joining = rig.join();
  await rig.settle();
  log.failNext(refusal('offsets-0', objection('INVALID_PRODUCER_EPOCH', 'another has written since')));
  const marker = { producerId: 7, producerEpoch: 0, coordinatorEpoch: 0, commit: true };
  await expect(rig.runtime.endTransaction(0, marker)).rejects.toMatchObject({ code: 'LOG_REFUSED' });
  await rig.pass(3_000);
  expect(await joining).toMatchObject({ error: 'NONE', generationId: 1 });
});

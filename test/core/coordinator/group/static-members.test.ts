// Members with a group.instance.id (KIP-345): a restart takes its own place back, without a rebalance where it can.
import { expect, test } from 'vitest';
import type { JoinReply } from '../../../../core/coordinator/group/group.ts';
import { bytes, createGroupRig, type GroupRig, passInitialDelay, syncAll, text } from './rig.ts';

async function stableStatic(rig: GroupRig, ...instances: string[]): Promise<JoinReply[]> {
  const joining = instances.map((groupInstanceId) => rig.join({ groupInstanceId, sessionTimeoutMs: 60_000 }));
  await rig.settle();
  await passInitialDelay(rig);
  const joined = await Promise.all(joining);
  await syncAll(rig, joined);
  return joined;
}

const restart = (rig: GroupRig, groupInstanceId: string, skips = true) =>
  rig.join({ groupInstanceId, sessionTimeoutMs: 60_000, supportsSkippingAssignment: skips });

test('a static follower that restarts gets its assignment back under a new id, and the old id is fenced', async () => {
  const rig = createGroupRig();
  const [leader, follower] = await stableStatic(rig, 'one', 'two');
  const back = await restart(rig, 'two');
  expect(back).toMatchObject({
    error: 'NONE',
    generationId: 1,
    leader: leader!.memberId,
    members: [],
    skipAssignment: false,
  });
  expect(back.memberId).not.toBe(follower!.memberId);
  expect(await rig.state()).toBe('Stable');
  const { assignment } = await rig.sync({ memberId: back.memberId, generationId: 1, groupInstanceId: 'two' });
  expect(text(assignment)).toBe(`for ${follower!.memberId}`);
  expect(await rig.heartbeat({ ...follower!, groupInstanceId: 'two' })).toBe('FENCED_INSTANCE_ID');
  expect(await rig.commit(1, { memberId: follower!.memberId, generationId: 1, groupInstanceId: 'two' })).toBe(
    'FENCED_INSTANCE_ID',
  );
  expect(await rig.heartbeat({ memberId: back.memberId, generationId: 1, groupInstanceId: 'two' })).toBe('NONE');
});

test('a static leader that restarts is told to skip the assignment (KIP-814)', async () => {
  const rig = createGroupRig();
  const [leader, follower] = await stableStatic(rig, 'one', 'two');
  const back = await restart(rig, 'one');
  expect(back).toMatchObject({ error: 'NONE', skipAssignment: true, leader: back.memberId });
  expect(back.members.map(({ memberId }) => memberId)).toEqual([back.memberId, follower!.memberId]);

  // One that can't skip is told of the leader before it, so that it doesn't assign.
  const old = await restart(rig, 'one', false);
  expect(old).toMatchObject({ error: 'NONE', skipAssignment: false, leader: back.memberId, members: [] });
  expect(leader!.memberId).not.toBe(back.memberId);
});

test('a static member that restarts with another protocol makes the group rebalance', async () => {
  const rig = createGroupRig();
  await stableStatic(rig, 'one');
  const back = await rig.join({
    groupInstanceId: 'one',
    protocols: [
      { name: 'sticky', metadata: bytes('') },
      { name: 'range', metadata: bytes('') },
    ],
  });
  expect(back).toMatchObject({ generationId: 2, protocolName: 'sticky' });
});

test('while the group completes a rebalance, a replaced static member makes it begin anew', async () => {
  const rig = createGroupRig();
  const joining = ['one', 'two'].map((groupInstanceId) => rig.join({ groupInstanceId }));
  await rig.settle();
  await passInitialDelay(rig);
  const [leader, follower] = await Promise.all(joining);
  const waiting = rig.sync({ memberId: follower!.memberId, generationId: 1, groupInstanceId: 'two' });
  await rig.settle();
  const back = rig.join({ groupInstanceId: 'two' });
  expect(await waiting).toMatchObject({ error: 'FENCED_INSTANCE_ID' });
  const again = rig.join({ memberId: leader!.memberId, groupInstanceId: 'one' });
  expect((await Promise.all([back, again])).map(({ generationId }) => generationId)).toEqual([2, 2]);
});

test('a static member that waits to join is fenced by one that takes its place', async () => {
  const rig = createGroupRig();
  const first = rig.join({ groupInstanceId: 'one' });
  await rig.settle();
  const second = rig.join({ groupInstanceId: 'one' });
  expect(await first).toMatchObject({ error: 'FENCED_INSTANCE_ID' });
  await passInitialDelay(rig);
  expect(await second).toMatchObject({ error: 'NONE', generationId: 1, members: [{ groupInstanceId: 'one' }] });
});

test('a static member keeps its place through a rebalance that it misses, until its session ends', async () => {
  const rig = createGroupRig();
  const [, away] = await stableStatic(rig, 'one', 'away');
  const joining = rig.join({ groupInstanceId: 'three', sessionTimeoutMs: 60_000 });
  await rig.settle();
  const [one] = (await rig.runtime.run('readers', (shard) => shard.describe('readers')))!.members;
  const again = rig.join({ memberId: one!.memberId, groupInstanceId: 'one', sessionTimeoutMs: 60_000 });
  await rig.pass(20_000);
  const joined = await again;
  expect(joined.members.map(({ groupInstanceId }) => groupInstanceId)).toEqual(['one', 'away', 'three']);
  await joining;
  expect(await rig.heartbeat({ ...away!, generationId: 2, groupInstanceId: 'away' })).toBe('NONE');
});

test('an administrator removes a static member by its instance id', async () => {
  const rig = createGroupRig();
  await stableStatic(rig, 'one', 'two');
  const outcomes = await rig.runtime.run('readers', (shard) =>
    shard.leave('readers', [
      { memberId: '', groupInstanceId: 'two' },
      { memberId: '', groupInstanceId: 'nobody' },
      { memberId: 'someone', groupInstanceId: 'one' },
    ]),
  );
  expect(outcomes).toEqual(['NONE', 'UNKNOWN_MEMBER_ID', 'FENCED_INSTANCE_ID']);
  expect(await rig.state()).toBe('PreparingRebalance');
});

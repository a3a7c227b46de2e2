// Committed offsets: who may commit, what transactions and restarts do to them, how long they are kept.
import { expect, test } from 'vitest';
import { createManualClock } from '../../../../core/kernel/manual-clock.ts';
import { createMemoryShardLog } from '../memory-shard-log.ts';
import { bytes, createGroupRig, type GroupRig, group, stableGroup } from './rig.ts';

const minute = 60_000;
const owner = { producerId: 7, producerEpoch: 0 };

const commitIn = (rig: GroupRig, transaction: typeof owner, offset: number) =>
  rig.runtime.run(group, (shard) =>
    shard.commit({
      groupId: group,
      committer: { generationId: -1, memberId: '', groupInstanceId: null },
      offsets: [{ topic: 'orders', partition: 0, offset, leaderEpoch: 3, metadata: 'm' }],
      retentionMs: -1,
      transaction,
    }),
  );

const end = (rig: GroupRig, commit: boolean) =>
  rig.runtime.endTransaction(0, { ...owner, coordinatorEpoch: 0, commit });

test('consumers without a group protocol commit to a group that has no members', async () => {
  const rig = createGroupRig();
  expect(await rig.committed()).toBe(-1);
  expect(await rig.commit(5)).toBe('NONE');
  expect(await rig.committed()).toBe(5);
  expect(await rig.state()).toBe('Empty');
  expect(await rig.commit(5, { memberId: 'm', generationId: 3 })).toBe('UNKNOWN_MEMBER_ID');
});

test('a commit of a generation to a group that is not there is refused', async () => {
  const rig = createGroupRig();
  expect(await rig.commit(5, { memberId: 'm', generationId: 3 })).toBe('ILLEGAL_GENERATION');
});

test('metadata over the limit is refused for that partition alone', async () => {
  const rig = createGroupRig({ settings: { offsetMetadataBytesMax: 3 } });
  const offsets = ['abc', 'abcd', 'äö'].map((metadata, partition) => ({
    topic: 'orders',
    partition,
    offset: 1,
    leaderEpoch: -1,
    metadata,
  }));
  const committer = { generationId: -1, memberId: '', groupInstanceId: null };
  const outcomes = await rig.runtime.run(group, (shard) =>
    shard.commit({ groupId: group, committer, offsets, retentionMs: -1 }),
  );
  expect(outcomes).toEqual(['NONE', 'OFFSET_METADATA_TOO_LARGE', 'OFFSET_METADATA_TOO_LARGE']);
});

test('what a transaction commits counts when it is committed, and until then a stable read says so', async () => {
  const rig = createGroupRig();
  await rig.commit(1);
  expect(await commitIn(rig, owner, 2)).toEqual(['NONE']);
  expect(await rig.committed()).toBe('UNSTABLE_OFFSET_COMMIT');
  await end(rig, true);
  expect(await rig.committed()).toBe(2);
  await commitIn(rig, owner, 3);
  await end(rig, false);
  expect(await rig.committed()).toBe(2);
});

test('of two commits the later one holds, also when the earlier one becomes stable after it', async () => {
  const rig = createGroupRig();
  await commitIn(rig, owner, 2);
  await rig.commit(9);
  await end(rig, true);
  expect(await rig.committed()).toBe(9);
});

test('a restart reads offsets, open transactions and stable groups back', async () => {
  const log = createMemoryShardLog();
  const clock = createManualClock(1_000_000);
  const before = createGroupRig({ log, clock });
  await before.commit(4);
  await commitIn(before, owner, 5);
  const [leader, follower] = await stableGroup(before, 2);
  const described = await before.runtime.run(group, (shard) => shard.describe(group));
  await before.runtime.close();

  const after = createGroupRig({ log, clock, seed: 2 });
  expect(await after.runtime.run(group, (shard) => shard.describe(group))).toEqual(described);
  expect(await after.heartbeat(leader!)).toBe('NONE');
  expect(await after.commit(6, follower)).toBe('NONE');
  expect(await after.committed()).toBe('UNSTABLE_OFFSET_COMMIT');
  await end(after, true);
  expect(await after.committed()).toBe(6);
  await after.pass(10_001); // sessions begin anew with the restart, and end
  expect(await after.state()).toBe('Empty');
});

test('offsets of an empty group expire when it was empty for their retention, and the group with them', async () => {
  const rig = createGroupRig({ settings: { offsetsRetentionMs: 60 * minute } });
  const [member] = await stableGroup(rig, 1, { sessionTimeoutMs: 1_800_000 });
  await rig.commit(5, member);
  const expire = () => rig.runtime.runOnAll((shard) => shard.expire());
  for (let i = 0; i < 8; i++) {
    await rig.pass(10 * minute);
    await rig.heartbeat(member!);
  }
  await expire();
  expect(await rig.committed()).toBe(5); // nothing of a living group expires that it may still read
  await rig.leave(member!.memberId);
  await rig.pass(59 * minute);
  await expire();
  expect(await rig.committed()).toBe(5);
  await rig.pass(minute);
  await expire();
  expect(await rig.committed()).toBe(-1);
  expect(await rig.state()).toBe('Dead');
});

test('offsets of topics that a living group does not read expire by themselves', async () => {
  const rig = createGroupRig({ settings: { offsetsRetentionMs: 60 * minute } });
  const subscription = Buffer.concat([bytes('\0\x01\0\0\0\x01\0\x06'), bytes('orders'), bytes('\0\0\0\0')]);
  const [member] = await stableGroup(rig, 1, {
    sessionTimeoutMs: 1_800_000,
    protocols: [{ name: 'range', metadata: subscription }],
  });
  const committer = { ...member!, groupInstanceId: null };
  const offsets = ['orders', 'old'].map((topic) => ({ topic, partition: 0, offset: 1, leaderEpoch: -1, metadata: '' }));
  await rig.runtime.run(group, (shard) => shard.commit({ groupId: group, committer, offsets, retentionMs: -1 }));
  for (let i = 0; i < 3; i++) {
    await rig.pass(20 * minute);
    await rig.heartbeat(member!);
  }
  await rig.runtime.runOnAll((shard) => shard.expire());
  expect([await rig.committed('orders'), await rig.committed('old')]).toEqual([1, -1]);
  const partitions = ['orders', 'old'].map((topic) => ({ topic, partition: 0 }));
  expect(await rig.runtime.run(group, (shard) => shard.deleteOffsets(group, partitions))).toEqual([
    'GROUP_SUBSCRIBED_TO_TOPIC',
    'NONE',
  ]);
});

test('a group with members is not deleted; an empty one goes with its offsets, for good', async () => {
  const log = createMemoryShardLog();
  const rig = createGroupRig({ log });
  const [member] = await stableGroup(rig, 1);
  await rig.commit(5, member);
  const remove = (on: GroupRig) => on.runtime.run(group, (shard) => shard.deleteGroup(group));
  expect(await remove(rig)).toBe('NON_EMPTY_GROUP');
  await rig.leave(member!.memberId);
  expect(await remove(rig)).toBe('NONE');
  expect(await remove(rig)).toBe('GROUP_ID_NOT_FOUND');
  const after = createGroupRig({ log });
  expect([await after.state(), await after.committed()]).toEqual(['Dead', -1]);
});

test('offsets that are deleted do not come back with the end of a transaction that had committed them', async () => {
  const deletions = {
    'the topic': (on: GroupRig) => on.runtime.runOnAll((shard) => shard.forgetTopics(new Set(['orders']))),
    'the offset': (on: GroupRig) =>
      on.runtime.run(group, (shard) => shard.deleteOffsets(group, [{ topic: 'orders', partition: 0 }])),
    'the group': (on: GroupRig) => on.runtime.run(group, (shard) => shard.deleteGroup(group)),
  };
  for (const [what, remove] of Object.entries(deletions)) {
    const log = createMemoryShardLog();
    const rig = createGroupRig({ log });
    await commitIn(rig, owner, 2);
    await remove(rig);
    await end(rig, true);
    expect(await rig.committed(), what).toBe(-1);
    expect(await createGroupRig({ log }).committed(), what).toBe(-1);
  }
});

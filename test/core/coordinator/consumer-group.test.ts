// The consumer protocol of KIP-848 as members see it.
import { describe, expect, test } from 'vitest';
import { createConsumerRig, groupId } from './consumer-group-rig.ts';

const owned = (topicId: string, ...partitions: number[]) => [{ topicId, partitions }];

describe('a member that joins', () => {
  test('gets everything when it is alone, at the epoch of the group', async () => {
    const rig = createConsumerRig();
    rig.topic('orders', 3);
    const reply = await rig.join('a', ['orders']);
    expect(reply).toMatchObject({ memberId: 'a', memberEpoch: 1, heartbeatIntervalMs: 5_000 });
    expect(await rig.assigned('a')).toEqual(['orders-0', 'orders-1', 'orders-2']);
    expect(await rig.describe()).toMatchObject({
      state: 'Stable',
      epoch: 1,
      assignmentEpoch: 1,
      assignorName: 'uniform',
    });
  });

  test('gets partitions of others only when they have said that they gave them up', async () => {
    const rig = createConsumerRig();
    const { id } = rig.topic('orders', 2);
    await rig.join('a', ['orders']);
    const b = await rig.join('b', ['orders']);
    expect(b).toMatchObject({ memberEpoch: 2, assignment: new Map() });

    const told = await rig.beat({ memberId: 'a', memberEpoch: 1, topicPartitions: owned(id, 0, 1) });
    expect(told).toMatchObject({ memberEpoch: 1, assignment: new Map([[id, new Set([0])]]) });
    expect(await rig.beat({ memberId: 'b', memberEpoch: 2, topicPartitions: [] })).toMatchObject({ assignment: null });
    expect(await rig.beat({ memberId: 'a', memberEpoch: 1 })).toMatchObject({ memberEpoch: 1, assignment: null });
    expect((await rig.describe())?.state).toBe('Reconciling');

    expect(await rig.beat({ memberId: 'a', memberEpoch: 1, topicPartitions: owned(id, 0) })).toMatchObject({
      memberEpoch: 2,
    });
    const given = await rig.beat({ memberId: 'b', memberEpoch: 2, topicPartitions: [] });
    expect(given).toMatchObject({ memberEpoch: 2, assignment: new Map([[id, new Set([1])]]) });
    expect((await rig.describe())?.state).toBe('Stable');
  });

  test('hears its assignment again when it says everything, as after a lost answer, and not else', async () => {
    const rig = createConsumerRig();
    const { id } = rig.topic('orders', 1);
    await rig.join('a', ['orders']);
    expect(await rig.beat({ memberId: 'a', memberEpoch: 1 })).toMatchObject({ assignment: null });
    const full = { rebalanceTimeoutMs: 30_000, subscribedTopicNames: ['orders'], topicPartitions: [] };
    expect(await rig.beat({ memberId: 'a', memberEpoch: 1, ...full })).toMatchObject({
      assignment: new Map([[id, new Set([0])]]),
    });
  });

  test('may use the epoch before, if it has nothing that isn’t its own', async () => {
    const rig = createConsumerRig();
    const { id } = rig.topic('orders', 2);
    await rig.join('a', ['orders']);
    await rig.join('b', ['orders']);
    await rig.beat({ memberId: 'a', memberEpoch: 1, topicPartitions: owned(id, 0, 1) });
    await rig.beat({ memberId: 'a', memberEpoch: 1, topicPartitions: owned(id, 0) }); // the answer, epoch 2, is lost
    expect(await rig.beat({ memberId: 'a', memberEpoch: 1, topicPartitions: owned(id, 0) })).toMatchObject({
      memberEpoch: 2,
    });
    expect(await rig.beat({ memberId: 'a', memberEpoch: 1, topicPartitions: owned(id, 0, 1) })).toMatchObject({
      error: 'FENCED_MEMBER_EPOCH',
    });
    expect(await rig.beat({ memberId: 'a', memberEpoch: 1 })).toMatchObject({ error: 'FENCED_MEMBER_EPOCH' });
    expect(await rig.beat({ memberId: 'a', memberEpoch: 9, topicPartitions: [] })).toMatchObject({
      error: 'FENCED_MEMBER_EPOCH',
    });
    expect(await rig.join('a', ['orders'])).toMatchObject({
      memberEpoch: 2,
      assignment: new Map([[id, new Set([0])]]),
    });
  });

  test('is refused what makes no sense', async () => {
    const rig = createConsumerRig({ settings: { membersMax: 1 } });
    rig.topic('orders', 1);
    const join = {
      memberId: 'a',
      memberEpoch: 0,
      rebalanceTimeoutMs: 1,
      subscribedTopicNames: ['orders'],
      topicPartitions: [],
    };
    const error = async (init: object) => (await rig.beat({ ...join, ...init })).error;
    expect(await error({ groupId: '' })).toBe('INVALID_REQUEST');
    expect(await error({ memberId: '' })).toBe('INVALID_REQUEST');
    expect(await error({ instanceId: '' })).toBe('INVALID_REQUEST');
    expect(await error({ rackId: '' })).toBe('INVALID_REQUEST');
    expect(await error({ rebalanceTimeoutMs: -1 })).toBe('INVALID_REQUEST');
    expect(await error({ topicPartitions: null })).toBe('INVALID_REQUEST');
    expect(await error({ topicPartitions: owned('x', 1) })).toBe('INVALID_REQUEST');
    expect(await error({ subscribedTopicNames: null })).toBe('INVALID_REQUEST');
    expect(await error({ memberEpoch: -3 })).toBe('INVALID_REQUEST');
    expect(await error({ memberEpoch: -2 })).toBe('INVALID_REQUEST');
    expect(await error({ serverAssignor: 'sticky' })).toBe('UNSUPPORTED_ASSIGNOR');
    expect(await error({ subscribedTopicRegex: '(orders' })).toBe('INVALID_REGULAR_EXPRESSION');
    expect(await error({ memberEpoch: 3 })).toBe('GROUP_ID_NOT_FOUND');
    expect(await rig.describe()).toBeNull();
    expect(rig.log.entries).toEqual([]);
    expect(await error({})).toBe('NONE');
    expect(await error({ memberId: 'b' })).toBe('GROUP_MAX_SIZE_REACHED');
    expect((await rig.beat({ memberId: 'b', memberEpoch: -1 })).error).toBe('UNKNOWN_MEMBER_ID');
  });

  test('in version 0 may leave it to the node to make its id', async () => {
    const rig = createConsumerRig();
    rig.topic('orders', 1);
    const reply = await rig.join('', ['orders'], { requireMemberId: false });
    expect(reply.memberId).toMatch(/^[0-9a-f-]{36}$/);
    expect(await rig.beat({ memberId: reply.memberId, memberEpoch: 1, requireMemberId: false })).toMatchObject({
      error: 'NONE',
    });
  });
});

describe('a member that goes', () => {
  test('leaves what it had to the others at once', async () => {
    const rig = createConsumerRig();
    rig.topic('orders', 2);
    await rig.join('a', ['orders']);
    await rig.join('b', ['orders']);
    expect(await rig.beat({ memberId: 'a', memberEpoch: -1 })).toMatchObject({ error: 'NONE', memberEpoch: -1 });
    await rig.beat({ memberId: 'b', memberEpoch: 2, topicPartitions: [] });
    expect(await rig.assigned('b')).toEqual(['orders-0', 'orders-1']);
    await rig.beat({ memberId: 'b', memberEpoch: -1 });
    expect(await rig.describe()).toMatchObject({ state: 'Empty', members: [] });
  });

  test('without a word is put out after the session timeout, counted anew when the coordinator is', async () => {
    const rig = createConsumerRig();
    rig.topic('orders', 1);
    await rig.join('a', ['orders']);
    await rig.pass(44_000);
    expect(await rig.beat({ memberId: 'a', memberEpoch: 1 })).toMatchObject({ error: 'NONE' });
    await rig.pass(44_000);
    await rig.reload();
    await rig.pass(44_000);
    expect(await rig.assigned('a')).toEqual(['orders-0']);
    await rig.pass(1_000);
    expect(await rig.assigned('a')).toBeNull();
    expect(await rig.beat({ memberId: 'a', memberEpoch: 1 })).toMatchObject({ error: 'UNKNOWN_MEMBER_ID' });
  });

  test('is put out too when it doesn’t give up partitions within its rebalance timeout, though it is heard of', async () => {
    const rig = createConsumerRig();
    const { id } = rig.topic('orders', 2);
    await rig.join('a', ['orders'], { rebalanceTimeoutMs: 10_000 });
    await rig.join('b', ['orders']);
    await rig.beat({ memberId: 'a', memberEpoch: 1, topicPartitions: owned(id, 0, 1) });
    await rig.pass(5_000);
    expect(await rig.beat({ memberId: 'a', memberEpoch: 1 })).toMatchObject({ error: 'NONE' });
    await rig.reload();
    await rig.pass(9_000);
    expect(await rig.beat({ memberId: 'a', memberEpoch: 1 })).toMatchObject({ error: 'NONE' });
    await rig.pass(1_000);
    expect(await rig.beat({ memberId: 'a', memberEpoch: 1 })).toMatchObject({ error: 'UNKNOWN_MEMBER_ID' });
  });

  test('is not put out when it gave them up in time', async () => {
    const rig = createConsumerRig();
    const { id } = rig.topic('orders', 2);
    await rig.join('a', ['orders'], { rebalanceTimeoutMs: 10_000 });
    await rig.join('b', ['orders']);
    await rig.beat({ memberId: 'a', memberEpoch: 1, topicPartitions: owned(id, 0, 1) });
    await rig.beat({ memberId: 'a', memberEpoch: 1, topicPartitions: owned(id, 0) });
    await rig.pass(20_000);
    expect(await rig.assigned('a')).toEqual(['orders-0']);
  });
});

describe('a static member', () => {
  const asStatic = { instanceId: 'one' };

  test('that comes back under a new id has what it had, without a rebalance', async () => {
    const rig = createConsumerRig();
    rig.topic('orders', 2);
    await rig.join('a', ['orders'], asStatic);
    expect(await rig.beat({ memberId: 'a', memberEpoch: -2, ...asStatic })).toMatchObject({
      error: 'NONE',
      memberEpoch: -2,
    });
    expect(await rig.assigned('a')).toEqual(['orders-0', 'orders-1']);
    await rig.reload();
    expect(await rig.join('a2', ['orders'], asStatic)).toMatchObject({ memberEpoch: 1 });
    expect(await rig.assigned('a2')).toEqual(['orders-0', 'orders-1']);
    expect(await rig.describe()).toMatchObject({ state: 'Stable', epoch: 1 });
    expect(await rig.beat({ memberId: 'a', memberEpoch: 1, ...asStatic })).toMatchObject({
      error: 'FENCED_INSTANCE_ID',
    });
    expect(await rig.beat({ memberId: 'a', memberEpoch: 1 })).toMatchObject({ error: 'UNKNOWN_MEMBER_ID' });
  });

  test('keeps its instance id from others while it is there', async () => {
    const rig = createConsumerRig();
    rig.topic('orders', 1);
    await rig.join('a', ['orders'], asStatic);
    const join = { rebalanceTimeoutMs: 1, subscribedTopicNames: ['orders'], topicPartitions: [], ...asStatic };
    expect(await rig.beat({ memberId: 'b', memberEpoch: 0, ...join })).toMatchObject({
      error: 'UNRELEASED_INSTANCE_ID',
    });
    expect(await rig.beat({ memberId: 'b', memberEpoch: 1, ...asStatic })).toMatchObject({
      error: 'FENCED_INSTANCE_ID',
    });
    expect(await rig.beat({ memberId: 'b', memberEpoch: -1, ...asStatic })).toMatchObject({
      error: 'FENCED_INSTANCE_ID',
    });
    expect(await rig.beat({ memberId: 'b', memberEpoch: 1, instanceId: 'two' })).toMatchObject({
      error: 'UNKNOWN_MEMBER_ID',
    });
  });

  test('that stays away gives up its place when its session ends', async () => {
    const rig = createConsumerRig();
    rig.topic('orders', 1);
    await rig.join('a', ['orders'], asStatic);
    await rig.beat({ memberId: 'a', memberEpoch: -2, ...asStatic });
    await rig.join('b', ['orders']);
    await rig.pass(40_000);
    await rig.beat({ memberId: 'b', memberEpoch: 2 });
    expect(await rig.assigned('b')).toEqual([]);
    await rig.pass(5_000);
    await rig.beat({ memberId: 'b', memberEpoch: 2 });
    expect(await rig.assigned('b')).toEqual(['orders-0']);
    expect(await rig.join('a2', ['orders'], asStatic)).toMatchObject({ assignment: new Map() });
  });
});

describe('what is read', () => {
  test('follows topics that come, grow and go', async () => {
    const rig = createConsumerRig();
    const { id } = rig.topic('orders', 1);
    await rig.join('a', ['orders', 'payments']);
    rig.topic('payments', 1);
    await rig.pass(5_000);
    await rig.beat({ memberId: 'a', memberEpoch: 1 });
    expect(await rig.assigned('a')).toEqual(['orders-0', 'payments-0']);
    rig.topic('orders', 2);
    await rig.pass(5_000);
    await rig.beat({ memberId: 'a', memberEpoch: 2 });
    expect(await rig.assigned('a')).toEqual(['orders-0', 'orders-1', 'payments-0']);
    rig.deleteTopic('payments');
    await rig.pass(5_000);
    const told = await rig.beat({ memberId: 'a', memberEpoch: 3 });
    expect(told).toMatchObject({ assignment: new Map([[id, new Set([0, 1])]]) });
  });

  test('follows a pattern, with the names beside it', async () => {
    const rig = createConsumerRig();
    for (const name of ['orders-eu', 'orders-us', 'Orders-x', 'payments', 'other']) rig.topic(name, 1);
    await rig.join('a', ['payments'], { subscribedTopicRegex: 'orders-(eu|us|jp)' });
    expect(await rig.assigned('a')).toEqual(['orders-eu-0', 'orders-us-0', 'payments-0']);
    rig.topic('orders-jp', 2);
    await rig.pass(5_000);
    await rig.beat({ memberId: 'a', memberEpoch: 1 });
    expect(await rig.assigned('a')).toEqual(['orders-eu-0', 'orders-jp-0', 'orders-jp-1', 'orders-us-0', 'payments-0']);
    await rig.beat({ memberId: 'a', memberEpoch: 2, subscribedTopicRegex: '', topicPartitions: [] });
    expect(await rig.assigned('a')).toEqual(['payments-0']);
  });

  test('changes with the subscription, and two topics of one name in succession are two', async () => {
    const rig = createConsumerRig();
    const { id } = rig.topic('orders', 1);
    rig.topic('payments', 1);
    await rig.join('a', ['orders']);
    const told = await rig.beat({
      memberId: 'a',
      memberEpoch: 1,
      subscribedTopicNames: ['payments'],
      topicPartitions: owned(id, 0),
    });
    expect(told).toMatchObject({ memberEpoch: 1, assignment: new Map() });
    await rig.beat({ memberId: 'a', memberEpoch: 1, topicPartitions: [] });
    expect(await rig.assigned('a')).toEqual(['payments-0']);
    const before = rig.topics.get('payments')!.id;
    rig.deleteTopic('payments');
    const again = rig.topic('payments', 1);
    expect(again.id).not.toBe(before);
    await rig.pass(5_000);
    await rig.beat({ memberId: 'a', memberEpoch: 2, topicPartitions: [] });
    expect((await rig.describe())?.members[0]?.assignment).toEqual([
      { topicId: again.id, topicName: 'payments', partitions: [0] },
    ]);
  });
});

describe('offsets', () => {
  test('are committed and fetched with the member’s epoch only', async () => {
    const rig = createConsumerRig();
    rig.topic('orders', 1);
    await rig.join('a', ['orders']);
    await rig.join('b', ['orders']);
    expect(await rig.commit('a', 1)).toBe('NONE');
    expect(await rig.commit('a', 2)).toBe('STALE_MEMBER_EPOCH');
    expect(await rig.commit('b', 1)).toBe('STALE_MEMBER_EPOCH');
    expect(await rig.commit('c', 1)).toBe('UNKNOWN_MEMBER_ID');
    expect(await rig.commit('', -1)).toBe('UNKNOWN_MEMBER_ID');
    expect(await rig.commit('b', 1, true)).toBe('ILLEGAL_GENERATION');
    expect(await rig.commit('', -1, true)).toBe('NONE');
    const mayFetch = (memberId: string | null, memberEpoch: number) =>
      rig.runtime.run(groupId, (shard) => ({
        records: [],
        reply: shard.readerError(groupId, { memberId, memberEpoch }),
      }));
    expect(await mayFetch('a', 1)).toBe('NONE');
    expect(await mayFetch(null, -1)).toBe('NONE');
    expect(await mayFetch('a', 2)).toBe('STALE_MEMBER_EPOCH');
    expect(await mayFetch('c', 1)).toBe('UNKNOWN_MEMBER_ID');
    await rig.beat({ memberId: 'a', memberEpoch: -1 });
    await rig.beat({ memberId: 'b', memberEpoch: -1 });
    expect(await rig.commit('', -1)).toBe('NONE');
  });

  test('of topics that are read are not deleted and don’t expire; those of an empty group do, and the group with them', async () => {
    const rig = createConsumerRig();
    rig.topic('orders', 1);
    await rig.join('a', ['orders']);
    await rig.commit('a', 1);
    const run = <T>(command: Parameters<typeof rig.runtime.run<T>>[1]) => rig.runtime.run(groupId, command);
    expect(await run((shard) => shard.deleteOffsets(groupId, [{ topic: 'orders', partition: 0 }]))).toEqual([
      'GROUP_SUBSCRIBED_TO_TOPIC',
    ]);
    expect(await run((shard) => shard.deleteGroup(groupId))).toBe('NON_EMPTY_GROUP');
    const offsets = () => run((shard) => shard.fetch({ groupId, partitions: null, requireStable: false }));
    for (let hours = 0; hours < 2; hours++) {
      for (let i = 0; i < 90; i++) {
        await rig.pass(40_000);
        await rig.beat({ memberId: 'a', memberEpoch: 1 });
      }
    }
    await run((shard) => shard.expire());
    expect(await offsets()).toHaveLength(1);
    await rig.beat({ memberId: 'a', memberEpoch: -1 });
    await run((shard) => shard.expire());
    expect(await offsets()).toEqual([]);
    expect(await rig.describe()).toBeNull();
    await rig.reload();
    expect(await run((shard) => shard.list())).toEqual([]);
  });
});

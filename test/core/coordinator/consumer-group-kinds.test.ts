// A group is of the classic protocol or of the consumer protocol, and becomes one of the other only while it is empty.
import { describe, expect, test } from 'vitest';
import { createConsumerRig, groupId } from './consumer-group-rig.ts';

describe('groups of the two protocols', () => {
  const classic = {
    groupId,
    memberId: '',
    groupInstanceId: null,
    clientId: 'old',
    clientHost: '/here',
    sessionTimeoutMs: 10_000,
    rebalanceTimeoutMs: 10_000,
    protocolType: 'consumer',
    protocols: [{ name: 'range', metadata: new Uint8Array(0) }],
    requireKnownMemberId: false,
    supportsSkippingAssignment: true,
  };

  test('are told apart in lists and descriptions', async () => {
    const rig = createConsumerRig();
    rig.topic('orders', 1);
    await rig.join('a', ['orders']);
    const list = () => rig.runtime.run(groupId, (shard) => shard.list());
    expect(await list()).toEqual([{ groupId, protocolType: 'consumer', state: 'Stable', type: 'consumer' }]);
    expect(await rig.runtime.run(groupId, (shard) => shard.describe(groupId))).toBeNull();
    expect((await rig.runtime.run(groupId, (shard) => shard.join(classic))).error).toBe('INCONSISTENT_GROUP_PROTOCOL');
    const classicHeartbeat = { groupId, memberId: 'a', generationId: 1, groupInstanceId: null };
    expect(await rig.runtime.run(groupId, (shard) => shard.heartbeat(classicHeartbeat))).toBe('UNKNOWN_MEMBER_ID');
  });

  test('take the place of an empty one of the other kind, which leaves its offsets', async () => {
    const rig = createConsumerRig();
    rig.topic('orders', 1);
    await rig.join('a', ['orders']);
    await rig.commit('a', 1);
    await rig.beat({ memberId: 'a', memberEpoch: -1 });
    const offset = async () =>
      (await rig.runtime.run(groupId, (shard) => shard.fetch({ groupId, partitions: null, requireStable: false })))[0]
        ?.committed?.offset;
    const kinds = async () =>
      (await rig.runtime.run(groupId, (shard) => shard.list())).map(({ type, state }) => `${type} ${state}`);

    const joining = rig.runtime.run(groupId, (shard) => shard.join(classic));
    await rig.pass(10_000);
    const { memberId, error } = await joining;
    expect(error).toBe('NONE');
    expect(await rig.describe()).toBeNull();
    expect(await kinds()).toEqual(['classic CompletingRebalance']);
    const refused = await rig.beat({
      memberId: 'a',
      memberEpoch: 0,
      rebalanceTimeoutMs: 1,
      subscribedTopicNames: [],
      topicPartitions: [],
    });
    expect(refused).toMatchObject({ error: 'GROUP_ID_NOT_FOUND' });

    await rig.runtime.run(groupId, (shard) => shard.leave(groupId, [{ memberId, groupInstanceId: null }]));
    expect(await offset()).toBe(7);
    await rig.reload();
    expect(await kinds()).toEqual(['classic Empty']);
    await rig.join('a', ['orders']);
    expect(await kinds()).toEqual(['consumer Stable']);
    expect(await offset()).toBe(7);
    await rig.reload();
    expect(await kinds()).toEqual(['consumer Stable']);
    expect(await offset()).toBe(7);
  });

  test('that were deleted are gone after a reload', async () => {
    const rig = createConsumerRig();
    rig.topic('orders', 1);
    await rig.join('a', ['orders']);
    await rig.commit('a', 1);
    await rig.beat({ memberId: 'a', memberEpoch: -1 });
    expect(await rig.runtime.run(groupId, (shard) => shard.deleteGroup(groupId))).toBe('NONE');
    await rig.reload();
    expect(await rig.runtime.run(groupId, (shard) => shard.list())).toEqual([]);
  });
});

// Consumer groups in the log, byte for byte as Kafka writes them. The hex is of the classes in kafka-group-coordinator
// 4.4.0 (ConsumerGroup…Value, MessageUtil.toVersionPrefixedBytes), whose GroupCoordinatorRecordSerde read our whole log.
import { expect, test } from 'vitest';
import { newConsumerMember } from '../../../core/coordinator/group/consumer/consumer-group.ts';
import { currentRecord, memberRecord } from '../../../core/coordinator/group/consumer/consumer-record.ts';
import type { CoordinatorRecord } from '../../../core/coordinator/shard.ts';
import { createConsumerRig } from './consumer-group-rig.ts';

const value = ({ value }: CoordinatorRecord) => Buffer.from(value!).toString('hex');

const member = {
  ...newConsumerMember('m'),
  clientId: 'c',
  clientHost: '/h',
  subscribedTopicNames: ['t'],
  rebalanceTimeoutMs: 300_000,
  memberEpoch: 2,
  assigned: new Map([['00000000-0000-0000-0000-000000000007', new Set([1])]]),
};

test('what a member subscribes to', () => {
  expect(value(memberRecord('g', member))).toBe('000000000263032f6802027400000493e00001000100');
});

test('what a member has', () => {
  expect(value(currentRecord('g', member))).toBe(
    '000000000002ffffffff0002000000000000000000000000000000070200000001010001000100',
  );
});

test('a heartbeat that changes nothing writes nothing', async () => {
  const rig = createConsumerRig();
  rig.topic('orders', 3);
  await rig.join('a', ['orders']);
  const written = rig.log.entries.length;
  expect(written).toBe(5); // the member, the group's epoch, its target, the target's epoch, what it has
  await rig.pass(5_000);
  await rig.beat({ memberId: 'a', memberEpoch: 1 });
  await rig.join('a', ['orders']);
  expect(rig.log.entries.length).toBe(written);
});

import { expect, test } from 'vitest';
import { isFault } from '../../../core/kernel/fault.ts';
import {
  type ConsumerGroupKey,
  decodeConsumerGroupKey,
  encodeConsumerGroupKey,
} from '../../../core/protocol/messages/consumer-group-records.ts';
import { encodeGroupMetadataKey } from '../../../core/protocol/messages/internal-records.ts';
import { fromHex, messageFixtures } from '../../wire/fixtures.ts';

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

test.each([
  ['metadata', 'ConsumerGroupMetadataKey', '0003'],
  ['memberMetadata', 'ConsumerGroupMemberMetadataKey', '0005'],
  ['targetAssignmentMetadata', 'ConsumerGroupTargetAssignmentMetadataKey', '0006'],
  ['targetAssignmentMember', 'ConsumerGroupTargetAssignmentMemberKey', '0007'],
  ['currentMemberAssignment', 'ConsumerGroupCurrentMemberAssignmentKey', '0008'],
  ['regularExpression', 'ConsumerGroupRegularExpressionKey', '0010'],
] as const)('a key of kind %s is as Apache Kafka writes it, behind the number of its kind', (kind, message, prefix) => {
  const { bytes, value } = messageFixtures.find((f) => f.message === message && f.kind === 'full')!;
  const key = { kind, ...(value as object) } as ConsumerGroupKey;
  expect(hex(encodeConsumerGroupKey(key))).toBe(prefix + hex(bytes));
  expect(decodeConsumerGroupKey(encodeConsumerGroupKey(key))).toEqual(key);
});

test('keys of other kinds are left alone, and half a key is refused', () => {
  expect(decodeConsumerGroupKey(encodeGroupMetadataKey({ group: 'g' }))).toBeNull();
  expect(decodeConsumerGroupKey(fromHex('0004' + '000167'))).toBeNull();
  let thrown: unknown;
  try {
    decodeConsumerGroupKey(fromHex('0005' + '000167'));
  } catch (error) {
    thrown = error;
  }
  expect(isFault(thrown, 'MALFORMED_BYTES')).toBe(true);
});

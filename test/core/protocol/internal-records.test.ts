import { expect, test } from 'vitest';
import { isFault } from '../../../core/kernel/fault.ts';
import {
  decodeConsumerOffsetsKey,
  decodeInternalValue,
  decodeTransactionLogKey,
  encodeGroupMetadataKey,
  encodeInternalValue,
  encodeOffsetCommitKey,
  encodeTransactionLogKey,
  offsetCommitValue,
} from '../../../core/protocol/messages/internal-records.ts';
import { fromHex, messageFixtures } from '../../wire/fixtures.ts';

const full = (message: string) => {
  const { bytes, value } = messageFixtures.find((fixture) => fixture.message === message && fixture.kind === 'full')!;
  return { bytes: Buffer.from(bytes).toString('hex'), value: value as never };
};
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

test('the keys are as Apache Kafka writes them, each behind the number of its kind', () => {
  const offset = full('OffsetCommitKey');
  expect(hex(encodeOffsetCommitKey(offset.value))).toBe(`0001${offset.bytes}`);
  const group = full('GroupMetadataKey');
  expect(hex(encodeGroupMetadataKey(group.value))).toBe(`0002${group.bytes}`);
  const transaction = full('TransactionLogKey');
  expect(hex(encodeTransactionLogKey(transaction.value))).toBe(`0000${transaction.bytes}`);
});

test('a key tells its kind, and a kind that is newer is left alone', () => {
  const key = { group: 'g', topic: 't', partition: 3 };
  expect(decodeConsumerOffsetsKey(encodeOffsetCommitKey(key))).toEqual({ kind: 'offsetCommit', ...key });
  expect(decodeConsumerOffsetsKey(fromHex('0000' + '000167' + '000174' + '00000003'))).toEqual({
    kind: 'offsetCommit',
    ...key,
  });
  expect(decodeConsumerOffsetsKey(encodeGroupMetadataKey({ group: 'g' }))).toEqual({
    kind: 'groupMetadata',
    group: 'g',
  });
  expect(decodeConsumerOffsetsKey(fromHex('0003' + '000167'))).toEqual({ kind: 'other', type: 3 });
  expect(decodeTransactionLogKey(encodeTransactionLogKey({ transactionalId: 'x' }))).toEqual({ transactionalId: 'x' });
  expect(decodeTransactionLogKey(fromHex('0001' + '000167'))).toBeNull();
});

test('a value stands behind its version, and a newer version is refused', () => {
  const value = offsetCommitValue.create({ offset: 12, metadata: 'm', commitTimestamp: 5, leaderEpoch: 2 });
  const bytes = encodeInternalValue(offsetCommitValue, value, 3);
  expect(hex(bytes)).toBe('0003' + '000000000000000c' + '00000002' + '00016d' + '0000000000000005');
  expect(decodeInternalValue(offsetCommitValue, bytes)).toEqual(value);
  bytes[1] = 9;
  let thrown: unknown;
  try {
    decodeInternalValue(offsetCommitValue, bytes);
  } catch (error) {
    thrown = error;
  }
  expect(isFault(thrown, 'MALFORMED_BYTES')).toBe(true);
});

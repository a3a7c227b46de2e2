import { expect, test } from 'vitest';
import { selectBatches } from '../../../core/client/select-batches.ts';
import { BatchBuilder } from '../../../core/protocol/batch-builder.ts';
import { endTransactionMarker } from '../../../core/protocol/control-record.ts';
import { readBatchHeader } from '../../../core/protocol/record-batch.ts';

function data(baseOffset: number, count: number, producerId = -1): Uint8Array {
  const builder = new BatchBuilder();
  for (let i = 0; i < count; i++) builder.append(0, null, Buffer.from(`${baseOffset + i}`));
  return builder.build({ baseOffset, producerId, producerEpoch: 0, baseSequence: 0, isTransactional: producerId >= 0 });
}

function marker(baseOffset: number, producerId: number, commit: boolean): Uint8Array {
  const builder = new BatchBuilder();
  const { key, value } = endTransactionMarker({ commit, coordinatorEpoch: 0 });
  builder.append(0, key, value);
  return builder.build({ baseOffset, producerId, producerEpoch: 0, isTransactional: true, isControl: true });
}

const offsets = (batches: readonly Uint8Array[]) => batches.map((batch) => readBatchHeader(batch).baseOffset);
const plain = { abortedTransactions: null, checkCrcs: true };

test('batches come whole, from pieces of any make, and the last may be cut', () => {
  const batches = [data(0, 3), data(3, 2), data(5, 4)];
  const joined = Buffer.concat(batches);
  const cut = joined.subarray(0, joined.length - 1);
  expect(offsets(selectBatches(batches, { ...plain, fetchOffset: 0 }).batches)).toEqual([0, 3, 5]);
  expect(offsets(selectBatches([joined], { ...plain, fetchOffset: 0 }).batches)).toEqual([0, 3, 5]);
  expect(selectBatches([cut], { ...plain, fetchOffset: 0 })).toMatchObject({ nextOffset: 5 });
});

test('a fetch from the middle keeps the batch around it and no earlier one', () => {
  const selected = selectBatches([data(0, 3), data(3, 5)], { ...plain, fetchOffset: 4 });
  expect(offsets(selected.batches)).toEqual([3]);
  expect(selected.nextOffset).toBe(8);
});

test('the next offset is past control batches and past gaps that compaction left (case C41)', () => {
  const builder = new BatchBuilder();
  builder.append(0, null, null);
  const compacted = builder.build({ baseOffset: 10, lastOffsetDelta: 9 });
  const emptied = new BatchBuilder().build({ baseOffset: 20, lastOffsetDelta: 4 });
  const selected = selectBatches([marker(8, 1, true), compacted, emptied, marker(30, 1, false)], {
    fetchOffset: 8,
    abortedTransactions: [],
    checkCrcs: true,
  });
  expect(offsets(selected.batches)).toEqual([10]);
  expect(selected.nextOffset).toBe(31);
});

test('read committed leaves out what was aborted and nothing else, also where transactions interleave and an id is used again', () => {
  const log = [
    data(0, 2, 7), // aborted
    data(2, 2, 8), // committed
    data(4, 1), // outside of transactions
    marker(5, 7, false),
    data(6, 1, 7), // committed by the same producer
    data(7, 1, 9), // aborted
    marker(8, 7, true),
    data(9, 1, 9), // aborted
    marker(10, 8, true),
    marker(11, 9, false),
    data(12, 1, 9),
    marker(13, 9, true),
  ];
  const abortedTransactions = [
    { producerId: 9, firstOffset: 7 },
    { producerId: 7, firstOffset: 0 },
  ];
  const committed = selectBatches(log, { fetchOffset: 0, abortedTransactions, checkCrcs: true });
  expect(offsets(committed.batches)).toEqual([2, 4, 6, 12]);
  expect(committed.nextOffset).toBe(14);
  const all = selectBatches(log, { ...plain, fetchOffset: 0 });
  expect(offsets(all.batches)).toEqual([0, 2, 4, 6, 7, 9, 12]);
});

test('damage is found', () => {
  const bad = data(0, 3);
  bad[bad.length - 1]! ^= 1;
  expect(() => selectBatches([bad], { ...plain, fetchOffset: 0 })).toThrow(
    expect.objectContaining({ code: 'CORRUPT_BATCH' }),
  );
});

test.each([
  // Message sets of Kafka 0.8 and 0.10: offset, size, a CRC that nobody gets to, magic, attributes, (time,) no key, 'old'.
  [0, '00000000000000000000001133b5e0aa0000ffffffff000000036f6c64'],
  [1, '000000000000000000000019c4d1a5f2010000000165a0bc0000ffffffff000000036f6c64'],
])('messages of the old format %i are refused by name', (magic, hex) => {
  const old = Buffer.from(hex, 'hex');
  const expected = `magic is ${magic}, only 2 is known: it is as Kafka wrote before 0.11`;
  expect(() => selectBatches([old], { ...plain, fetchOffset: 0 })).toThrow(expected);
  expect(() => selectBatches([Buffer.concat([data(0, 1), old])], { ...plain, fetchOffset: 0 })).toThrow(expected);
});

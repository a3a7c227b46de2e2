import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import { BatchBuilder } from '../../../core/protocol/batch-builder.ts';
import { compressionNames, loadCompression } from '../../../core/protocol/compression/registry.ts';
import { endTransactionMarker, readControlRecord } from '../../../core/protocol/control-record.ts';
import {
  batchField,
  patchBatch,
  readBatchHeader,
  recompressBatch,
  restampBatch,
  sealBatch,
  splitBatches,
  verifyBatch,
} from '../../../core/protocol/record-batch.ts';
import { RecordCursor } from '../../../core/protocol/record-cursor.ts';
import { readAll, readAllAs } from './records.ts';

beforeAll(loadCompression);

const utf8 = (text: string) => new TextEncoder().encode(text);
const corrupt = expect.objectContaining({ code: 'CORRUPT_BATCH' });

function batchOf(values: readonly string[], fields = {}, options = {}): Uint8Array {
  const builder = new BatchBuilder(options);
  for (const [i, value] of values.entries()) builder.append(1_000 + i, utf8(`k${i}`), utf8(value));
  return builder.build(fields);
}

const bytes = fc.option(fc.uint8Array({ maxLength: 200 }), { nil: null });
const record = fc.record({
  timestampMs: fc.oneof(fc.integer({ min: 0, max: 2 ** 42 }), fc.integer({ min: -1, max: 5 }), fc.maxSafeInteger()),
  key: bytes,
  value: bytes,
  headers: fc.array(fc.tuple(fc.string({ maxLength: 30 }), bytes), { maxLength: 3 }),
});

describe('what a builder wrote a cursor reads', () => {
  test.each(compressionNames)('any records, %s', (compression) => {
    const builder = new BatchBuilder({ compression });
    fc.assert(
      fc.property(fc.array(record, { minLength: 1, maxLength: 20 }), (records) => {
        // Kafka counts a time from the first record's, so both must be within 2^53 of each other.
        fc.pre(records.every(({ timestampMs }) => Number.isSafeInteger(timestampMs - records[0]!.timestampMs)));
        builder.reset();
        for (const { timestampMs, key, value, headers } of records) builder.append(timestampMs, key, value, headers);
        const batch = builder.build();
        verifyBatch(batch);
        expect(readAllAs(batch, (view) => Uint8Array.from(view))).toEqual(
          records.map((each, offset) => ({ offset, ...each })),
        );
        expect(readBatchHeader(batch).maxTimestampMs).toBe(Math.max(...records.map((each) => each.timestampMs)));
      }),
      { numRuns: 60 },
    );
  });

  test('a text goes in as the same bytes as its encoding, of whatever characters', () => {
    const texts = fc.oneof(
      fc.string({ maxLength: 200 }),
      fc.string({ unit: 'binary', maxLength: 200 }),
      fc.constantFrom('', 'ü'.repeat(63), 'a'.repeat(63), 'x'.repeat(20_000), '語'.repeat(20_000), 'a\ud800b'),
    );
    fc.assert(
      fc.property(fc.array(texts, { minLength: 1, maxLength: 8 }), (values) => {
        const written = new BatchBuilder();
        const encoded = new BatchBuilder();
        for (const [i, value] of values.entries()) {
          written.append(i, utf8('key'), value, [['h', null]]);
          encoded.append(i, utf8('key'), Buffer.from(value), [['h', null]]);
        }
        expect(Buffer.compare(written.build(), encoded.build())).toBe(0);
      }),
      { numRuns: 200 },
    );
  });

  test('text is what the bytes decode to, whatever they are', () => {
    const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
    const torn = fc.uint8Array({ maxLength: 12 }).map((some) => some.map((byte) => byte | 0x80));
    const any = fc.oneof(torn, fc.uint8Array({ maxLength: 40 }), fc.string({ unit: 'binary' }).map(utf8));
    fc.assert(
      fc.property(fc.array(any, { minLength: 1, maxLength: 6 }), (values) => {
        const builder = new BatchBuilder();
        for (const value of values) builder.append(1, value, value);
        const cursor = new RecordCursor();
        cursor.open(builder.build());
        for (const value of values) {
          expect(cursor.next()).toBe(true);
          expect([cursor.keyText(), cursor.valueText()]).toEqual([decoder.decode(value), decoder.decode(value)]);
          expect([cursor.lentKey(), cursor.key()]).toEqual([Uint8Array.from(value), Uint8Array.from(value)]);
        }
      }),
      { numRuns: 300 },
    );
  });

  test('lone surrogates in a header name, whose length is that of what is written', () => {
    const builder = new BatchBuilder();
    builder.append(1, null, null, [['a\ud800b', null]]);
    expect(readAll(builder.build())[0]!.headers).toEqual([['a\ufffdb', null]]);
  });

  test("larger than the first buffer, and than any codec's block", () => {
    for (const compression of compressionNames) {
      const values = [1, 100_000, 3, 1_000_000].map((length, i) => `${i}`.repeat(length));
      expect(readAll(batchOf(values, {}, { compression })).map(({ value }) => value)).toEqual(values);
    }
  });
});

test('the header says what build() was told', () => {
  const batch = batchOf(['a', 'b'], {
    baseOffset: 2 ** 45 + 1,
    leaderEpoch: 7,
    producerId: 2 ** 40 + 3,
    producerEpoch: 32_767,
    baseSequence: 2 ** 31 - 1,
    isTransactional: true,
    isControl: true,
  });
  expect(readBatchHeader(batch)).toEqual({
    baseOffset: 2 ** 45 + 1,
    sizeBytes: batch.length,
    leaderEpoch: 7,
    attributes: 0x30,
    compression: 'none',
    timestampType: 'createTime',
    isTransactional: true,
    isControl: true,
    lastOffset: 2 ** 45 + 2,
    baseTimestampMs: 1_000,
    maxTimestampMs: 1_001,
    producerId: 2 ** 40 + 3,
    producerEpoch: 32_767,
    baseSequence: 2 ** 31 - 1,
    recordCount: 2,
  });
  expect(readAll(batch).map(({ offset }) => offset)).toEqual([2 ** 45 + 1, 2 ** 45 + 2]);
});

test('a builder may be built from twice, keeps its memory to itself, and starts over', () => {
  const builder = new BatchBuilder();
  builder.append(5, null, utf8('one'));
  const first = builder.build();
  builder.append(6, null, utf8('two'));
  const second = builder.build({ baseOffset: 10 });
  builder.reset();
  expect([builder.recordCount, builder.sizeBytes]).toEqual([0, 61]);
  builder.append(7, null, utf8('six'));
  const third = builder.build();
  const values = (batch: Uint8Array) => readAll(batch).map(({ value, timestampMs }) => `${value} ${timestampMs}`);
  expect([first, second, third].map(values)).toEqual([['one 5'], ['one 5', 'two 6'], ['six 7']]);
  for (const batch of [first, second, third]) expect(batch.buffer.byteLength).toBe(batch.length);
});

describe('a compacted batch', () => {
  test('has gaps, and keeps the last offset of what it was', () => {
    const builder = new BatchBuilder();
    builder.appendAt(2, 50, utf8('a'), null);
    builder.appendAt(5, 40, utf8('b'), utf8('x'));
    const batch = builder.build({ baseOffset: 100, lastOffsetDelta: 9 });
    expect(readAll(batch).map(({ offset, timestampMs }) => [offset, timestampMs])).toEqual([
      [102, 50],
      [105, 40],
    ]);
    expect(readBatchHeader(batch).lastOffset).toBe(109);
  });

  test("may be empty, for the sake of its producer's sequence", () => {
    const batch = new BatchBuilder().build({ baseOffset: 3, lastOffsetDelta: 4, producerId: 1, baseSequence: 8 });
    verifyBatch(batch);
    expect(readBatchHeader(batch)).toMatchObject({
      recordCount: 0,
      lastOffset: 7,
      baseSequence: 8,
      maxTimestampMs: -1,
    });
    expect(readAll(batch)).toEqual([]);
  });

  test('keeps the time of append', () => {
    const builder = new BatchBuilder();
    builder.append(50, null, utf8('a'));
    expect(readAll(builder.build({ logAppendTimeMs: 99 }))[0]!.timestampMs).toBe(99);
  });
});

describe('changes without decoding', () => {
  test('patchBatch leaves the checksum right', () => {
    const batch = batchOf(['a', 'b']);
    patchBatch(batch, { baseOffset: 2 ** 33, leaderEpoch: 4 });
    verifyBatch(batch);
    expect(readBatchHeader(batch)).toMatchObject({ baseOffset: 2 ** 33, lastOffset: 2 ** 33 + 1, leaderEpoch: 4 });
  });

  test('restampBatch gives every record the time of append', () => {
    const batch = batchOf(['a', 'b'], {}, { compression: 'lz4' });
    restampBatch(batch, { timestampMs: 777 });
    verifyBatch(batch);
    expect(readBatchHeader(batch)).toMatchObject({
      timestampType: 'logAppendTime',
      maxTimestampMs: 777,
      compression: 'lz4',
    });
    expect(readAll(batch).map(({ timestampMs }) => timestampMs)).toEqual([777, 777]);
  });

  test('recompressBatch hands back what has that codec already', () => {
    const batch = batchOf(['a'], {}, { compression: 'gzip' });
    expect(recompressBatch(batch, 'gzip')).toBe(batch);
  });

  test('they work on a view in the middle of a buffer', () => {
    const batch = batchOf(['a', 'b']);
    const buffer = new Uint8Array(batch.length + 20).fill(0xee);
    buffer.set(batch, 9);
    const view = buffer.subarray(9, 9 + batch.length);
    patchBatch(view, { baseOffset: 5, leaderEpoch: 1 });
    restampBatch(view, { timestampMs: 8 });
    verifyBatch(view);
    expect(readAll(recompressBatch(view, 'snappy')).map(({ offset, value }) => [offset, value])).toEqual([
      [5, 'a'],
      [6, 'b'],
    ]);
    expect(buffer.subarray(0, 9)).toEqual(new Uint8Array(9).fill(0xee));
    expect(buffer.subarray(9 + batch.length)).toEqual(new Uint8Array(11).fill(0xee));
  });
});

describe('splitBatches', () => {
  const batches = [batchOf(['a']), batchOf(['bb', 'c']), batchOf(['d'])];
  const joined = Uint8Array.from(batches.flatMap((batch) => [...batch]));

  test('leaves an incomplete last batch out, wherever the cut is', () => {
    for (let cut = 0; cut <= joined.length; cut++) {
      let whole = 0;
      for (let size = 0; whole < 3 && (size += batches[whole]!.length) <= cut; ) whole++;
      expect(splitBatches(joined.subarray(0, cut)).map((batch) => Uint8Array.from(batch))).toEqual(
        batches.slice(0, whole),
      );
    }
  });

  test('copies nothing', () => {
    expect(splitBatches(joined).every((batch) => batch.buffer === joined.buffer)).toBe(true);
    expect(splitBatches(batches[0]!)[0]).toBe(batches[0]);
  });

  test.each([0, 48, -1, -12, -(2 ** 31)])('refuses a length of %i, over which it would never get', (length) => {
    const bad = Uint8Array.from(batches[0]!);
    new DataView(bad.buffer).setInt32(batchField.length, length);
    expect(() => splitBatches(bad)).toThrow(corrupt);
  });
});

describe('hostile batches are a Fault', () => {
  const batch = batchOf(['value', 'other']);
  const withChange = (change: (view: DataView) => void) => {
    const copy = Uint8Array.from(batch);
    change(new DataView(copy.buffer));
    return copy;
  };
  const readThrough = (hostile: Uint8Array) => {
    const cursor = new RecordCursor();
    cursor.open(hostile);
    while (cursor.next()) {
      cursor.key();
      cursor.value();
      cursor.headers();
    }
  };

  test('every truncation, by verifyBatch and by the cursor', () => {
    for (let length = 0; length < batch.length; length++) {
      expect(() => verifyBatch(batch.subarray(0, length))).toThrow(corrupt);
      expect(() => readThrough(batch.subarray(0, length))).toThrow(corrupt);
    }
  });

  test('any byte changed is noticed, but those that the leader sets', () => {
    for (let at = 0; at < batch.length; at++) {
      const changed = withChange((view) => view.setUint8(at, view.getUint8(at) ^ 0x10));
      const isLeaders = at < batchField.length || (at >= batchField.leaderEpoch && at < batchField.magic);
      if (isLeaders) verifyBatch(changed);
      else expect(() => verifyBatch(changed)).toThrow(corrupt);
    }
  });

  test.each([0, 1, 3, 255])('magic %i', (magic) => {
    const changed = withChange((view) => view.setUint8(batchField.magic, magic));
    expect(() => readBatchHeader(changed)).toThrow(corrupt);
    expect(() => verifyBatch(changed)).toThrow(corrupt);
  });

  test('impossible numbers in the header', () => {
    const changes: ((view: DataView) => void)[] = [
      (view) => view.setInt32(batchField.length, 10),
      (view) => view.setInt16(batchField.attributes, 5),
      (view) => view.setInt32(batchField.lastOffsetDelta, -1),
      (view) => view.setInt32(batchField.recordCount, -1),
      (view) => view.setBigInt64(batchField.baseOffset, 2n ** 60n),
      (view) => view.setBigInt64(batchField.producerId, 2n ** 53n),
    ];
    for (const change of changes) expect(() => readBatchHeader(withChange(change))).toThrow(corrupt);
  });

  test('more and fewer records than there are', () => {
    for (const count of [2 ** 31 - 1, 3, 1, 0]) {
      expect(() => readThrough(withChange((view) => view.setInt32(batchField.recordCount, count)))).toThrow(corrupt);
    }
  });

  test('fields of a record that lie about their length', () => {
    // Record 0 is: length, attributes, times, offsets, key length 2 at 65, key, value length 5 at 68, value, headers at 74.
    expect([65, 68, 74].map((at) => batch[at])).toEqual([4, 10, 0]);
    const lies: [at: number, byte: number][] = [
      [61, 1],
      [61, 0x7f],
      [61, 0x7e],
      [65, 3],
      [65, 0x7e],
      [65, 0x7f],
      [68, 3],
      [68, 0x7e],
      [68, 1],
      [74, 1],
      [74, 2],
      [74, 0x7e],
    ];
    for (const [at, byte] of lies) {
      expect(() => readThrough(withChange((view) => view.setUint8(at, byte)))).toThrow(corrupt);
    }
  });

  test('random bytes after a right header never hang it or leak another error', () => {
    const header = [...batch.subarray(0, batchField.records)];
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 80 }),
        fc.integer({ min: 0, max: 4 }),
        fc.nat(),
        (records, codec, count) => {
          const hostile = Uint8Array.from([...header, ...records]);
          const view = new DataView(hostile.buffer);
          view.setInt32(batchField.length, hostile.length - 12);
          view.setInt16(batchField.attributes, codec);
          view.setInt32(batchField.recordCount, count);
          sealBatch(hostile);
          verifyBatch(hostile);
          try {
            readThrough(hostile);
          } catch (error) {
            expect(error).toEqual(corrupt);
          }
        },
      ),
      { numRuns: 2_000 },
    );
  });

  test('a cursor works again after a batch that failed', () => {
    const cursor = new RecordCursor();
    expect(() => cursor.open(batch.subarray(0, 30))).toThrow(corrupt);
    expect(cursor.next()).toBe(false);
    cursor.open(batch);
    expect([cursor.next(), cursor.next(), cursor.next(), cursor.next()]).toEqual([true, true, false, false]);
  });
});

describe('control records', () => {
  test('are as Kafka writes them', () => {
    const { key, value } = endTransactionMarker({ commit: true, coordinatorEpoch: 258 });
    expect([...key]).toEqual([0, 0, 0, 1]);
    expect([...value]).toEqual([0, 0, 0, 0, 1, 2]);
  });

  test('are read by their type, whatever version', () => {
    expect(readControlRecord(endTransactionMarker({ commit: true, coordinatorEpoch: 0 }).key)).toBe('commit');
    expect(readControlRecord(endTransactionMarker({ commit: false, coordinatorEpoch: 0 }).key)).toBe('abort');
    expect(readControlRecord(Uint8Array.from([0, 1, 0, 0, 9]))).toBe('abort');
    expect(readControlRecord(Uint8Array.from([0, 0, 0, 2]))).toBe('other');
    expect(() => readControlRecord(Uint8Array.from([0, 0, 0]))).toThrow(
      expect.objectContaining({ code: 'MALFORMED_BYTES' }),
    );
  });
});

// Batches that other software wrote, decoded; and decoded the same after we compress them anew.
import { beforeAll, describe, expect, test } from 'vitest';
import { compressionNames, loadCompression } from '../../../core/protocol/compression/registry.ts';
import { readControlRecord } from '../../../core/protocol/control-record.ts';
import { readBatchHeader, recompressBatch, splitBatches, verifyBatch } from '../../../core/protocol/record-batch.ts';
import { hexFixture } from '../../wire/fixture.ts';
import { readAll, readAllAs } from './records.ts';

beforeAll(loadCompression);

const baseMs = 1_700_000_000_000;
/** What both clients were asked to send. */
const sent = [
  { offset: 0, timestampMs: baseMs, key: 'key', value: 'value', headers: [] },
  { offset: 1, timestampMs: baseMs + 1, key: null, value: 'no key', headers: [] },
  { offset: 2, timestampMs: baseMs - 1_000, key: 'tombstone', value: null, headers: [] },
  { offset: 3, timestampMs: baseMs + 40 * 86_400_000, key: '', value: '', headers: [] },
  {
    offset: 4,
    timestampMs: baseMs + 5,
    key: 'h',
    value: 'headers',
    headers: [
      ['a', '1'],
      ['a', null],
      ['grüße', ''],
    ],
  },
  { offset: 5, timestampMs: baseMs + 6, key: 'long', value: '0123456789'.repeat(400), headers: [] },
];

describe.each(['java', 'librdkafka'])('%s', (client) => {
  test.each(compressionNames)('batches with %s', (codec) => {
    const batches = splitBatches(hexFixture(`batch-${client}-${codec}`));
    expect(batches.flatMap(readAll)).toEqual(sent);
    for (const batch of batches) {
      verifyBatch(batch);
      const header = readBatchHeader(batch);
      expect(header.compression).toBe(codec);
      expect(header.producerId).toBeGreaterThanOrEqual(0);
      expect(header.producerEpoch).toBe(0);
      expect(header.baseSequence).toBe(header.baseOffset);
      for (const other of compressionNames) {
        const again = recompressBatch(batch, other);
        verifyBatch(again);
        expect(readBatchHeader(again)).toEqual({
          ...header,
          compression: other,
          attributes: compressionNames.indexOf(other),
          sizeBytes: again.length,
        });
        expect(readAll(again)).toEqual(readAll(batch));
      }
    }
  });
});

test('a producer that is not idempotent has no id, epoch or sequence', () => {
  const batches = splitBatches(hexFixture('batch-java-plain'));
  expect(batches.flatMap(readAll)).toEqual(sent);
  expect(readBatchHeader(batches[0]!)).toMatchObject({ producerId: -1, producerEpoch: -1, baseSequence: -1 });
});

test('where the log stamps, every record of a batch has the time of append', () => {
  const batches = splitBatches(hexFixture('batch-java-stamped'));
  const records = batches.flatMap(readAll);
  expect(records.map(({ value }) => value)).toEqual(sent.map(({ value }) => value));
  for (const batch of batches) {
    const { timestampType, maxTimestampMs } = readBatchHeader(batch);
    expect(timestampType).toBe('logAppendTime');
    expect(maxTimestampMs).toBeGreaterThan(baseMs + 86_400_000 * 365);
    expect(new Set(readAll(batch).map(({ timestampMs }) => timestampMs))).toEqual(new Set([maxTimestampMs]));
  }
});

test('transactions: data, commit marker, data, abort marker', () => {
  const batches = splitBatches(hexFixture('batch-java-txn'));
  const headers = batches.map((batch) => readBatchHeader(batch));
  expect(headers.every(({ isTransactional }) => isTransactional)).toBe(true);
  const seen = batches.map((batch, i) =>
    headers[i]!.isControl ? readControlRecord(readAllAs(batch, (bytes) => bytes)[0]!.key!) : readAll(batch).length,
  );
  expect(seen).toEqual([6, 'commit', 1, 'abort']);
  expect(new Set(headers.map(({ producerId }) => producerId)).size).toBe(1);
  expect(readAll(batches[2]!)[0]!.value).toBe('aborted');
});

import { describe, expect, test } from 'vitest';
import { loadCompression } from '../../../core/protocol/compression/registry.ts';
import { readBatchHeader, sealBatch, verifyBatch } from '../../../core/protocol/record-batch.ts';
import {
  batch,
  bench,
  client,
  coordinator,
  marker,
  numbered,
  recordsOf,
  refusalOf,
  startMs,
  uncommitted,
} from './fixtures.ts';

await loadCompression();

describe('what a client may not append', () => {
  const damaged = () => {
    const bytes = numbered(3);
    bytes[bytes.length - 1]! ^= 1;
    return bytes;
  };
  const withField = (at: number, value: number) => {
    const bytes = numbered(3);
    new DataView(bytes.buffer).setInt32(at, value);
    return reseal(bytes);
  };
  test.each([
    ['a batch whose checksum is wrong', damaged(), 'CORRUPT_MESSAGE'],
    ['a batch that is cut', numbered(3).subarray(0, 80), 'CORRUPT_MESSAGE'],
    ['bytes behind a batch', Buffer.concat([numbered(3), new Uint8Array(5)]), 'CORRUPT_MESSAGE'],
    ['nothing', new Uint8Array(0), 'CORRUPT_MESSAGE'],
    ['a negative timestamp', batch([{ timestampMs: -2 }]), 'INVALID_TIMESTAMP'],
    ['a timestamp far ahead', batch([{}, { timestampMs: startMs + 3_600_001 }]), 'INVALID_TIMESTAMP'],
    ['more records than offsets', withField(57, 4), 'INVALID_RECORD'],
    ['no records', withField(57, 0), 'INVALID_RECORD'],
    ['a control batch', marker(1, 0, true), 'INVALID_RECORD'],
    ['a producer without a sequence', numbered(1, { producerId: 4, producerEpoch: 0 }), 'INVALID_RECORD'],
    ['a transaction without a producer', numbered(1, { isTransactional: true }), 'INVALID_RECORD'],
    ['a batch over max.message.bytes', batch([{ value: 'x'.repeat(2_000) }]), 'MESSAGE_TOO_LARGE'],
  ])('%s', async (_what, bytes, error) => {
    const log = await bench().open({ 'max.message.bytes': '1000' });
    expect(await refusalOf(log.append([new Uint8Array(bytes)], client))).toBe(error);
    expect([log.logEndOffset, log.producers()]).toEqual([0, []]);
    expect(await log.append([numbered(2)], client)).toMatchObject({ baseOffset: 0 });
  });

  test('a batch older than message.timestamp.before.max.ms', async () => {
    const log = await bench().open({ 'message.timestamp.before.max.ms': '1000' });
    expect(await refusalOf(log.append([numbered(1, {}, startMs - 1_001)], client))).toBe('INVALID_TIMESTAMP');
    expect(await refusalOf(log.append([numbered(1, {}, startMs - 1_000)], client))).toBe('none');
  });

  test('one bad batch refuses the whole call', async () => {
    const log = await bench().open();
    expect(await refusalOf(log.append([numbered(2), damaged()], client))).toBe('CORRUPT_MESSAGE');
    expect(log.logEndOffset).toBe(0);
  });
});

describe('what the topic makes of a batch', () => {
  test('LogAppendTime is every record’s time, under a right checksum', async () => {
    const table = bench();
    const log = await table.open({ 'message.timestamp.type': 'LogAppendTime' });
    table.clock.advance(77);
    expect(await log.append([batch([{ timestampMs: 5 }, { timestampMs: -9 }])], client)).toMatchObject({
      logAppendTimeMs: startMs + 77,
    });
    const { records } = await log.read({ from: 0, ...uncommitted });
    expect(recordsOf(records).map(({ timestampMs }) => timestampMs)).toEqual([startMs + 77, startMs + 77]);
    for (const bytes of records) expect(() => verifyBatch(bytes)).not.toThrow();
  });

  test.each(['gzip', 'snappy', 'lz4', 'zstd', 'uncompressed'])('compression.type %s compresses again', async (type) => {
    const log = await bench().open({ 'compression.type': type });
    const value = 'again and '.repeat(50);
    await log.append([batch([{ key: 'k', value }], { compression: type === 'gzip' ? 'none' : 'gzip' })], client);
    const { records } = await log.read({ from: 0, ...uncommitted });
    expect(readBatchHeader(records[0]!).compression).toBe(type === 'uncompressed' ? 'none' : type);
    expect(() => verifyBatch(records[0]!)).not.toThrow();
    expect(recordsOf(records)).toMatchObject([{ offset: 0, key: 'k', value }]);
  });

  test('the same bytes sent twice by a client in this process stay two batches', async () => {
    const log = await bench().open();
    const bytes = numbered(2);
    await log.append([bytes], client);
    await log.append([bytes], client);
    const { records } = await log.read({ from: 0, ...uncommitted });
    expect(recordsOf(records).map(({ offset }) => offset)).toEqual([0, 1, 2, 3]);
  });

  test('a coordinator’s control batch takes one offset and no reader’s eyes', async () => {
    const log = await bench().open();
    expect(await log.append([marker(1, 0, true)], coordinator)).toMatchObject({ baseOffset: 0, lastOffset: 0 });
    expect(readBatchHeader((await log.read({ from: 0, ...uncommitted })).records[0]!).isControl).toBe(true);
  });
});

function reseal(bytes: Uint8Array): Uint8Array {
  sealBatch(bytes);
  return bytes;
}

import { describe, expect, test } from 'vitest';
import type { PartitionLog } from '../../../core/log/partition-log.ts';
import { loadCompression } from '../../../core/protocol/compression/registry.ts';
import { type CompressionName, readBatchHeader, verifyBatch } from '../../../core/protocol/record-batch.ts';
import {
  batch,
  bench,
  client,
  committed,
  coordinator,
  marker,
  recordsOf,
  refusalOf,
  startMs,
  type TestRecord,
  uncommitted,
} from './fixtures.ts';

await loadCompression();

const config = { 'cleanup.policy': 'compact', 'segment.bytes': '14', 'delete.retention.ms': '1000' };
/** Every batch is a segment of its own with `config`, so all but the last are compacted. */
const put = (log: PartitionLog, ...records: TestRecord[]) => log.append([batch(records)], client);
const closing = { key: 'closing', value: '.' };

async function contents(log: PartitionLog): Promise<string[]> {
  const found: string[] = [];
  for (let from = log.logStartOffset; ; ) {
    const { records } = await log.read({ from, ...uncommitted });
    if (records.length === 0) return found;
    found.push(
      ...recordsOf(records)
        .filter(({ key }) => key !== 'closing')
        .map(({ offset, key, value }) => `${offset}:${key}=${value}`),
    );
    from = readBatchHeader(records.at(-1)!).lastOffset + 1;
  }
}

describe('compaction', () => {
  test('keeps the newest value of each key where it is', async () => {
    const log = await bench().open(config);
    await put(log, { key: 'a', value: '1' }, { key: 'b', value: '1' }, { key: 'a', value: '2' });
    await put(log, { key: 'b', value: '2' }, { key: 'c', value: '1' });
    await put(log, { key: 'b', value: '3' });
    await put(log, closing);
    await log.compact();
    expect(await contents(log)).toEqual(['2:a=2', '4:c=1', '5:b=3']);
    await put(log, { key: 'c', value: '2' }, closing);
    await put(log, closing);
    await log.compact();
    expect(await contents(log)).toEqual(['2:a=2', '5:b=3', '7:c=2']);
    expect([log.logStartOffset, log.logEndOffset]).toEqual([0, 10]);
  });

  test('a batch keeps its first and last offset, its times and a right checksum', async () => {
    const log = await bench().open(config);
    const producer = { producerId: 8, producerEpoch: 2, baseSequence: 0 };
    const records = [
      { key: 'a', value: '1', timestampMs: startMs - 50 },
      { key: 'b', value: '1', timestampMs: startMs - 70 },
      { key: 'a', value: '2', timestampMs: startMs - 60 },
      { key: 'c', value: '1', timestampMs: startMs - 10 },
    ];
    await log.append([batch(records, producer)], client);
    await put(log, { key: 'c', value: '2' });
    await put(log, closing);
    await log.compact();
    const [bytes] = (await log.read({ from: 0, ...uncommitted })).records;
    expect(readBatchHeader(bytes!)).toMatchObject({
      ...producer,
      baseOffset: 0,
      lastOffset: 3,
      recordCount: 2,
      leaderEpoch: 0,
      maxTimestampMs: startMs - 60,
    });
    expect(() => verifyBatch(bytes!)).not.toThrow();
    expect(recordsOf([bytes!])).toEqual([
      { offset: 1, key: 'b', value: '1', timestampMs: startMs - 70 },
      { offset: 2, key: 'a', value: '2', timestampMs: startMs - 60 },
    ]);
  });

  test.each<CompressionName>(['gzip', 'snappy', 'lz4', 'zstd'])('%s stays %s', async (compression) => {
    const log = await bench().open(config);
    await log.append(
      [
        batch(
          [
            { key: 'a', value: '1' },
            { key: 'b', value: '1' },
          ],
          { compression },
        ),
      ],
      client,
    );
    await put(log, { key: 'a', value: '2' });
    await put(log, closing);
    await log.compact();
    const [bytes] = (await log.read({ from: 0, ...uncommitted })).records;
    expect(readBatchHeader(bytes!)).toMatchObject({ compression, recordCount: 1, lastOffset: 1 });
    expect(recordsOf([bytes!])).toMatchObject([{ offset: 1, key: 'b' }]);
  });

  test('LogAppendTime stays the time of the records that are left', async () => {
    const table = bench();
    const log = await table.open({ ...config, 'message.timestamp.type': 'LogAppendTime' });
    await put(log, { key: 'a' }, { key: 'b' });
    table.clock.advance(5);
    await put(log, { key: 'a' });
    await put(log, closing);
    await log.compact();
    expect(recordsOf((await log.read({ from: 0, maxBytes: 1, isolation: 'readUncommitted' })).records)).toMatchObject([
      { offset: 1, timestampMs: startMs },
    ]);
  });

  // C50: a tombstone is null; an empty value is a value.
  test('an empty value is not a tombstone and stays', async () => {
    const table = bench();
    const log = await table.open(config);
    await put(log, { key: 'empty', value: '1' }, { key: 'gone', value: '1' });
    await put(log, { key: 'empty', value: '' }, { key: 'gone', value: null });
    await put(log, closing);
    await log.compact();
    expect(await contents(log)).toEqual(['2:empty=', '3:gone=null']);
    table.clock.advance(1_000);
    await log.compact();
    expect(await contents(log)).toEqual(['2:empty=']);
  });

  test('a tombstone stays delete.retention.ms after compaction first came to it', async () => {
    const table = bench();
    const log = await table.open(config);
    await put(log, { key: 'a', value: '1' });
    await put(log, { key: 'a', value: null });
    await put(log, closing);
    table.clock.advance(60_000); // its own age doesn't count
    await log.compact();
    expect(await contents(log)).toEqual(['1:a=null']);
    table.clock.advance(999);
    await log.compact();
    expect(log.dirtyRatio()).toBe(0);
    expect(await contents(log)).toEqual(['1:a=null']);
    table.clock.advance(1);
    expect(log.dirtyRatio()).toBe(1); // so that clean() comes to it although nothing is new
    await log.compact();
    expect(await contents(log)).toEqual([]);
    expect(log.dirtyRatio()).toBe(0);
  });

  test('when a tombstone was first seen survives closing', async () => {
    const table = bench();
    const log = await table.open(config);
    await put(log, { key: 'a', value: null });
    await put(log, closing);
    await log.compact();
    table.clock.advance(600);
    await log.close();
    const again = await table.open(config);
    await put(again, closing);
    await again.compact();
    expect(await contents(again)).toEqual(['0:a=null']);
    table.clock.advance(400);
    await again.compact();
    expect(await contents(again)).toEqual([]);
  });

  test('records without a key are dropped', async () => {
    const log = await bench().open(config);
    await put(log, { key: null, value: 'x' }, { key: 'a', value: '1' });
    await put(log, closing);
    await log.compact();
    expect(await contents(log)).toEqual(['1:a=1']);
  });

  test('the active tail is left alone: segment.bytes', async () => {
    const log = await bench().open({ ...config, 'segment.bytes': '100000' });
    for (let i = 0; i < 20; i++) await put(log, { key: 'a', value: String(i) });
    await log.compact();
    expect(await contents(log)).toHaveLength(20);
    expect(log.dirtyRatio()).toBe(0);
  });

  test('the active tail is left alone until segment.ms have passed', async () => {
    const table = bench();
    const log = await table.open({ ...config, 'segment.bytes': '100000', 'segment.ms': '5000' });
    for (let i = 0; i < 5; i++) await put(log, { key: 'a', value: String(i) });
    table.clock.advance(5_000);
    await log.compact();
    expect(await contents(log)).toHaveLength(5);
    table.clock.advance(1);
    await log.compact();
    // The last batch is never looked at, so that a log keeps its end.
    expect(await contents(log)).toEqual(['3:a=3', '4:a=4']);
    expect(log.dirtyRatio()).toBe(0);
    await put(log, closing);
    await put(log, closing);
    table.clock.advance(10_000);
    await log.compact();
    expect(await contents(log)).toEqual(['4:a=4']);
  });

  test('max.compaction.lag.ms comes to the active tail', async () => {
    const table = bench();
    const log = await table.open({
      ...config,
      'segment.bytes': '100000',
      'max.compaction.lag.ms': '3000',
      'min.cleanable.dirty.ratio': '1',
    });
    for (let i = 0; i < 5; i++) await put(log, { key: 'a', value: String(i) });
    expect(log.dirtyRatio()).toBe(0);
    table.clock.advance(3_001);
    expect(log.dirtyRatio()).toBe(1);
    await log.compact();
    expect(await contents(log)).toEqual(['3:a=3', '4:a=4']);
    expect(log.dirtyRatio()).toBe(0);
  });

  test('min.compaction.lag.ms spares the young', async () => {
    const table = bench();
    const log = await table.open({ ...config, 'min.compaction.lag.ms': '500' });
    await put(log, { key: 'a', value: '1' });
    await put(log, { key: 'a', value: '2' });
    table.clock.advance(400);
    await put(log, { key: 'a', value: '3', timestampMs: startMs + 400 });
    await put(log, { key: 'a', value: '4', timestampMs: startMs + 400 });
    await put(log, closing);
    table.clock.advance(100);
    await log.compact();
    expect(await contents(log)).toEqual(['1:a=2', '2:a=3', '3:a=4']);
  });

  test('open transactions are left alone, aborted records go, markers go as tombstones do', async () => {
    const table = bench();
    const log = await table.open(config);
    const inside = (producerId: number, baseSequence: number, key: string, value: string) =>
      log.append(
        [batch([{ key, value }], { producerId, producerEpoch: 0, baseSequence, isTransactional: true })],
        client,
      );
    await put(log, { key: 'a', value: 'kept' });
    await inside(1, 0, 'a', 'aborted');
    await log.append([marker(1, 0, false)], coordinator);
    await inside(2, 0, 'b', 'committed');
    await log.append([marker(2, 0, true)], coordinator);
    await inside(3, 0, 'a', 'open');
    await put(log, { key: 'a', value: 'behind' });
    await put(log, closing);
    await log.compact();
    const offsets = async () =>
      (await log.read({ from: 0, ...uncommitted })).records.map((bytes) => readBatchHeader(bytes).lastOffset);
    expect(await offsets()).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    expect(await contents(log)).not.toContain('1:a=aborted');
    expect((await log.read({ from: 0, ...committed })).abortedTransactions).toEqual([
      { producerId: 1, firstOffset: 1 },
    ]);
    table.clock.advance(1_000);
    await log.compact();
    expect(await offsets()).toEqual([0, 1, 3, 4, 5, 6, 7]);
    // A reader that was told of it would wait for a marker that is gone, and skip what the producer committed later.
    expect((await log.read({ from: 0, ...committed })).abortedTransactions).toEqual([]);
    expect(log.lastStableOffset).toBe(5);
  });

  test('a commit marker stays as long as a record of its transaction does: a new replica knows it for committed', async () => {
    const table = bench();
    const log = await table.open(config);
    await log.append(
      [batch([{ key: 'a' }], { producerId: 1, producerEpoch: 0, baseSequence: 0, isTransactional: true })],
      client,
    );
    await log.append([marker(1, 0, true)], coordinator);
    await put(log, closing);
    await put(log, closing);
    const compactTwice = async () => {
      await log.compact();
      table.clock.advance(1_000);
      await log.compact();
    };
    const lastOffsets = async () =>
      (await log.read({ from: 0, ...uncommitted })).records.map((bytes) => readBatchHeader(bytes).lastOffset);
    await compactTwice();
    expect(await lastOffsets()).toEqual([0, 1, 2, 3]);
    const replica = await bench().open(config, { highWatermark: 'replicated' });
    await replica.appendReplica((await log.read({ from: 0, ...uncommitted })).records.map((one) => one.slice()));
    replica.advanceHighWatermark(log.highWatermark);
    expect(replica.lastStableOffset).toBe(log.lastStableOffset);
    expect(await contents(replica)).toEqual(await contents(log));
    await put(log, { key: 'a', value: 'newer' });
    await put(log, closing);
    await compactTwice();
    // What is left of the first says how far its producer has come.
    expect(await lastOffsets()).toEqual([0, 3, 4, 5]);
  });

  test('a log that is read back whole after truncation takes what compaction decided as decided', async () => {
    const table = bench();
    const limits = { checkpointBatches: 2 };
    const log = await table.open(config, { limits });
    await log.append(
      [batch([{ key: 'a' }], { producerId: 1, producerEpoch: 0, baseSequence: 0, isTransactional: true })],
      client,
    );
    await log.append([marker(1, 0, true)], coordinator);
    await put(log, closing);
    await log.compact();
    table.clock.advance(1_000);
    await log.compact(); // the marker is gone
    for (let i = 0; i < 20; i++) await put(log, closing);
    await log.truncateTo(4);
    expect([log.logEndOffset, log.lastStableOffset]).toEqual([4, 4]);
  });

  test('sequences of a producer whose batches are gone are still known', async () => {
    const table = bench();
    const log = await table.open(config);
    await log.append([batch([{ key: 'a', value: '1' }], { producerId: 4, producerEpoch: 0, baseSequence: 0 })], client);
    await put(log, { key: 'a', value: '2' });
    await put(log, closing);
    await log.compact();
    await log.close();
    const again = await table.open(config);
    const next = (baseSequence: number) => batch([{ key: 'a' }], { producerId: 4, producerEpoch: 0, baseSequence });
    expect(await refusalOf(again.append([next(2)], client))).toBe('OUT_OF_ORDER_SEQUENCE_NUMBER');
    expect(await refusalOf(again.append([next(1)], client))).toBe('none');
  });

  test.each(['plain', 'committed', 'aborted'])(
    'a new replica knows the newest sequence of a producer whose records are all superseded: %s',
    async (kind) => {
      const log = await bench().open(config);
      const of = (baseSequence: number, key: string, isTransactional = kind !== 'plain') =>
        batch([{ key }], { producerId: 4, producerEpoch: 0, baseSequence, isTransactional });
      await log.append([of(0, 'stays')], client);
      if (kind === 'aborted') await log.append([marker(4, 0, true)], coordinator);
      await log.append([of(1, 'a')], client);
      await log.append([of(2, 'a')], client);
      if (kind !== 'plain') await log.append([marker(4, 0, kind === 'committed')], coordinator);
      await put(log, { key: 'a', value: 'newer' });
      await put(log, closing);
      await log.compact();
      const { records } = await log.read({ from: 0, ...uncommitted });
      const counts = records.map((bytes) => readBatchHeader(bytes)).filter(({ isControl }) => !isControl);
      expect(counts.map(({ recordCount }) => recordCount)).toEqual([1, 0, 1, 1]);

      const replica = await bench().open(config, { highWatermark: 'replicated' });
      await replica.appendReplica(records.map((one) => one.slice()));
      replica.advanceHighWatermark(log.highWatermark);
      expect(replica.lastStableOffset).toBe(log.lastStableOffset);
      expect(await contents(replica)).toEqual(await contents(log));
      const next = (baseSequence: number) => of(baseSequence, 'b', false);
      expect(await refusalOf(replica.append([next(4)], client))).toBe('OUT_OF_ORDER_SEQUENCE_NUMBER');
      expect(await refusalOf(replica.append([next(3)], client))).toBe('none');

      // Once it has written more, the empty one goes.
      await log.append([next(3)], client);
      await put(log, closing);
      await log.compact();
      expect(
        (await log.read({ from: 0, ...uncommitted })).records.map((one) => readBatchHeader(one).recordCount),
      ).not.toContain(0);
    },
  );

  test('more keys than fit into memory take several passes', async () => {
    const log = await bench().open(config, { limits: { compactionKeyBytes: 500 } });
    for (const value of ['1', '2']) for (let k = 0; k < 20; k++) await put(log, { key: `key${k}`, value });
    await put(log, closing);
    let passes = 0;
    while (log.dirtyRatio() > 0) {
      await log.compact();
      passes++;
    }
    expect(passes).toBeGreaterThan(3);
    expect(await contents(log)).toEqual(Array.from({ length: 20 }, (_, k) => `${20 + k}:key${k}=2`));
  });

  test('the size of what is left is known, and known again after opening', async () => {
    const table = bench();
    const log = await table.open({ ...config, 'cleanup.policy': 'compact,delete' }, { limits: { spanBytes: 300 } });
    for (let i = 0; i < 30; i++) await put(log, { key: `k${i % 3}`, value: 'v'.repeat(20) }, { key: String(i) });
    await log.compact();
    const stored = (await log.read({ from: 0, ...uncommitted })).records.reduce((sum, bytes) => sum + bytes.length, 0);
    expect(log.sizeBytes).toBe(stored);
    await log.close();
    expect((await table.open(config)).sizeBytes).toBe(stored);
  });
});

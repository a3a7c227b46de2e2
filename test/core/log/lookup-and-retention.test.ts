import { describe, expect, test } from 'vitest';
import { batch, bench, client, numbered, recordsOf, refusalOf, startMs, uncommitted } from './fixtures.ts';

const at = (timestampMs: number, count = 1) => numbered(count, {}, timestampMs);
const limits = { spanBytes: 200, checkpointBatches: 4 };

describe('offset for a time', () => {
  test('is of the first record at or after it, out of order as well', async () => {
    const table = bench();
    const log = await table.open({ 'retention.ms': '-1' }, { limits });
    await log.append([batch([10, 40, 20].map((ms) => ({ timestampMs: ms })))], client);
    for (const ms of [30, 15, 60, 50]) await log.append([at(ms)], client);
    const offsets = async (opened = log) =>
      Promise.all([0, 10, 11, 40, 41, 60, 61].map(async (ms) => (await opened.offsetForTimestamp(ms))?.offset ?? null));
    const expected = [0, 0, 1, 1, 5, 5, null];
    expect(await offsets()).toEqual(expected);
    expect(await log.maxTimestamp()).toEqual({ offset: 5, timestampMs: 60, leaderEpoch: 0 });
    await log.close();
    expect(await offsets(await table.open({}, { limits }))).toEqual(expected);
  });

  test('looks at nothing below the log start', async () => {
    const log = await bench().open({ 'retention.ms': '-1' }, { limits });
    await log.append([batch([900, 100, 300].map((ms) => ({ timestampMs: ms })))], client);
    for (const ms of [50, 60, 120]) await log.append([at(ms)], client);
    await log.deleteRecordsBefore(1);
    expect((await log.offsetForTimestamp(200))?.offset).toBe(2);
    await log.deleteRecordsBefore(3);
    expect((await log.offsetForTimestamp(55))?.offset).toBe(4);
    expect(await log.offsetForTimestamp(500)).toBeNull();
    expect(await log.maxTimestamp()).toMatchObject({ offset: 5, timestampMs: 120 });
  });

  test('the newest time of several is the first record that has it', async () => {
    const log = await bench().open({}, { limits });
    expect(await log.maxTimestamp()).toBeNull();
    for (const ms of [5, 9, 9, 7]) await log.append([at(ms)], client);
    expect(await log.maxTimestamp()).toMatchObject({ offset: 1, timestampMs: 9 });
  });
});

describe('retention', () => {
  test('by age: batches at the head whose newest record is too old', async () => {
    const table = bench();
    const log = await table.open({ 'retention.ms': '1000' }, { limits });
    for (const age of [3_000, 2_000, 500, 2_500, 0]) await log.append([at(startMs - age, 2)], client);
    await log.applyRetention();
    expect(log.logStartOffset).toBe(4);
    table.clock.advance(501);
    await log.applyRetention();
    expect(log.logStartOffset).toBe(8);
    table.clock.advance(100_000);
    await log.applyRetention();
    expect([log.logStartOffset, log.logEndOffset, log.sizeBytes]).toEqual([10, 10, 0]);
    expect(await log.append([at(table.clock.now())], client)).toMatchObject({ baseOffset: 10 });
  });

  test('by size: the rest is never smaller than retention.bytes', async () => {
    const size = at(startMs).length;
    const log = await bench().open({ 'retention.bytes': String(3 * size) }, { limits });
    for (let i = 0; i < 10; i++) await log.append([at(startMs)], client);
    await log.applyRetention();
    expect([log.logStartOffset, log.sizeBytes]).toEqual([7, 3 * size]);
    log.updateConfig({ ...log.config(), retentionBytes: 2 * size + 1 });
    await log.applyRetention();
    expect(log.logStartOffset).toBe(7);
  });

  test('does not touch what is above the high watermark, nor a compacted topic', async () => {
    const table = bench();
    const log = await table.open({ 'retention.ms': '0' }, { highWatermark: 'replicated' });
    for (let i = 0; i < 3; i++) await log.append([at(startMs - 5)], client);
    log.advanceHighWatermark(2);
    await log.applyRetention();
    expect(log.logStartOffset).toBe(2);
    log.updateConfig({ ...log.config(), cleanupDelete: false });
    log.advanceHighWatermark(3);
    await log.applyRetention();
    expect(log.logStartOffset).toBe(2);
  });

  test('the start of an emptied log is known after a crash', async () => {
    const table = bench();
    const { log, crash } = await table.openToCrash({ 'retention.ms': '10' }, { limits });
    for (let i = 0; i < 5; i++) await log.append([at(startMs - 100, 3)], client);
    await log.applyRetention();
    await crash();
    const again = await table.open({}, { limits });
    expect([again.logStartOffset, again.logEndOffset, again.highWatermark]).toEqual([15, 15, 15]);
  });
});

describe('deleting and truncating', () => {
  test('records go up to the high watermark and not above', async () => {
    const log = await bench().open();
    await log.append([numbered(5)], client);
    expect(await log.deleteRecordsBefore(3)).toBe(3);
    expect(await log.deleteRecordsBefore(1)).toBe(3);
    expect(await refusalOf(log.deleteRecordsBefore(6))).toBe('OFFSET_OUT_OF_RANGE');
    // The batch that holds the start is still whole: the client skips.
    expect(recordsOf((await log.read({ from: 3, ...uncommitted })).records)).toHaveLength(5);
    expect(await log.deleteRecordsBefore(5)).toBe(5);
  });

  test('truncation takes the batch that holds the offset as a whole', async () => {
    const log = await bench().open();
    for (let i = 0; i < 3; i++) await log.append([numbered(4)], client);
    await log.truncateTo(6);
    expect([log.logEndOffset, log.highWatermark]).toEqual([6, 6]);
    expect(recordsOf((await log.read({ from: 0, ...uncommitted })).records).map(({ offset }) => offset)).toEqual([
      0, 1, 2, 3,
    ]);
    expect(await log.append([numbered(1)], client)).toMatchObject({ baseOffset: 6 });
    await log.truncateTo(50);
    expect(log.logEndOffset).toBe(7);
  });

  test('what was cut off is forgotten of its producer', async () => {
    const log = await bench().open({}, { limits });
    const from = (baseSequence: number) => numbered(1, { producerId: 2, producerEpoch: 0, baseSequence });
    for (let i = 0; i < 12; i++) await log.append([from(i)], client);
    await log.truncateTo(9);
    expect(await refusalOf(log.append([from(10)], client))).toBe('OUT_OF_ORDER_SEQUENCE_NUMBER');
    expect(await log.append([from(9)], client)).toMatchObject({ baseOffset: 9, duplicate: false });
    expect(await log.append([from(8)], client)).toMatchObject({ baseOffset: 8, duplicate: true });
  });
});

describe('leader epochs (Kafka’s LeaderEpochFileCache)', () => {
  test('end where the next begins', async () => {
    const table = bench();
    const { log, crash } = await table.openToCrash({}, { limits });
    const append = (leaderEpoch: number) => log.append([numbered(2)], { ...client, leaderEpoch });
    expect(log.epochEnd(0)).toEqual({ leaderEpoch: -1, endOffset: -1 });
    for (const epoch of [1, 1, 4, 5]) await append(epoch);
    const ends = (of: typeof log) => [-1, 0, 1, 2, 4, 5, 6].map((epoch) => Object.values(of.epochEnd(epoch)));
    const expected = [
      [-1, -1],
      [0, 0],
      [1, 4],
      [1, 4],
      [4, 6],
      [5, 8],
      [-1, -1],
    ];
    expect(ends(log)).toEqual(expected);
    await crash();
    const again = await table.open({}, { limits });
    expect([again.leaderEpoch, ends(again)]).toEqual([5, expected]);
    await again.truncateTo(6);
    expect(again.leaderEpoch).toBe(4);
    await again.beginEpoch(7);
    await again.deleteRecordsBefore(5);
    await again.close();
    const last = await table.open({}, { limits });
    expect([1, 4, 7].map((epoch) => Object.values(last.epochEnd(epoch)))).toEqual([
      [1, 5],
      [4, 6],
      [7, 6],
    ]);
  });
});

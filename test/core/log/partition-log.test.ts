import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { readBatchHeader } from '../../../core/protocol/record-batch.ts';
import { createLevelEngine } from '../../../core/storage/level-storage.ts';
import { bench, client, numbered, recordsOf, refusalOf, uncommitted } from './fixtures.ts';

describe('append and read', () => {
  test('offsets follow the order of the calls, and the batch bears them', async () => {
    const log = await bench().open();
    const results = await Promise.all([
      log.append([numbered(3)], client),
      log.append([numbered(1)], client),
      log.append([numbered(2)], client),
    ]);
    expect(results.map(({ baseOffset, lastOffset }) => [baseOffset, lastOffset])).toEqual([
      [0, 2],
      [3, 3],
      [4, 5],
    ]);
    expect([log.logStartOffset, log.logEndOffset, log.highWatermark, log.lastStableOffset]).toEqual([0, 6, 6, 6]);
    const { records, abortedTransactions } = await log.read({ from: 0, ...uncommitted });
    expect(recordsOf(records).map(({ offset, value }) => `${offset}=${value}`)).toEqual([
      '0=0',
      '1=1',
      '2=2',
      '3=0',
      '4=0',
      '5=1',
    ]);
    expect(records.map((bytes) => readBatchHeader(bytes).leaderEpoch)).toEqual([0, 0, 0]);
    expect(abortedTransactions).toBeNull();
  });

  test('a read from the middle of a batch gives the whole batch', async () => {
    const log = await bench().open();
    await log.append([numbered(10)], client);
    await log.append([numbered(10)], client);
    const { records } = await log.read({ from: 15, ...uncommitted });
    expect(recordsOf(records).map(({ offset }) => offset)).toEqual([10, 11, 12, 13, 14, 15, 16, 17, 18, 19]);
  });

  test.each([
    ['from memory', 1 << 20],
    ['from disk', 0],
  ])('maxBytes cuts no batch and gives at least one, %s', async (_name, cacheBytesMax) => {
    const log = await bench().open({}, { cacheBytesMax });
    const size = numbered(5).length;
    for (let i = 0; i < 4; i++) await log.append([numbered(5)], client);
    const count = async (from: number, maxBytes: number, atLeastOne = true) =>
      (await log.read({ from, maxBytes, isolation: 'readUncommitted', atLeastOne })).records.length;
    expect(await count(0, 1)).toBe(1);
    expect(await count(0, 1, false)).toBe(0);
    expect(await count(0, size)).toBe(1);
    expect(await count(0, 2 * size - 1)).toBe(1);
    expect(await count(7, 2 * size)).toBe(2);
    expect(await count(0, 100 * size)).toBe(4);
    expect(await count(20, 100 * size)).toBe(0);
    expect(log.readCached({ from: 0, ...uncommitted }) === null).toBe(cacheBytesMax === 0);
  });

  test('outside of the log is OFFSET_OUT_OF_RANGE, its end is not', async () => {
    const log = await bench().open();
    await log.append([numbered(4)], client);
    await log.deleteRecordsBefore(2);
    expect(await refusalOf(log.read({ from: 1, ...uncommitted }))).toBe('OFFSET_OUT_OF_RANGE');
    expect(await refusalOf(log.read({ from: 5, ...uncommitted }))).toBe('OFFSET_OUT_OF_RANGE');
    expect((await log.read({ from: 4, ...uncommitted })).records).toEqual([]);
  });

  test('everything is there after closing and opening', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'millrace-log-'));
    try {
      const { open } = bench(createLevelEngine(folder));
      const first = await open();
      await first.append([numbered(3), numbered(2)], client);
      await first.close();
      const second = await open();
      expect([second.logEndOffset, second.highWatermark]).toEqual([5, 5]);
      expect(await second.append([numbered(1)], client)).toEqual({
        baseOffset: 5,
        lastOffset: 5,
        logAppendTimeMs: -1,
        duplicate: false,
      });
      const { records } = await second.read({ from: 0, ...uncommitted });
      expect(recordsOf(records).map(({ offset }) => offset)).toEqual([0, 1, 2, 3, 4, 5]);
      await second.close();
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
});

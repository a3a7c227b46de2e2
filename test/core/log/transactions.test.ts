import { describe, expect, test } from 'vitest';
import { createLatch } from '../../../core/kernel/latch.ts';
import { createMemoryEngine } from '../../../core/storage/memory-storage.ts';
import type { StorageEngine } from '../../../core/storage/storage.ts';
import {
  bench,
  client,
  committed,
  coordinator,
  marker,
  numbered,
  recordsOf,
  refusalOf,
  uncommitted,
} from './fixtures.ts';

const inside = (producerId: number, baseSequence: number, count = 1) =>
  numbered(count, { producerId, producerEpoch: 0, baseSequence, isTransactional: true });

describe('transactions', () => {
  test('an open one holds the last stable offset, and a reader sees nothing behind it', async () => {
    const log = await bench().open();
    await log.append([numbered(2)], client);
    await log.append([inside(1, 0, 3)], client);
    await log.append([numbered(2)], client);
    expect([log.highWatermark, log.lastStableOffset]).toEqual([7, 2]);
    expect(recordsOf((await log.read({ from: 0, ...committed })).records).map(({ offset }) => offset)).toEqual([0, 1]);
    expect((await log.read({ from: 2, ...committed })).records).toEqual([]);
    expect(recordsOf((await log.read({ from: 0, ...uncommitted })).records)).toHaveLength(7);
    await log.append([marker(1, 0, true)], coordinator);
    expect(log.lastStableOffset).toBe(8);
  });

  test('aborted ones are listed for what is read, and only for that', async () => {
    const log = await bench().open();
    await log.append([inside(1, 0)], client); // 0
    await log.append([inside(2, 0)], client); // 1
    await log.append([marker(1, 0, false)], coordinator); // 2
    await log.append([inside(1, 1)], client); // 3
    await log.append([marker(2, 0, true)], coordinator); // 4
    await log.append([marker(1, 0, false)], coordinator); // 5
    await log.append([numbered(1)], client); // 6
    const abortedFrom = async (from: number, maxBytes: number) =>
      (await log.read({ from, maxBytes, isolation: 'readCommitted' })).abortedTransactions;
    const first = { producerId: 1, firstOffset: 0 };
    const second = { producerId: 1, firstOffset: 3 };
    expect(await abortedFrom(0, 1 << 20)).toEqual([first, second]);
    expect(await abortedFrom(0, 1)).toEqual([first]);
    expect(await abortedFrom(2, 1)).toEqual([first]);
    expect(await abortedFrom(3, 1 << 20)).toEqual([second]);
    expect(await abortedFrom(6, 1 << 20)).toEqual([]);
    expect((await log.read({ from: 0, ...uncommitted })).abortedTransactions).toBeNull();
  });

  test('several open ones end in any order', async () => {
    const log = await bench().open();
    for (const producerId of [1, 2, 3]) await log.append([inside(producerId, 0)], client);
    const stable = [log.lastStableOffset];
    for (const producerId of [2, 1, 3]) {
      await log.append([marker(producerId, 0, producerId !== 1)], coordinator);
      stable.push(log.lastStableOffset);
    }
    expect(stable).toEqual([0, 0, 2, 6]);
  });

  test('a marker above the high watermark frees nothing', async () => {
    const log = await bench().open({}, { highWatermark: 'replicated' });
    await log.append([inside(1, 0)], client);
    await log.append([marker(1, 0, false)], coordinator);
    const seen: number[] = [];
    log.onAdvance(() => seen.push(log.lastStableOffset));
    log.advanceHighWatermark(1);
    expect([log.highWatermark, log.lastStableOffset]).toEqual([1, 0]);
    log.advanceHighWatermark(5);
    expect([log.highWatermark, log.lastStableOffset, log.logEndOffset]).toEqual([2, 2, 2]);
    expect(seen).toEqual([0, 2]);
    log.advanceHighWatermark(1);
    expect(log.highWatermark).toBe(2);
  });

  test('who has a transaction open writes only inside it', async () => {
    const log = await bench().open();
    await log.append([inside(1, 0)], client);
    const outside = numbered(1, { producerId: 1, producerEpoch: 0, baseSequence: 1 });
    expect(await refusalOf(log.append([outside], client))).toBe('INVALID_TXN_STATE');
  });

  test('a marker of a newer epoch fences the one whose transaction it ends', async () => {
    const log = await bench().open();
    await log.append([inside(1, 0)], client);
    await log.append([marker(1, 1, false)], coordinator);
    expect(log.lastStableOffset).toBe(2);
    expect(await refusalOf(log.append([inside(1, 1)], client))).toBe('INVALID_PRODUCER_EPOCH');
  });

  test.each(['close', 'crash'])('open and aborted ones are known after a %s', async (how) => {
    const table = bench();
    const { log, crash } = await table.openToCrash();
    await log.append([inside(1, 0)], client);
    await log.append([marker(1, 0, false)], coordinator);
    await log.append([inside(2, 0, 2)], client);
    await (how === 'close' ? log.close() : crash());
    const again = await table.open();
    expect([again.highWatermark, again.lastStableOffset]).toEqual([4, 2]);
    expect((await again.read({ from: 0, ...committed })).abortedTransactions).toEqual([
      { producerId: 1, firstOffset: 0 },
    ]);
    await again.append([marker(2, 0, true)], coordinator);
    expect(again.lastStableOffset).toBe(5);
  });

  test('a read during which the log lost its start gives none of what was aborted there', async () => {
    const inner = createMemoryEngine();
    const [arrived, released] = [createLatch(), createLatch()];
    let holds = false;
    const engine: StorageEngine = {
      ...inner,
      async open(name) {
        const storage = await inner.open(name);
        const scanPage: typeof storage.scanPage = async (options) => {
          const page = await storage.scanPage(options);
          if (holds) {
            holds = false;
            arrived.resolve();
            await released.promise;
          }
          return page;
        };
        return { ...storage, scanPage };
      },
    };
    const log = await bench(engine).open({}, { cacheBytesMax: 1 });
    await log.append([inside(1, 0, 2)], client);
    await log.append([marker(1, 0, false)], coordinator);
    await log.append([numbered(3)], client);
    holds = true;
    const reading = log.read({ from: 0, ...committed });
    await arrived.promise;
    await log.deleteRecordsBefore(4);
    released.resolve();
    expect(await refusalOf(reading)).toBe('OFFSET_OUT_OF_RANGE');
    expect(recordsOf((await log.read({ from: 4, ...committed })).records).map(({ offset }) => offset)).toContain(4);
  });

  test('the start of the log bounds the last stable offset from below', async () => {
    const log = await bench().open();
    await log.append([inside(1, 0, 3)], client);
    await log.append([numbered(3)], client);
    await log.deleteRecordsBefore(4);
    expect(log.lastStableOffset).toBe(4);
  });
});

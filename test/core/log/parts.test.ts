// The small parts on their own: key order, the queue of writes, the cache, the settings.
import { describe, expect, test } from 'vitest';
import { seededRandom } from '../../../core/kernel/random.ts';
import { createBatchCache } from '../../../core/log/batch-cache.ts';
import { createGroupCommit } from '../../../core/log/group-commit.ts';
import {
  abortedKey,
  batchesEnd,
  batchKey,
  keyOffset,
  metaKey,
  producersEnd,
  producersKey,
  spansEnd,
  spansKey,
} from '../../../core/log/keyspace.ts';
import { configObjection, logConfig, topicConfigs } from '../../../core/log/log-config.ts';
import type { BatchOperation } from '../../../core/storage/storage.ts';

describe('keyspace', () => {
  test('keys are in the order of their offsets, beyond 32 bits', () => {
    const random = seededRandom(3);
    const offsets = [0, 1, 255, 256, 2 ** 31, 2 ** 32 - 1, 2 ** 32, Number.MAX_SAFE_INTEGER];
    for (let i = 0; i < 200; i++) offsets.push(Math.floor(random.next() * 2 ** random.integer(53)));
    for (const a of offsets) {
      expect(keyOffset(batchKey(a))).toBe(a);
      for (const b of offsets.slice(0, 12))
        expect(Math.sign(Buffer.compare(batchKey(a), batchKey(b)))).toBe(Math.sign(a - b));
    }
  });

  test('kinds don’t mix, and batches are above all that is rewritten', () => {
    const last = Number.MAX_SAFE_INTEGER;
    const order = [
      metaKey,
      spansKey(0),
      spansKey(last),
      spansEnd,
      producersKey(last),
      producersEnd,
      abortedKey(last),
      batchKey(0),
      batchKey(last),
      batchesEnd,
    ];
    const sorted = [...order].sort(Buffer.compare);
    expect(sorted).toEqual(order);
  });
});

describe('group commit', () => {
  const put = (n: number): BatchOperation => ({ type: 'put', key: Uint8Array.of(n), value: Uint8Array.of(n) });

  function queue(write: (operations: readonly BatchOperation[], sync: boolean) => Promise<void>) {
    const events: string[] = [];
    const commit = createGroupCommit({
      write,
      onGroupWritten: () => void events.push('written'),
      onFailed: (error) => void events.push(`failed: ${(error as Error).message}`),
    });
    const add = (n: number, sync = false, sizeBytes = 1) =>
      commit.add({ operations: [put(n)], sizeBytes, sync, onWritten: () => void events.push(String(n)) });
    return { add, events, commit };
  }

  test('what arrives while a write is under way goes into the next one together, in order', async () => {
    const groups: string[] = [];
    const { add, events } = queue(async (operations, sync) => {
      groups.push(`${operations.map(({ key }) => key[0]).join()}${sync ? ' sync' : ''}`);
      await new Promise((resolve) => setImmediate(resolve));
    });
    const first = [add(1), add(2)];
    await new Promise((resolve) => queueMicrotask(() => resolve(null)));
    await Promise.all([...first, add(3), add(4, true), add(5)]);
    expect(groups).toEqual(['1,2', '3,4,5 sync']);
    expect(events).toEqual(['1', '2', 'written', '3', '4', '5', 'written']);
  });

  test('a group has a bound', async () => {
    const sizes: number[] = [];
    const { add } = queue(async (operations) => void sizes.push(operations.length));
    await Promise.all(Array.from({ length: 10 }, (_, i) => add(i, false, 100 << 10)));
    expect(sizes).toEqual([3, 3, 3, 1]);
  });

  test('a failed write takes everything behind it along, and later ones are tried again', async () => {
    let fails = true;
    const { add, events, commit } = queue(async () => {
      if (!fails) return;
      fails = false;
      throw new Error('full');
    });
    const big = Array.from({ length: 4 }, (_, i) => add(i, false, 200 << 10));
    const outcomes = await Promise.allSettled(big);
    expect(outcomes.map(({ status }) => status)).toEqual(Array(4).fill('rejected'));
    await add(9);
    await commit.drain();
    expect(events).toEqual(['failed: full', '9', 'written']);
  });
});

describe('batch cache', () => {
  const of = (size: number) => new Uint8Array(size);

  test('holds the newest of all partitions within its budget', () => {
    const cache = createBatchCache(100, 0);
    const [a, b] = [cache.partition(), cache.partition()];
    for (let i = 0; i < 4; i++) a.add(of(20), 10 * i, 10 * i + 9);
    b.add(of(40), 0, 4);
    expect(cache.bytes).toBe(100);
    expect(a.read(5, 40, 1_000, true)).toBeNull();
    expect(a.read(10, 40, 1_000, true)?.map(({ lastOffset }) => lastOffset)).toEqual([19, 29, 39]);
    expect(a.read(15, 39, 1_000, true)?.map(({ lastOffset }) => lastOffset)).toEqual([19, 29]);
    expect(a.read(15, 40, 40, true)).toHaveLength(2);
    expect(a.read(15, 40, 1, true)).toHaveLength(1);
    expect(a.read(15, 40, 1, false)).toHaveLength(0);
    a.clear();
    expect([cache.bytes, a.read(30, 40, 1_000, true), b.read(2, 5, 1, true)?.length]).toEqual([40, null, 1]);
    for (let i = 0; i < 5; i++) a.add(of(20), 40 + i, 40 + i);
    expect([cache.bytes, b.read(2, 5, 1, true)]).toEqual([100, null]);
  });

  test('a batch over the budget leaves no hole', () => {
    const cache = createBatchCache(100, 0);
    const a = cache.partition();
    a.add(of(10), 0, 0);
    a.add(of(101), 1, 1);
    a.add(of(10), 2, 2);
    expect([a.read(0, 3, 1_000, true), a.read(2, 3, 1_000, true)?.length, cache.bytes]).toEqual([null, 1, 10]);
  });

  test('a small view of a large buffer is copied, so that the buffer can go', () => {
    const cache = createBatchCache(1_000, 0);
    const a = cache.partition();
    const frame = of(100_000);
    a.add(frame.subarray(10, 60), 0, 0);
    expect(a.read(0, 1, 100, true)![0]!.bytes.buffer.byteLength).toBe(50);
  });

  test('a frame of several batches counts once, from the first that is kept to the last that goes', () => {
    const cache = createBatchCache(1_000, 0);
    const [a, b] = [cache.partition(), cache.partition()];
    const frame = of(50);
    a.add(frame.subarray(0, 20), 0, 0);
    b.add(frame.subarray(20, 40), 0, 0);
    expect(cache.bytes).toBe(50);
    a.clear();
    expect(cache.bytes).toBe(50);
    b.dropBefore(1);
    expect(cache.bytes).toBe(0);
  });

  test('stays exact over many turns', () => {
    const random = seededRandom(11);
    const cache = createBatchCache(5_000, 0);
    let frame = of(300);
    /** Of a frame that it shares with those around it, or by itself. */
    const batch = () => {
      if (random.integer(4) === 0) frame = of(300);
      const size = 1 + random.integer(200);
      return random.integer(2) === 0 ? of(size) : frame.subarray(300 - size);
    };
    const runs = Array.from({ length: 3 }, () => ({ cached: cache.partition(), next: 0 }));
    for (let i = 0; i < 20_000; i++) {
      const run = runs[random.integer(3)]!;
      if (random.integer(200) === 0) run.cached.clear();
      else if (random.integer(50) === 0) run.cached.dropBefore(run.next - random.integer(20));
      else {
        run.cached.add(batch(), run.next, run.next);
        run.next++;
      }
      if (cache.bytes > 5_000) throw new Error(`${cache.bytes} bytes`);
    }
    const held = new Set<ArrayBufferLike>();
    for (const { cached, next } of runs) {
      let from = next;
      while (from > 0 && cached.read(from - 1, next, 1, true) !== null) from--;
      for (const { bytes } of cached.read(from, next, 1 << 20, true) ?? []) held.add(bytes.buffer);
    }
    expect([...held].reduce((sum, { byteLength }) => sum + byteLength, 0)).toBe(cache.bytes);
  });
});

describe('topic settings', () => {
  test('defaults are Kafka’s', () => {
    expect(logConfig()).toEqual({
      cleanupDelete: true,
      cleanupCompact: false,
      compressionType: 'producer',
      deleteRetentionMs: 86_400_000,
      sync: false,
      maxCompactionLagMs: Number.POSITIVE_INFINITY,
      maxMessageBytes: 1_048_588,
      messageTimestampAfterMaxMs: 3_600_000,
      messageTimestampBeforeMaxMs: Number.POSITIVE_INFINITY,
      messageTimestampType: 'CreateTime',
      minCleanableDirtyRatio: 0.5,
      minCompactionLagMs: 0,
      minInSyncReplicas: 1,
      retentionBytes: Number.POSITIVE_INFINITY,
      retentionMs: 604_800_000,
      segmentBytes: 1 << 30,
      segmentMs: 604_800_000,
    });
  });

  test('every default passes its own check, and names are in order', () => {
    const names = topicConfigs.map(({ name }) => name);
    expect(names).toEqual([...names].sort());
    for (const { name, defaultValue } of topicConfigs) expect(configObjection(name, defaultValue)).toBeNull();
  });

  test('values mean what they mean in Kafka', () => {
    expect(
      logConfig({ 'cleanup.policy': 'compact, delete', 'flush.messages': '1', 'compression.type': 'uncompressed' }),
    ).toMatchObject({
      cleanupDelete: true,
      cleanupCompact: true,
      sync: true,
      compressionType: 'none',
    });
    expect(logConfig({ 'retention.ms': '-1' }).retentionMs).toBe(Number.POSITIVE_INFINITY);
  });

  test.each([
    ['retention.msec', '1'],
    ['retention.ms', '-2'],
    ['retention.ms', '1 day'],
    ['retention.ms', ''],
    ['max.message.bytes', '3000000000'],
    ['cleanup.policy', 'compact,remove'],
    ['cleanup.policy', ''],
    ['compression.type', 'lzma'],
    ['min.cleanable.dirty.ratio', '1.5'],
    ['preallocate', 'yes'],
  ])('%s=%s is refused in words', (name, value) => {
    expect(configObjection(name, value)).toContain(name);
    expect(() => logConfig({ [name]: value })).toThrow(expect.objectContaining({ code: 'BAD_TOPIC_CONFIG' }));
  });
});

import { describe, expect, test } from 'vitest';
import { seededRandom } from '../../../core/kernel/random.ts';
import * as keyspace from '../../../runtime/state/keyspace.ts';

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
const sortedByBytes = <T>(items: readonly T[], keyOf: (item: T) => Uint8Array) =>
  [...items].sort((a, b) => Buffer.compare(keyOf(a), keyOf(b)));

describe('the layout of a task database', () => {
  test('is what the table says', () => {
    expect(hex(keyspace.formatKey())).toBe('00');
    expect(hex(keyspace.checkpointKey('ab'))).toBe('016162');
    expect(hex(keyspace.streamTimeKey(''))).toBe('02');
    expect(hex(keyspace.storeKey('é'))).toBe('03c3a9');
    expect(hex(keyspace.expiredKey(258))).toBe('040102');
    expect(hex(keyspace.entryKey(keyspace.dataPrefix(1), Uint8Array.of(9)))).toBe('10000109');
    expect(hex(keyspace.windowKey(keyspace.dataPrefix(1), 5, Uint8Array.of(9)))).toBe('100001800000000000000509');
    expect(hex(keyspace.stamp(1, Uint8Array.of(7)))).toBe('000000000000000107');
  });

  test('a window in the changelog is the key, then its start in 8 bytes (TimeWindowedSerializer)', () => {
    expect(hex(keyspace.windowChangelogKey(1_700_000_000_000, Uint8Array.of(0x6b)))).toBe('6b0000018bcfe56800');
    expect(keyspace.readWindowChangelogKey(keyspace.windowChangelogKey(-5, Uint8Array.of(1, 2)))).toEqual({
      startMs: -5,
      keyBytes: Buffer.from([1, 2]),
    });
    expect(keyspace.readWindowChangelogKey(keyspace.windowChangelogKey(0, new Uint8Array(0)))).toMatchObject({
      startMs: 0,
    });
    expect(() => keyspace.readWindowChangelogKey(new Uint8Array(7))).toThrow(
      expect.objectContaining({ code: 'MALFORMED_BYTES' }),
    );
  });

  test('windows are in the order of time, then of keys, and a store ends before the next begins', () => {
    const random = seededRandom(1);
    const windows = Array.from({ length: 400 }, () => ({
      number: 254 + random.integer(4),
      startMs: [random.integer(5) - 2, random.integer(2 ** 31) * 4096, -random.integer(2 ** 31)][random.integer(3)]!,
      key: random.bytes(random.integer(4)),
    }));
    const byModel = [...windows].sort(
      (a, b) => a.number - b.number || a.startMs - b.startMs || Buffer.compare(a.key, b.key),
    );
    const stored = sortedByBytes(windows, ({ number, startMs, key }) =>
      keyspace.windowKey(keyspace.dataPrefix(number), startMs, key),
    );
    expect(stored).toEqual(byModel);
    for (const { number, startMs, key } of windows) {
      const prefix = keyspace.dataPrefix(number);
      const at = keyspace.windowKey(prefix, startMs, key);
      expect(keyspace.windowStart(at)).toBe(startMs);
      expect(hex(keyspace.windowKeyBytes(at))).toBe(hex(key));
      expect(Buffer.compare(prefix, at)).toBeLessThan(0);
      expect(Buffer.compare(at, keyspace.afterPrefix(prefix))).toBeLessThan(0);
      expect(Buffer.compare(keyspace.windowBound(prefix, startMs), at)).toBeLessThanOrEqual(0);
      expect(Buffer.compare(at, keyspace.windowBound(prefix, startMs + 1))).toBeLessThan(0);
    }
  });

  test('what is about the database comes before all data, and is read back', () => {
    const keys = [
      keyspace.formatKey(),
      keyspace.checkpointKey('t'),
      keyspace.streamTimeKey('s'),
      keyspace.storeKey('n'),
      keyspace.expiredKey(300),
    ];
    for (const key of keys) {
      expect(Buffer.compare(key, keyspace.metaRange.lt)).toBeLessThan(0);
      expect(Buffer.compare(key, keyspace.metaRange.gte)).toBeGreaterThanOrEqual(0);
    }
    expect(keys.map(keyspace.readMetaKey)).toEqual([
      { kind: 'format' },
      { kind: 'checkpoint', name: 't' },
      { kind: 'streamTime', name: 's' },
      { kind: 'store', name: 'n' },
      { kind: 'expired', number: 300 },
    ]);
  });

  test.each([
    0,
    1,
    -1,
    2 ** 31,
    2 ** 32,
    -(2 ** 32),
    1_700_000_000_123,
    Number.MAX_SAFE_INTEGER,
    Number.MIN_SAFE_INTEGER,
  ])('%i survives 8 bytes, as DataView has it', (n) => {
    const bytes = keyspace.int64Bytes(n);
    expect(new DataView(bytes.buffer).getBigInt64(0)).toBe(BigInt(n));
    expect(keyspace.readInt64(bytes, 0)).toBe(n);
  });
});

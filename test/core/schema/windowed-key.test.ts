import { expect, expectTypeOf, test } from 'vitest';
import { int64, utf8 } from '../../../core/schema/primitive.ts';
import type { Serde } from '../../../core/schema/serde.ts';
import { type Windowed, windowedKey } from '../../../core/schema/windowed-key.ts';

const unreadable = expect.objectContaining({ code: 'UNREADABLE_BYTES' });

test('the bytes are those of TimeWindowedSerializer (Kafka Streams 4.4.0)', () => {
  const bytes = windowedKey(utf8).encode({ key: 'key', startMs: 1_700_000_000_000, endMs: 1_700_000_060_000 });
  expect(Buffer.from(bytes).toString('hex')).toBe('6b65790000018bcfe56800');
});

test('what is written is read back, with the end by the size', () => {
  const serde = windowedKey(utf8, '1 minute');
  expectTypeOf(serde).toEqualTypeOf<Serde<Windowed<string>>>();
  for (const key of ['', 'a', 'grüße', '12345678']) {
    for (const startMs of [0, 60_000, 2 ** 32, -60_000]) {
      const windowed = { key, startMs, endMs: startMs + 60_000 };
      const around = new Uint8Array(64);
      const bytes = serde.encode(windowed);
      around.set(bytes, 5);
      expect(serde.decode(around.subarray(5, 5 + bytes.length))).toEqual(windowed);
    }
  }
  const numbers = windowedKey(int64, 10);
  expect(numbers.decode(numbers.encode({ key: 0n, startMs: 20, endMs: 30 }))).toEqual({
    key: 0n,
    startMs: 20,
    endMs: 30,
  });
  expect(numbers.name).toBe('windowed int64');
});

test("without a size it writes and says why it can't read", () => {
  const serde = windowedKey(utf8);
  const bytes = serde.encode({ key: 'a', startMs: 0, endMs: 1 });
  expect(() => serde.decode(bytes)).toThrow(unreadable);
  expect(() => serde.decode(bytes)).toThrow("windowedKey(serde, '1 minute')");
});

test('bytes that are no windowed key, and starts that are no time', () => {
  const serde = windowedKey(int64, 10);
  for (const length of [0, 7, 8, 15, 17]) expect(() => serde.decode(new Uint8Array(length))).toThrow(unreadable);
  expect(() => serde.decode(new Uint8Array(16).fill(0x7f))).toThrow(unreadable);
  for (const startMs of [0.5, Number.NaN, 2 ** 53]) {
    expect(() => serde.encode({ key: 0n, startMs, endMs: 0 })).toThrow(
      expect.objectContaining({ code: 'UNWRITABLE_VALUE' }),
    );
  }
});

test('the bytes of a session are those of SessionWindowedSerializer: key, end, start', () => {
  const serde = windowedKey(utf8, { kind: 'session' });
  const windowed = { key: 'key', startMs: 1_700_000_000_000, endMs: 1_700_000_060_000 };
  const bytes = serde.encode(windowed);
  expect(Buffer.from(bytes).toString('hex')).toBe('6b65790000018bcfe652600000018bcfe56800');
  expect(serde.decode(bytes)).toEqual(windowed);
  expect(() => serde.decode(bytes.subarray(0, 15))).toThrow(unreadable);
});

test('the end is that of the windows', () => {
  const endOf = (shape: Parameters<typeof windowedKey>[1], startMs: number) => {
    const serde = windowedKey(utf8, shape);
    return serde.decode(serde.encode({ key: '', startMs, endMs: 0 })).endMs;
  };
  expect(endOf({ kind: 'hopping', sizeMs: 10 }, 5)).toBe(15);
  expect(endOf({ kind: 'sliding', differenceMs: 10 }, 3)).toBe(13);
  const spring = Date.parse('2026-03-28T23:00Z');
  expect(endOf({ kind: 'calendar', unit: 'day', timeZone: 'Europe/Paris' }, spring) - spring).toBe(23 * 3_600_000);
});

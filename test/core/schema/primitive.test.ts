// Expected bytes are what the serializers of Apache Kafka 4.4.0 (Java) gave for the same values.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { bytes, float64, int32, int64, safeInt64, utf8, uuid } from '../../../core/schema/primitive.ts';
import type { Serde } from '../../../core/schema/serde.ts';

const hex = (encoded: Uint8Array) => Buffer.from(encoded).toString('hex');
const unwritable = expect.objectContaining({ code: 'UNWRITABLE_VALUE' });
const unreadable = expect.objectContaining({ code: 'UNREADABLE_BYTES' });
/** Decoded from the middle of a larger buffer, at an odd place, as a cursor hands values out. */
const throughView = <T>(serde: Serde<T>, value: T): T => {
  const encoded = serde.encode(value);
  const around = new Uint8Array(encoded.length + 8).fill(0xee);
  around.set(encoded, 3);
  const decoded = serde.decode(around.subarray(3, 3 + encoded.length));
  around.fill(0xdd);
  return decoded;
};

test('the bytes are those of Java', () => {
  expect(hex(int32.encode(-2))).toBe('fffffffe');
  expect(hex(int64.encode(-(2n ** 63n)))).toBe('8000000000000000');
  expect(hex(int64.encode(-4503599627370497n))).toBe('ffefffffffffffff');
  expect(hex(safeInt64.encode(-4503599627370497))).toBe('ffefffffffffffff');
  expect(hex(float64.encode(-0.1))).toBe('bfb999999999999a');
  expect(hex(uuid.encode('0F7C1E3A-0000-4000-8000-00000000ABCD'))).toBe(
    Buffer.from('0f7c1e3a-0000-4000-8000-00000000abcd').toString('hex'),
  );
  expect(hex(utf8.encode('\ufeffgrüße 😀'))).toBe('efbbbf6772c3bcc39f6520f09f9880');
});

describe('what is written is read back', () => {
  const samples: [Serde<unknown>, readonly unknown[]][] = [
    [utf8, ['', ' ', '\0', 'a'.repeat(100_000), '\ufeff', 'null', 'grüße 😀']],
    [int32, [0, 1, -1, 2 ** 31 - 1, -(2 ** 31)]],
    [int64, [0n, 1n, -1n, 2n ** 53n + 1n, 2n ** 63n - 1n, -(2n ** 63n)]],
    [safeInt64, [0, 1, -1, 2 ** 32, -(2 ** 32), 2 ** 52 + 1, -(2 ** 52) - 1, 2 ** 53 - 1, -(2 ** 53) + 1]],
    [float64, [0, -0, 5e-324, Number.MAX_VALUE, Number.POSITIVE_INFINITY, Number.NaN, 0.1]],
    [uuid, ['00000000-0000-0000-0000-000000000000']],
    [bytes, [new Uint8Array(0), Uint8Array.of(0, 255)]],
  ] as [Serde<unknown>, readonly unknown[]][];
  test.each(samples.map(([serde, values]) => [serde.name, serde, values] as const))('%s', (_, serde, values) => {
    for (const value of values) expect(throughView(serde, value)).toStrictEqual(value);
  });

  test('any text, but that a lone surrogate becomes U+FFFD', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(throughView(utf8, text)).toBe(text);
      }),
    );
    expect(throughView(utf8, '\ud800')).toBe('\ufffd');
  });

  test('any safe integer, in the bytes of int64', () => {
    fc.assert(
      fc.property(fc.maxSafeInteger(), (n) => {
        expect(throughView(safeInt64, n)).toBe(n);
        expect(hex(safeInt64.encode(n))).toBe(hex(int64.encode(BigInt(n))));
      }),
    );
  });
});

describe('nothing else is written', () => {
  const wrong: [Serde<never>, readonly unknown[]][] = [
    [utf8, [1, null, undefined, {}]],
    [int32, [2 ** 31, -(2 ** 31) - 1, 0.5, Number.NaN, '1', 1n, null]],
    [int64, [2n ** 63n, -(2n ** 63n) - 1n, 1, '1']],
    [safeInt64, [2 ** 53, -(2 ** 53), 0.5, Number.NaN, 1n, '1', null]],
    [float64, ['1', 1n, null, undefined]],
    [uuid, ['', 'x', '0f7c1e3a00004000800000000000abcd', '0f7c1e3a-0000-4000-8000-00000000abcg', 5]],
    [bytes, ['a', [1], new Uint16Array(1), null]],
  ] as unknown as [Serde<never>, readonly unknown[]][];
  test.each(wrong.map(([serde, values]) => [serde.name, serde, values] as const))('%s', (_, serde, values) => {
    for (const value of values) expect(() => serde.encode(value as never), String(value)).toThrow(unwritable);
  });
});

test('bytes of another length, or beyond what the type holds, are not read', () => {
  for (const serde of [int32, int64, safeInt64, float64] as Serde<unknown>[]) {
    for (const length of [0, 3, 5, 7, 9]) expect(() => serde.decode(new Uint8Array(length))).toThrow(unreadable);
  }
  expect(() => safeInt64.decode(int64.encode(2n ** 53n))).toThrow(unreadable);
  expect(() => safeInt64.decode(int64.encode(-(2n ** 63n)))).toThrow('-9223372036854775808 is beyond');
  expect(() => uuid.decode(utf8.encode('no uuid'))).toThrow(unreadable);
});

test('bytes are a copy, so that keeping them keeps no batch', () => {
  const source = Uint8Array.of(1, 2, 3);
  const read = bytes.decode(source.subarray(1));
  expect(read.buffer.byteLength).toBe(2);
});

import { expect, test } from 'vitest';
import { structured } from '../../../core/schema/structured.ts';

const serde = structured<unknown>();

test('what JSON lacks comes back: undefined, NaN, -0, bigint, Map, Set, Date, cycles', () => {
  const cycle: { self?: unknown } = {};
  cycle.self = cycle;
  const values = [
    undefined,
    null,
    0,
    -0,
    '',
    false,
    Number.NaN,
    2n ** 70n,
    new Map([[{ a: 1 }, new Set([1])]]),
    new Date(0),
    [undefined],
  ];
  for (const value of values) expect(serde.decode(serde.encode(value))).toStrictEqual(value);
  const read = serde.decode(serde.encode(cycle)) as typeof cycle;
  expect(read.self).toBe(read);
});

test('bytes inside of a value are its own, whatever happens to what it was read from', () => {
  const encoded = Uint8Array.from(serde.encode({ raw: Uint8Array.of(1, 2, 3), doubles: Float64Array.of(0.5) }));
  const around = new Uint8Array(encoded.length + 5);
  around.set(encoded, 3);
  const read = serde.decode(around.subarray(3, 3 + encoded.length));
  around.fill(0);
  expect(read).toEqual({ raw: Uint8Array.of(1, 2, 3), doubles: Float64Array.of(0.5) });
});

test('functions are refused, and bytes that are no such value', () => {
  expect(() => serde.encode({ f: () => 1 })).toThrow(expect.objectContaining({ code: 'UNWRITABLE_VALUE' }));
  const unreadable = expect.objectContaining({ code: 'UNREADABLE_BYTES' });
  for (const bytes of [new Uint8Array(0), Uint8Array.of(1, 2, 3), serde.encode('a longer text').subarray(0, 6)]) {
    expect(() => serde.decode(bytes)).toThrow(unreadable);
  }
});

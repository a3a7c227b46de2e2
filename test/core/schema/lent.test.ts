import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { lentEncoder } from '../../../core/schema/lent.ts';
import { bytes, float64, int32, int64, safeInt64, utf8, uuid } from '../../../core/schema/primitive.ts';
import type { Serde } from '../../../core/schema/serde.ts';

const texts = fc.oneof(fc.string(), fc.string({ unit: 'binary' }), fc.string({ maxLength: 60, minLength: 40 }));
// biome-ignore lint/suspicious/noExplicitAny: serdes of several types
const cases: [Serde<any>, fc.Arbitrary<unknown>][] = [
  [utf8, texts],
  [safeInt64, fc.maxSafeInteger()],
  [float64, fc.double()],
  [int32, fc.integer()],
  [int64, fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })],
  [bytes, fc.uint8Array()],
  [uuid, fc.uuid()],
];

describe.each(cases)('lent bytes of $name', (serde, values) => {
  test('are those that it encodes to, one value after another', () => {
    const lent = lentEncoder(serde);
    fc.assert(
      fc.property(values, (value) => {
        expect(Buffer.from(lent(value)).toString('hex')).toBe(Buffer.from(serde.encode(value)).toString('hex'));
      }),
    );
  });

  test.each([undefined, {}, 'no number', 1.5, Number.NaN, 2 ** 53, 5n])('are refused where it refuses: %s', (value) => {
    const outcome = (encode: (value: never) => Uint8Array) => {
      try {
        return Buffer.from(encode(value as never)).toString('hex');
      } catch (error) {
        return (error as Error).message;
      }
    };
    expect(outcome(lentEncoder(serde))).toBe(outcome((given) => serde.encode(given)));
  });
});

test('two who lend have memory of their own', () => {
  const [a, b] = [lentEncoder(safeInt64), lentEncoder(safeInt64)];
  const first = a(1);
  b(2);
  expect(first[7]).toBe(1);
});

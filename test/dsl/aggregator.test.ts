import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { structured } from '../../core/schema/structured.ts';
import type { RecordContext } from '../../dsl/index.ts';
import {
  type Aggregator,
  aggregateAll,
  aggregator,
  collect,
  count,
  deviation,
  distinct,
  earliest,
  groupByKey,
  json,
  latest,
  max,
  mean,
  min,
  quantile,
  sum,
  top,
  topic,
} from '../../dsl/index.ts';

const context: RecordContext = { key: 'k', timestampMs: 0, topic: 't', partition: 0, offset: 0, headers: [] };

/** What a field shows after some values, its state written and read before each. */
function folded<V, A>({ fold }: Aggregator<V, A>, values: readonly V[]): A {
  const serde = structured<unknown>();
  const state = values.reduce<unknown>(
    (soFar, value) => fold.add(serde.decode(serde.encode(soFar)), value, context),
    fold.initial(),
  );
  return fold.result === null ? (state as A) : fold.result(state);
}

const self = (n: number | null) => n;

test('numbers of records with nulls between: those are left out', () => {
  const values = [3, null, -1, 7, null];
  expect(folded(count(), values)).toBe(5);
  expect(folded(sum(self), values)).toBe(9);
  expect(folded(mean(self), values)).toBe(3);
  expect(folded(min(self), values)).toBe(-1);
  expect(folded(max(self), values)).toBe(7);
});

test('of no number there is no mean and no extreme, and the sum is 0', () => {
  expect([mean(self), min(self), max(self)].map((field) => folded(field, [null]))).toEqual([null, null, null]);
  expect(folded(sum(self), [null])).toBe(0);
});

test('strings and bigints have extremes too, and NaN has none', () => {
  expect(
    folded(
      max((city: string) => city),
      ['Oslo', 'Rome', 'Bern'],
    ),
  ).toBe('Rome');
  expect(
    folded(
      min((n: bigint) => n),
      [3n, -(2n ** 60n)],
    ),
  ).toBe(-(2n ** 60n));
  expect(folded(max(self), [Number.NaN, 1, Number.NaN])).toBe(1);
});

test('every aggregator agrees with the array it folds', () => {
  const number = fc.double({ noNaN: true, min: -1e9, max: 1e9 });
  fc.assert(
    fc.property(fc.array(number, { minLength: 1 }), (values) => {
      const total = values.reduce((a, b) => a + b, 0);
      expect(folded(sum(self), values)).toBe(total);
      expect(folded(mean(self), values)).toBe(total / values.length);
      expect(folded(min(self), values)).toBe(Math.min(...values));
      expect(folded(max(self), values)).toBe(Math.max(...values));
    }),
  );
});

test('adding leaves the state before as it was', () => {
  for (const { fold } of [count(), sum(self), mean(self), min(self), max(self)]) {
    const before = Object.freeze(fold.initial());
    const after = Object.freeze(fold.add(before, 1, context));
    fold.add(after, 2, context);
    expect(fold.initial()).toEqual(before);
  }
});

const allOf = () => {
  const distinct = aggregator({
    initial: (): string[] => [],
    add: (cities, { city }: { city: string }) => (cities.includes(city) ? cities : [...cities, city]),
    result: (cities) => cities.length,
  });
  const { node } = topic('flights', json<{ city: string; delay: number }>()).pipe(
    groupByKey(),
    aggregateAll({ n: count(), meanDelay: mean((f) => f.delay), cities: distinct }),
  );
  if (node.kind !== 'aggregate' || node.initial === null || node.result === null) throw new Error('no aggregate');
  return { initial: node.initial, add: node.add, result: node.result };
};

test('aggregateAll folds each field by itself', () => {
  const { initial, add, result } = allOf();
  const flights = [
    { city: 'Rome', delay: 4 },
    { city: 'Oslo', delay: 8 },
    { city: 'Rome', delay: 0 },
  ];
  let state = initial('k');
  const results = flights.map((flight) => {
    state = add(state, flight, context);
    return result(state);
  });
  expect(results).toEqual([
    { n: 1, meanDelay: 4, cities: 1 },
    { n: 2, meanDelay: 6, cities: 2 },
    { n: 3, meanDelay: 4, cities: 2 },
  ]);
});

test('a field added to a program begins at the next record, and the others go on', () => {
  const { add, result } = allOf();
  const before = { n: 7, cities: ['Oslo'] };
  expect(result(before)).toMatchObject({ n: 7, cities: 1 });
  expect(result(add(before, { city: 'Rome', delay: 3 }, context))).toEqual({ n: 8, meanDelay: 3, cities: 2 });
});

test('where every state is its result, nothing is computed to read a row', () => {
  const { node } = topic('t', json<number>()).pipe(groupByKey(), aggregateAll({ n: count(), total: sum((n) => n) }));
  expect(node).toMatchObject({ kind: 'aggregate', result: null });
});

test('top keeps the greatest in order, of equal ones those that came first', () => {
  const letters = (values: readonly [number | null, string][], n: number, order?: 'least') =>
    folded(top(n, { by: (v: readonly [number | null, string]) => v[0], ...(order ? { order } : {}) }), values)
      .map(([, letter]) => letter)
      .join('');
  const values: [number | null, string][] = [
    [3, 'a'],
    [null, 'b'],
    [5, 'c'],
    [3, 'd'],
    [Number.NaN, 'e'],
    [9, 'f'],
  ];
  expect(letters(values, 3)).toBe('fca');
  expect(letters(values, 10)).toBe('fcad');
  expect(letters(values, 2, 'least')).toBe('ad');
  expect(() => top(0, { by: self })).toThrowError('how many must be a whole number above 0, not 0');
});

test('distinct counts different values', () => {
  expect(folded(distinct(self), [1, 2, null, 2, 1])).toBe(2);
});

test('states of two sessions become that of all their values', () => {
  const fields: readonly Aggregator<number | null, unknown>[] = [
    count(),
    sum(self),
    mean(self),
    min(self),
    max(self),
    distinct(self),
    top(2, { by: self }),
  ];
  fc.assert(
    fc.property(fc.array(fc.option(fc.nat(5))), fc.array(fc.option(fc.nat(5))), (earlier, later) => {
      for (const field of fields) {
        const { initial, add, merge, result } = field.fold;
        const state = (values: readonly (number | null)[]) => values.reduce((s, v) => add(s, v, context), initial());
        const merged = merge!(state(earlier), state(later));
        expect(result === null ? merged : result(merged)).toEqual(folded(field, [...earlier, ...later]));
      }
    }),
  );
});

describe('quantile', () => {
  const at = (share: number, values: readonly number[]): number =>
    [...values].sort((a, b) => a - b)[Math.max(1, Math.ceil(share * values.length)) - 1]!;
  const folds = (share: number, values: readonly number[], accuracy = 0.01) => {
    const { fold } = quantile(share, (n: number) => n, { accuracy });
    return fold.result!(values.reduce((state, n) => fold.add(state, n, context), fold.initial()));
  };

  test('is exact while values are few, its state written and read between', () => {
    const values = [5, 1, 4, 2, 3];
    expect([0, 0.2, 0.21, 0.5, 0.99, 1].map((share) => folded(quantile(share, self), values))).toEqual([
      1, 1, 2, 3, 5, 5,
    ]);
    expect(folded(quantile(0.5, self), [null, 7, null])).toBe(7);
    expect(folded(quantile(0.5, self), [null])).toBeNull();
    expect(folds(0.5, [Number.NaN, Number.POSITIVE_INFINITY, 3])).toBe(3);
  });

  test('then stays within its accuracy, the extremes exact, whatever the numbers and their order', () => {
    const number = fc.oneof(
      fc.double({ min: -1e12, max: 1e12, noNaN: true }),
      fc.integer({ min: -10, max: 1_000 }),
      fc.double({ min: 0, max: 1e-6, noNaN: true }),
    );
    fc.assert(
      fc.property(
        fc.array(number, { minLength: 100, maxLength: 400 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.constantFrom(0.01, 0.05),
        (values, share, accuracy) => {
          const wanted = at(share, values);
          const found = folds(share, values, accuracy) as number;
          expect(Math.abs(found - wanted)).toBeLessThanOrEqual(Math.abs(wanted) * accuracy * (1 + 1e-9));
          expect(folds(0, values)).toBe(Math.min(...values));
          expect(folds(1, values)).toBe(Math.max(...values));
          expect(folds(share, [...values].reverse(), accuracy)).toBe(found);
        },
      ),
    );
  });

  test('of two sessions is that of all their records, however they are cut', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: -5, max: 5_000 }), { maxLength: 400 }),
        fc.nat(400),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (values, cut, share) => {
          const { fold } = quantile(share, (n: number) => n);
          const part = (some: readonly number[]) =>
            some.reduce((state, n) => fold.add(state, n, context), fold.initial());
          const merged = fold.merge!(part(values.slice(0, cut)), part(values.slice(cut)));
          expect(fold.result!(merged)).toBe(fold.result!(part(values)));
        },
      ),
    );
  });

  test('a share or accuracy that is none is refused', () => {
    expect(() => quantile(99, self)).toThrow('share must be from 0 to 1, not 99');
    expect(() => quantile(0.5, self, { accuracy: 0 })).toThrow('accuracy must be between 0 and 1');
  });
});

test('a deviation is that of all records, sessions merged or not, and keeps its digits where numbers are large', () => {
  expect(folded(deviation(self), [1e9 + 4, null, 1e9 + 7, 1e9 + 13, 1e9 + 16])).toBeCloseTo(Math.sqrt(22.5), 6);
  expect(folded(deviation(self), [null])).toBeNull();
  const { fold } = deviation((n: number) => n);
  const part = (some: readonly number[]) => some.reduce((state, n) => fold.add(state, n, context), fold.initial());
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: -1_000, max: 1_000 }), { minLength: 1, maxLength: 30 }),
      fc.nat(30),
      (values, cut) => {
        const mean = values.reduce((a, b) => a + b, 0) / values.length;
        const wanted = Math.sqrt(values.reduce((sum, n) => sum + (n - mean) ** 2, 0) / values.length);
        expect(fold.result!(part(values))).toBeCloseTo(wanted, 6);
        expect(fold.result!(fold.merge!(part(values.slice(0, cut)), part(values.slice(cut))))).toBeCloseTo(wanted, 6);
      },
    ),
  );
});

test('earliest and latest go by event time, of equal ones the first and the last', () => {
  const at = (timestampMs: number) => ({ ...context, timestampMs });
  const folds = ({ fold }: Aggregator<string, string>, records: readonly (readonly [string, number])[]) =>
    records.reduce((state, [value, timestampMs]) => fold.add(state, value, at(timestampMs)), fold.initial());
  const records = [
    ['b', 5],
    ['a', 3],
    ['a2', 3],
    ['c', 9],
    ['c2', 9],
    ['d', 4],
  ] as const;
  const [first, last] = [earliest((value: string) => value), latest((value: string) => value)];
  expect([first, last].map((pick) => pick.fold.result!(folds(pick, records)))).toEqual(['a', 'c2']);
  for (const pick of [first, last]) {
    const merged = pick.fold.merge!(folds(pick, records.slice(0, 2)), folds(pick, records.slice(2)));
    expect(pick.fold.result!(merged)).toBe(pick.fold.result!(folds(pick, records)));
    expect(pick.fold.merge!(pick.fold.initial(), folds(pick, records))).toEqual(folds(pick, records));
  }
});

test('a collection has its records in the order in which they came, and no more than it may', () => {
  const some = collect((n: number) => n * 2, { max: 3 });
  expect(folded(some, [1, 2])).toEqual([2, 4]);
  expect(folded(some, [3, 1, 2, 4])).toEqual([6, 2, 4]);
  expect(some.fold.merge!([1, 2], [3, 4])).toEqual([1, 2, 3]);
  expect(() => collect(self, { max: 0 })).toThrow('max must be a whole number above 0');
});

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { structured } from '../../core/schema/structured.ts';
import type { RecordContext } from '../../dsl/index.ts';
import {
  type Aggregator,
  aggregateAll,
  aggregator,
  count,
  distinct,
  groupByKey,
  json,
  max,
  mean,
  min,
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

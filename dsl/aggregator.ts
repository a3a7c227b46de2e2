// Aggregators: the parts of aggregateAll(). Pure folds over the values of a key; their state is plain data that
// structured() can write.
import { Fault } from '../core/kernel/fault.ts';
import type { RecordContext } from './plan.ts';

/** How an aggregator folds; states are erased, because the store holds them all in one object. */
export interface Fold<in V, out A> {
  readonly initial: () => unknown;
  readonly add: (state: unknown, value: V, context: RecordContext) => unknown;
  /** One state of two, the earlier first; without it the aggregator can't fold sessions. */
  readonly merge?: ((earlier: unknown, later: unknown) => unknown) | undefined;
  /** Null: the state is the result. */
  readonly result: ((state: unknown) => A) | null;
}

/** One field of `aggregateAll()`. */
export interface Aggregator<in V, out A> {
  readonly fold: Fold<V, A>;
}

/**
 * Makes an aggregator of your own.
 *
 * @param fold `initial`: the state before the first value; `add`: the state after a value, pure, leaving the one it is
 * given as it is; `result`: what the field shows of the state, null for the state itself; `merge`: one state of two,
 * needed behind `window(session(…))` alone. States are plain data
 * @example
 * const distinctCities = aggregator({
 *   initial: (): string[] => [],
 *   add: (cities, flight: { city: string }) => (cities.includes(flight.city) ? cities : [...cities, flight.city]),
 *   result: (cities) => cities.length,
 * });
 */
export function aggregator<V, S, A>(fold: {
  readonly initial: () => S;
  readonly add: (state: NoInfer<S>, value: V, context: RecordContext) => NoInfer<S>;
  readonly merge?: (earlier: NoInfer<S>, later: NoInfer<S>) => NoInfer<S>;
  readonly result: (state: NoInfer<S>) => A;
}): Aggregator<V, A>;
export function aggregator<V, S>(fold: {
  readonly initial: () => S;
  readonly add: (state: NoInfer<S>, value: V, context: RecordContext) => NoInfer<S>;
  readonly merge?: (earlier: NoInfer<S>, later: NoInfer<S>) => NoInfer<S>;
  readonly result: null;
}): Aggregator<V, S>;
export function aggregator<V, A>(fold: unknown): Aggregator<V, A> {
  return { fold: fold as Fold<V, A> };
}

/** What is measured of a value; null is left out. */
type Measure<V, N> = (value: V) => N;

/**
 * Sum of a number of each record; nulls are left out, and the sum of nothing is 0.
 *
 * @example
 * const total = sum((order: { amount: number }) => order.amount);
 */
export function sum<V>(of: Measure<V, number | null>): Aggregator<V, number> {
  return aggregator({
    initial: () => 0,
    add: (total, value: V) => total + (of(value) ?? 0),
    merge: (earlier, later) => earlier + later,
    result: null,
  });
}

/**
 * Arithmetic mean of a number of each record. Nulls are left out; null where there was no number.
 *
 * @example
 * const meanDelay = mean((flight: { delay: number }) => flight.delay);
 */
export function mean<V, N extends number | null>(of: Measure<V, N>): Aggregator<V, number | Extract<N, null>> {
  return aggregator({
    initial: () => ({ sum: 0, n: 0 }),
    add: (state, value: V) => {
      const number = of(value);
      return number === null ? state : { sum: state.sum + number, n: state.n + 1 };
    },
    merge: (earlier, later) => ({ sum: earlier.sum + later.sum, n: earlier.n + later.n }),
    // Without a number there was a null, so N has null.
    result: ({ sum, n }) => (n === 0 ? null : sum / n) as number | Extract<N, null>,
  });
}

/** What has an order: numbers, bigints, and strings by their UTF-16 units. */
export type Ordered = number | bigint | string;

/**
 * Least of a number, bigint or string of each record. Null and NaN are left out; null where there was nothing else.
 *
 * @example
 * const soonest = min((flight: { delay: number }) => flight.delay);
 */
export function min<V, N extends Ordered | null>(of: Measure<V, N>): Aggregator<V, N> {
  return extreme(of, (candidate, least) => candidate < least);
}

/**
 * Greatest of a number, bigint or string of each record. Null and NaN are left out; null where there was nothing else.
 *
 * @example
 * const worst = max((flight: { delay: number }) => flight.delay);
 */
export function max<V, N extends Ordered | null>(of: Measure<V, N>): Aggregator<V, N> {
  return extreme(of, (candidate, greatest) => candidate > greatest);
}

function extreme<V, N extends Ordered | null>(of: Measure<V, N>, beats: (a: Ordered, b: Ordered) => boolean) {
  return aggregator({
    initial: (): Ordered | null => null,
    add: (state, value: V) => {
      const candidate: Ordered | null = of(value);
      if (candidate === null || Number.isNaN(candidate)) return state;
      return state === null || beats(candidate, state) ? candidate : state;
    },
    merge: (earlier, later) => (earlier === null || (later !== null && beats(later, earlier)) ? later : earlier),
    result: null,
    // Without any value there was a null, so N has null.
  }) as Aggregator<V, N>;
}

/**
 * The `n` records with the greatest measure, greatest first; of equal ones those that came first. Null and NaN are left out.
 *
 * @param options.by what is compared; `options.order` 'least' for the least ones, least first. Default 'greatest'
 * @throws Fault `BAD_OPERATOR` for an `n` that is no whole number above 0
 * @example
 * const worstDelays = top(3, { by: (flight: { delay: number }) => flight.delay });
 */
export function top<V>(
  n: number,
  { by, order = 'greatest' }: { readonly by: Measure<V, Ordered | null>; readonly order?: 'greatest' | 'least' },
): Aggregator<V, readonly V[]> {
  if (!Number.isSafeInteger(n) || n < 1) {
    throw new Fault('BAD_OPERATOR', { operator: 'top', reason: `how many must be a whole number above 0, not ${n}` });
  }
  const beats = (a: Ordered, b: Ordered) => (order === 'greatest' ? a > b : a < b);
  const insert = (ranked: readonly V[], value: V): readonly V[] => {
    const measure = by(value);
    if (measure === null || Number.isNaN(measure)) return ranked;
    let at = ranked.length;
    while (at > 0 && beats(measure, by(ranked[at - 1]!)!)) at--;
    return at >= n ? ranked : [...ranked.slice(0, at), value, ...ranked.slice(at, n - 1)];
  };
  return aggregator({
    initial: (): readonly V[] => [],
    add: insert,
    merge: (earlier, later) => later.reduce(insert, earlier),
    result: null,
  });
}

/**
 * How many different values of a measure there are. Exact: the state has each of them, so it is for what is few. Nulls
 * are left out.
 *
 * @example
 * const routes = distinct((flight: { destination: string }) => flight.destination);
 */
export function distinct<V>(of: Measure<V, Ordered | boolean | null>): Aggregator<V, number> {
  return aggregator({
    initial: (): ReadonlySet<Ordered | boolean> => new Set(),
    add: (seen, value: V) => {
      const measure = of(value);
      return measure === null || seen.has(measure) ? seen : new Set([...seen, measure]);
    },
    merge: (earlier, later) => new Set([...earlier, ...later]),
    result: (seen) => seen.size,
  });
}

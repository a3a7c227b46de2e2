// count: how many records each key has.
import { safeInt64 } from '../../core/schema/primitive.ts';
import type { Serde } from '../../core/schema/serde.ts';
import type { Aggregator } from '../aggregator.ts';
import { aggregator } from '../aggregator.ts';
import type { Grouped, KTable } from '../stage.ts';
import { tableOf } from '../stage.ts';

/** Options of `count()`; the aggregator of `aggregateAll()` takes none. */
export interface CountOptions {
  /** Name of the state store and its changelog. Needed where the job requires names. */
  readonly as?: string;
  /** How counts are written to store and changelog. Default `safeInt64`: Kafka's int64, as a number. */
  readonly value?: Serde<number>;
}

/** `count()` as an operator and as an aggregator. A generic signature, because an intersection of two loses the key's type. */
export interface Count extends Aggregator<unknown, number> {
  <K, V, R, N>(grouped: Grouped<K, V, R, N>): KTable<R, number, number | N>;
}

/**
 * Counts the records of each key, or of each key and window. Records whose key or value is null don't count.
 *
 * Also an aggregator: `aggregateAll({ flights: count() })`.
 *
 * @example
 * topic('orders', json<{ amount: number }>()).pipe(groupByKey(), count({ as: 'orders-per-customer' }));
 */
export function count({ as, value }: CountOptions = {}): Count {
  const operator = <K, V, R, N>({ node }: Grouped<K, V, R, N>): KTable<R, number, number | N> =>
    tableOf({
      kind: 'aggregate',
      operator: 'count',
      parent: node,
      initial: () => 0,
      add: increment,
      merge: plus,
      result: null,
      store: { as: as ?? null, value: value ?? safeInt64 },
    });
  return Object.assign(operator, counting);
}

const increment = (n: number): number => n + 1;

const plus = (a: number, b: number): number => a + b;

const counting: Aggregator<unknown, number> = aggregator({
  initial: () => 0,
  add: increment,
  merge: plus,
  result: null,
});

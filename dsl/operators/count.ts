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
  <K, V, R>(grouped: Grouped<K, V, R>): KTable<R, number, number>;
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
  const operator = <K, V, R>({ node }: Grouped<K, V, R>): KTable<R, number, number> =>
    tableOf({
      kind: 'aggregate',
      operator: 'count',
      parent: node,
      initial: () => 0,
      add: increment,
      result: null,
      store: { as: as ?? null, value: value ?? safeInt64 },
    });
  return Object.assign(operator, counting);
}

const increment = (n: number): number => n + 1;

const counting: Aggregator<unknown, number> = aggregator({ initial: () => 0, add: increment, result: null });

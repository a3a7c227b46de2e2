// reduce: the values of a key folded into one of the same type.

import type { Serde } from '../../core/schema/serde.ts';
import { structured } from '../../core/schema/structured.ts';
import type { RecordContext } from '../plan.ts';
import type { Grouped, KTable, Op } from '../stage.ts';
import { tableOf } from '../stage.ts';

/** Options of `reduce()` and `aggregate()`. */
export interface StateOptions<A> {
  /** Name of the state store and its changelog. Needed where the job requires names. */
  readonly as?: string;
  /** How the state is written to store and changelog. Default `structured()`. */
  readonly value?: Serde<A>;
}

/**
 * Combines the values of each key, or of each key and window: the first is the result so far, each further one is
 * combined with it. Records whose key or value is null are skipped.
 *
 * @param combine must be pure, and must not change the result so far: it gives a new one. Over sessions it combines two
 * results too
 * @example
 * topic('readings', json<{ celsius: number }>()).pipe(
 *   groupByKey(),
 *   reduce((hottest, reading) => (reading.celsius > hottest.celsius ? reading : hottest), { as: 'hottest' }),
 * );
 */
export function reduce<K, V, R, N>(
  combine: (soFar: V, value: V, context: RecordContext<K>) => V,
  { as, value }: StateOptions<V> = {},
): Op<Grouped<K, V, R, N>, KTable<R, V, V | N>> {
  return ({ node }) =>
    tableOf({
      kind: 'aggregate',
      operator: 'reduce',
      parent: node,
      initial: null,
      add: combine as (soFar: unknown, value: unknown) => unknown,
      merge: combine as (earlier: unknown, later: unknown) => unknown,
      result: null,
      store: { as: as ?? null, value: value ?? structured() },
    });
}

// aggregate: the values of a key folded into a state of any type.
import { structured } from '../../core/schema/structured.ts';
import type { RecordContext } from '../plan.ts';
import type { Grouped, KTable, Op } from '../stage.ts';
import { tableOf } from '../stage.ts';
import type { StateOptions } from './reduce.ts';

/** Options of `aggregate()`. */
export interface AggregateOptions<A> extends StateOptions<Exclude<A, null>> {
  /** One state of two, the earlier session's first. Needed behind `window(session(…))` alone. */
  readonly merge?: (earlier: A, later: A) => A;
}

/**
 * Folds the values of each key, or of each key and window, into a state. Records whose key or value is null are skipped.
 *
 * A state whose type has null may be deleted by returning null: the row is gone, its change is null, and the next
 * record begins with `initial` again.
 *
 * @param initial the state before a key's first record
 * @param add the state after a record; must be pure, and must not change the state it is given
 * @example
 * topic('orders', json<{ amount: number }>()).pipe(
 *   groupByKey(),
 *   aggregate(() => 0, (total, order) => total + order.amount, { as: 'spent', value: float64 }),
 * );
 */
export function aggregate<K, V, R, N, A>(
  initial: (key: K) => A,
  add: (state: NoInfer<A>, value: V, context: RecordContext<K>) => NoInfer<A>,
  { as, value, merge }: AggregateOptions<NoInfer<A>> = {},
): Op<Grouped<K, V, R, N>, KTable<R, Exclude<A, null>, A | N>> {
  return ({ node }) =>
    tableOf({
      kind: 'aggregate',
      operator: 'aggregate',
      parent: node,
      initial: initial as (key: unknown) => unknown,
      add: add as (state: unknown, value: unknown) => unknown,
      ...(merge === undefined ? {} : { merge: merge as (earlier: unknown, later: unknown) => unknown }),
      result: null,
      store: { as: as ?? null, value: value ?? structured() },
    });
}

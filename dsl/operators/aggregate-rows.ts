// aggregateRows: the rows of each group folded into a state of any type.
import { structured } from '../../core/schema/structured.ts';
import type { RecordContext } from '../plan.ts';
import type { GroupedRows, KTable, Op } from '../stage.ts';
import { tableOf } from '../stage.ts';
import type { StateOptions } from './reduce.ts';

/** What an aggregation of rows does with one. */
export interface RowFold<K, V, A> {
  /** The state before a group's first row. */
  readonly initial: (key: K) => A;
  /** The state with a row that is there now. Pure. */
  readonly add: (state: NoInfer<A>, value: V, context: RecordContext<K>) => NoInfer<A>;
  /** The state without a row that is there no more: the inverse of `add`. Pure. */
  readonly subtract: (state: NoInfer<A>, value: V, context: RecordContext<K>) => NoInfer<A>;
}

/**
 * Folds the rows that each group has into a state. A row that changes within its group is subtracted and added in one
 * change; one that moves makes a change in each group, the old one first.
 *
 * A state whose type has null may be deleted by returning null: the group is gone, its change is null, and the next row
 * begins with `initial` again.
 *
 * @example
 * table('orders', json<{ shop: string; amount: number }>()).pipe(
 *   groupRows((order) => order.shop),
 *   aggregateRows(
 *     {
 *       initial: () => 0,
 *       add: (total, order) => total + order.amount,
 *       subtract: (total, order) => total - order.amount,
 *     },
 *     { as: 'revenue', value: float64 },
 *   ),
 * );
 */
export function aggregateRows<K, V, A>(
  { initial, add, subtract }: RowFold<K, V, A>,
  { as, value }: StateOptions<Exclude<NoInfer<A>, null>> = {},
): Op<GroupedRows<K, V>, KTable<K, Exclude<A, null>>> {
  return ({ node }) =>
    tableOf({
      kind: 'aggregateRows',
      operator: 'aggregateRows',
      parent: node,
      initial: initial as (key: unknown) => unknown,
      add: add as (state: unknown, value: unknown) => unknown,
      subtract: subtract as (state: unknown, value: unknown) => unknown,
      store: { as: as ?? null, value: value ?? structured() },
    });
}

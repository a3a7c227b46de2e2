// reduceRows: the rows of each group folded into one value of the same type.
import { structured } from '../../core/schema/structured.ts';
import type { RecordContext } from '../plan.ts';
import type { GroupedRows, KTable, Op } from '../stage.ts';
import { tableOf } from '../stage.ts';
import type { StateOptions } from './reduce.ts';

/**
 * Combines the rows that each group has: the first is the result so far, each further one is added to it, and one that is
 * gone or has changed is subtracted.
 *
 * @param fold `add` and `subtract`, pure, the one the inverse of the other
 * @example
 * table('balances', float64).pipe(
 *   groupRows((_, { key }) => key.slice(0, 2)),
 *   reduceRows({ add: (a, b) => a + b, subtract: (a, b) => a - b }, { as: 'per-country', value: float64 }),
 * );
 */
export function reduceRows<K, V>(
  {
    add,
    subtract,
  }: {
    readonly add: (soFar: V, value: V, context: RecordContext<K>) => V;
    readonly subtract: (soFar: V, value: V, context: RecordContext<K>) => V;
  },
  { as, value }: StateOptions<V> = {},
): Op<GroupedRows<K, V>, KTable<K, V>> {
  return ({ node }) =>
    tableOf({
      kind: 'aggregateRows',
      operator: 'reduceRows',
      parent: node,
      initial: null,
      add: add as (state: unknown, value: unknown) => unknown,
      subtract: subtract as (state: unknown, value: unknown) => unknown,
      store: { as: as ?? null, value: value ?? structured() },
    });
}

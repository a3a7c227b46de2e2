// countRows: how many rows each group has.
import { safeInt64 } from '../../core/schema/primitive.ts';
import type { GroupedRows, KTable, Op } from '../stage.ts';
import { tableOf } from '../stage.ts';
import type { CountOptions } from './count.ts';

/**
 * Counts the rows that each group has. A group that had rows and has none any more counts 0.
 *
 * @example
 * table('orders', json<{ shop: string }>()).pipe(groupRows((order) => order.shop), countRows({ as: 'orders-per-shop' }));
 */
export function countRows<K, V>({ as, value }: CountOptions = {}): Op<GroupedRows<K, V>, KTable<K, number>> {
  return ({ node }) =>
    tableOf({
      kind: 'aggregateRows',
      operator: 'countRows',
      parent: node,
      initial: () => 0,
      add: (n: number) => n + 1,
      subtract: (n: number) => n - 1,
      store: { as: as ?? null, value: value ?? safeInt64 },
    });
}

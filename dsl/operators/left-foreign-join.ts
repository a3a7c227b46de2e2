// leftForeignJoin: a table with another by a key in its values, keeping the rows that have no partner.
import type { RecordContext } from '../plan.ts';
import type { KTable, Op } from '../stage.ts';
import { foreignJoinNode } from './foreign-join-node.ts';
import type { TableJoinOptions } from './join-node.ts';

/**
 * As `foreignJoin()`, but a row that refers to nothing that is there, or for which `keyOf` gives null, is kept: `joiner`
 * gets null for the other row.
 *
 * @param keyOf the other table's key, of the row's value and key; null for none. Must be pure
 * @param joiner the new value, of the row's and the other one's, which is null where there is none
 * @example
 * const customers = table('customers', json<{ name: string }>());
 * table('orders', json<{ customer: string | null }>()).pipe(
 *   leftForeignJoin(customers, (order) => order.customer, (_, customer) => customer?.name ?? 'unknown', {
 *     as: 'names-of-orders',
 *   }),
 * );
 */
export function leftForeignJoin<K, V, Change, L, W, Other, X>(
  table: KTable<L, W, Other>,
  keyOf: (value: V, key: K) => NoInfer<L> | null,
  joiner: (value: V, row: W | null, context: RecordContext<K>) => X,
  options?: TableJoinOptions<X>,
): Op<KTable<K, V, Change>, KTable<K, X>> {
  return foreignJoinNode('left', { table, keyOf, joiner, options }) as Op<KTable<K, V, Change>, KTable<K, X>>;
}

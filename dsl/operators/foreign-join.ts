// foreignJoin: a table with another by a key in its values; rows without a partner have no result.
import type { RecordContext } from '../plan.ts';
import type { KTable, Op } from '../stage.ts';
import { foreignJoinNode } from './foreign-join-node.ts';
import type { TableJoinOptions } from './join-node.ts';

/**
 * Joins each row with the row of another table whose key is in its value: many rows may refer to one. The result is a
 * table with the left side's keys, brought up to date by a change on either side, also where a row comes to refer to
 * another key. It has the later of both times.
 *
 * The tables need not be partitioned alike: what a row refers to is asked for, and answered, over two topics of the job's
 * own. So a result may come a moment after both rows; what is asked for by a row that has changed since is let go. A row
 * whose `keyOf` gives null has no result. As in Kafka Streams 4.1, a row that goes, or refers to another key, gives a
 * tombstone even where it never had a result.
 *
 * @param keyOf the other table's key, of the row's value and key; null for none. Must be pure
 * @param joiner the new value, of the row's and the other one's
 * @example
 * const customers = table('customers', json<{ name: string }>());
 * table('orders', json<{ customer: string; amount: number }>()).pipe(
 *   foreignJoin(customers, (order) => order.customer, (order, customer) => ({ ...order, name: customer.name }), {
 *     as: 'orders-with-names',
 *   }),
 * );
 */
export function foreignJoin<K, V, Change, L, W, Other, X>(
  table: KTable<L, W, Other>,
  keyOf: (value: V, key: K) => NoInfer<L> | null,
  joiner: (value: V, row: W, context: RecordContext<K>) => X,
  options?: TableJoinOptions<X>,
): Op<KTable<K, V, Change>, KTable<K, X>> {
  return foreignJoinNode('inner', { table, keyOf, joiner, options }) as Op<KTable<K, V, Change>, KTable<K, X>>;
}

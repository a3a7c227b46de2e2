// leftJoinGlobal: a stream with a global table, keeping the records that have no row.
import type { RecordContext } from '../plan.ts';
import type { KStream, Op } from '../stage.ts';
import { streamOf } from '../stage.ts';
import type { GlobalTable } from '../topic.ts';

/**
 * As `joinGlobal()`, but a record without a row, or for which `keyOf` gives null, is kept: `joiner` gets null for the row.
 *
 * @param keyOf the key to look up; null for none
 * @param joiner the new value, of the record's and the row's, which is null where there is none
 * @example
 * const currencies = globalTable('currencies', json<{ perEuro: number }>());
 * topic('orders', json<{ amount: number; currency: string }>()).pipe(
 *   leftJoinGlobal(currencies, (order) => order.currency, (order, currency) => ({
 *     euros: order.amount / (currency?.perEuro ?? 1),
 *   })),
 * );
 */
export function leftJoinGlobal<K, V, L, W, X>(
  table: GlobalTable<L, W>,
  keyOf: (value: Exclude<V, null>, context: RecordContext<K>) => NoInfer<L> | null,
  joiner: (value: Exclude<V, null>, row: W | null, context: RecordContext<K>) => X,
): Op<KStream<K, V>, KStream<K, X>> {
  return ({ node }) =>
    streamOf({
      kind: 'joinGlobal',
      parent: node,
      topic: table.topic,
      join: 'left',
      keyOf: keyOf as (value: unknown) => unknown,
      joiner: joiner as (value: unknown, row: unknown) => unknown,
    });
}

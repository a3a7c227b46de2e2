// joinGlobal: a stream with a global table, by any key of its values.
import type { RecordContext } from '../plan.ts';
import type { KStream, Op } from '../stage.ts';
import { streamOf } from '../stage.ts';
import type { GlobalTable } from '../topic.ts';

/**
 * Joins each record with the row of a global table under a key taken from the record, as the row is when the record is
 * processed. Records without a row are dropped, and so are those without a value, or for which `keyOf` gives null; the
 * latter two are counted. Changes of the table join nothing by themselves. The result keeps the record's own key and time.
 *
 * Nothing is repartitioned, since every process has the whole table; it may be a little ahead of the stream or behind it,
 * where `join()` with a `table()` goes by time.
 *
 * @param keyOf the key to look up; null for none
 * @param joiner the new value, of the record's and the row's
 * @example
 * const currencies = globalTable('currencies', json<{ perEuro: number }>());
 * topic('orders', json<{ amount: number; currency: string }>()).pipe(
 *   joinGlobal(currencies, (order) => order.currency, (order, { perEuro }) => ({ euros: order.amount / perEuro })),
 * );
 */
export function joinGlobal<K, V, L, W, X>(
  table: GlobalTable<L, W>,
  keyOf: (value: Exclude<V, null>, context: RecordContext<K>) => NoInfer<L> | null,
  joiner: (value: Exclude<V, null>, row: W, context: RecordContext<K>) => X,
): Op<KStream<K, V>, KStream<K, X>> {
  return ({ node }) =>
    streamOf({
      kind: 'joinGlobal',
      parent: node,
      topic: table.topic,
      join: 'inner',
      keyOf: keyOf as (value: unknown) => unknown,
      joiner: joiner as (value: unknown, row: unknown) => unknown,
    });
}

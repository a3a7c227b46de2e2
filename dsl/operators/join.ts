// join: a stream with a table, record by record.
import type { RecordContext } from '../plan.ts';
import type { KStream, KTable, Op } from '../stage.ts';
import { streamOf } from '../stage.ts';
import type { NeedsKey, SameKey } from '../type-error.ts';

/**
 * Joins each record with the table's row of the same key, as the row is when the record is processed. Records without
 * a row, without a key or without a value are dropped (the latter two are counted). Changes of the table join nothing
 * by themselves. The result has the record's key and time.
 *
 * Both sides need the same number of partitions and keys that are written alike; a stream behind `selectKey()` is
 * repartitioned to fit. A task reads its inputs smallest timestamp first, so that the answer doesn't depend on arrival.
 *
 * @param joiner the new value, of the record's and the row's
 * @example
 * const airports = table('airports', json<{ city: string }>());
 * topic('flights', json<{ delay: number }>()).pipe(
 *   join(airports, (flight, airport) => ({ ...flight, city: airport.city })),
 * );
 */
export function join<K, V, L, W, Change, X>(
  table: KTable<L, W, Change>,
  joiner: (value: Exclude<V, null>, row: W, context: RecordContext<K>) => X,
): Op<KStream<K, V> & NeedsKey<K, 'join'> & SameKey<K, L, 'join'>, KStream<Exclude<K, null>, X>> {
  return ({ node }) =>
    streamOf({
      kind: 'joinTable',
      parent: node,
      table: table.node,
      join: 'inner',
      joiner: joiner as (value: unknown, row: unknown) => unknown,
    });
}

// leftJoin: a stream with a table, keeping the records that have no row.
import type { RecordContext } from '../plan.ts';
import type { KStream, KTable, Op } from '../stage.ts';
import { streamOf } from '../stage.ts';
import type { NeedsKey, SameKey } from '../type-error.ts';

/**
 * As `join()`, but a record without a row, or without a key, is kept: `joiner` gets null for the row.
 *
 * @param joiner the new value, of the record's and the row's, which is null where there is none
 * @example
 * const airports = table('airports', json<{ city: string }>());
 * topic('flights', json<{ delay: number }>()).pipe(
 *   leftJoin(airports, (flight, airport) => ({ ...flight, city: airport?.city ?? 'unknown' })),
 * );
 */
export function leftJoin<K, V, L, W, Change, X>(
  table: KTable<L, W, Change>,
  joiner: (value: Exclude<V, null>, row: W | null, context: RecordContext<K>) => X,
): Op<KStream<K, V> & NeedsKey<K, 'leftJoin'> & SameKey<K, L, 'leftJoin'>, KStream<K, X>> {
  return ({ node }) =>
    streamOf({
      kind: 'joinTable',
      parent: node,
      table: table.node,
      join: 'left',
      joiner: joiner as (value: unknown, row: unknown) => unknown,
    });
}

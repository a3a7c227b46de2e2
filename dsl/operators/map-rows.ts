// mapRows: another value for each row of a table.
import type { RecordContext } from '../plan.ts';
import type { KTable, Op } from '../stage.ts';
import { tableOf } from '../stage.ts';
import { type RowOptions, storeOfRows } from './filter-rows.ts';

/**
 * Replaces the value of each row; keys stay, and so do deletions. A row that becomes null is deleted.
 *
 * @param project called for the new value of a change, and for the old one where an operator behind subtracts it; must be
 * pure, or what is subtracted is not what was added
 * @param options `as` keeps the result, to be queried and joined
 * @example
 * const cities = table('addresses', json<{ city: string }>()).pipe(mapRows((address) => address.city));
 * @see map, for streams
 */
export function mapRows<K, V, C, W>(
  project: (value: V, context: RecordContext<K>) => W,
  options: RowOptions<Exclude<W, null>> = {},
): Op<KTable<K, V, C>, KTable<K, Exclude<W, null>, W | Extract<C, null>>> {
  return ({ node }) =>
    tableOf({
      kind: 'mapRows',
      parent: node,
      project: project as (value: unknown) => unknown,
      store: storeOfRows(options),
    });
}

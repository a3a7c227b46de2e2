// filterRows: the part of a table for which a predicate holds.
import type { Serde } from '../../core/schema/serde.ts';
import { structured } from '../../core/schema/structured.ts';
import type { RecordContext, StoreOptions } from '../plan.ts';
import type { KTable, Op } from '../stage.ts';
import { tableOf } from '../stage.ts';

/** Options of operators on tables that may keep their result. */
export interface RowOptions<V> {
  /** Keeps the result in a state store of that name, to be queried. Default: it is not kept, and joins compute its rows. */
  readonly as?: string;
  /** How values are written to store and changelog. Default `structured()`. */
  readonly value?: Serde<V>;
}

/** What the plan says of them. */
export const storeOfRows = <V>({ as, value }: RowOptions<V>): StoreOptions | null =>
  as === undefined ? null : { as, value: value ?? structured() };

/**
 * Keeps the rows for which `predicate` holds. A row that does not, or no more, is deleted: its change is null. Since the
 * table isn't kept unless it is named, such a null also comes for rows that never were in it, as in Kafka Streams.
 *
 * A type guard narrows the rows: `filterRows((order) => order.paid !== null)`.
 *
 * @param predicate called for the new value of a change, and for the old one where an operator behind subtracts it; must
 * be pure
 * @example
 * const open = table('orders', json<{ open: boolean }>()).pipe(filterRows((order) => order.open));
 * @see filter, for streams
 */
export function filterRows<K, V, C, S extends V>(
  predicate: (value: V, context: RecordContext<K>) => value is S,
  options?: RowOptions<S>,
): Op<KTable<K, V, C>, KTable<K, S>>;
export function filterRows<K, V, C>(
  predicate: (value: V, context: RecordContext<K>) => boolean,
  options?: RowOptions<V>,
): Op<KTable<K, V, C>, KTable<K, V>>;
export function filterRows<K, V, C>(
  predicate: (value: V, context: RecordContext<K>) => boolean,
  options: RowOptions<V> = {},
): Op<KTable<K, V, C>, KTable<K, V>> {
  return ({ node }) =>
    tableOf({
      kind: 'filterRows',
      parent: node,
      predicate: predicate as (value: unknown) => boolean,
      store: storeOfRows(options),
    });
}

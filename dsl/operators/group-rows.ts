// groupRows: the rows of a table keyed anew, to be aggregated.
import type { RecordContext } from '../plan.ts';
import type { GroupedRows, KTable, Op } from '../stage.ts';
import { groupedRowsOf } from '../stage.ts';
import type { KeyOptions, KeyWithoutSerde } from '../type-error.ts';

/**
 * Groups the rows of a table by a key computed from each: always through a repartition topic. What follows is an
 * aggregation of the rows that are there: when a row changes, its old value is subtracted and its new one added; when it
 * moves to another group, that of the old one first. A row whose key is null is in no group.
 *
 * @param keyOf called for the new and for the old value of a row; must be pure, or what is subtracted is not what was added
 * @param options as for `selectKey()`: a key that is no string brings its serde
 * @example
 * table('orders', json<{ shop: string; amount: number }>()).pipe(
 *   groupRows((order) => order.shop),
 *   countRows({ as: 'orders-per-shop' }),
 * );
 */
export function groupRows<K, V, C, L>(
  keyOf: (value: V, context: RecordContext<K>) => L & KeyWithoutSerde<L, 'groupRows'>,
  options?: { readonly as?: string },
): Op<KTable<K, V, C>, GroupedRows<Exclude<L, null>, V>>;
export function groupRows<K, V, C, L>(
  keyOf: (value: V, context: RecordContext<K>) => L,
  options: KeyOptions<Exclude<L, null>> & { readonly key: unknown },
): Op<KTable<K, V, C>, GroupedRows<Exclude<L, null>, V>>;
export function groupRows<K, V, C, L>(
  keyOf: (value: V, context: RecordContext<K>) => L,
  { key, as }: KeyOptions<Exclude<L, null>> = {},
): Op<KTable<K, V, C>, GroupedRows<Exclude<L, null>, V>> {
  return ({ node }) =>
    groupedRowsOf({
      kind: 'groupRows',
      parent: node,
      keyOf: keyOf as (value: unknown) => unknown,
      key: key ?? null,
      as: as ?? null,
    });
}

// groupBy: selectKey and groupByKey in one word.
import type { RecordContext } from '../plan.ts';
import type { Grouped, KStream, Op } from '../stage.ts';
import { groupedOf } from '../stage.ts';
import type { KeyOptions, KeyWithoutSerde } from '../type-error.ts';

/**
 * Groups by a key computed from the record: always through a repartition topic. Records whose key is null are dropped
 * and counted.
 *
 * @param options as for `selectKey()`: a key that is no string brings its serde
 * @example
 * topic('lines', utf8).pipe(
 *   flatMap((line) => line.split(' ')),
 *   groupBy((word) => word),
 *   count({ as: 'words' }),
 * );
 */
export function groupBy<K, V, L>(
  keyOf: (value: V, context: RecordContext<K>) => L & KeyWithoutSerde<L, 'groupBy'>,
  options?: { readonly as?: string },
): Op<KStream<K, V>, Grouped<Exclude<L, null>, Exclude<V, null>, Exclude<L, null>>>;
export function groupBy<K, V, L>(
  keyOf: (value: V, context: RecordContext<K>) => L,
  options: KeyOptions<Exclude<L, null>> & { readonly key: unknown },
): Op<KStream<K, V>, Grouped<Exclude<L, null>, Exclude<V, null>, Exclude<L, null>>>;
export function groupBy<K, V, L>(
  keyOf: (value: V, context: RecordContext<K>) => L,
  { key, as }: KeyOptions<Exclude<L, null>> = {},
): Op<KStream<K, V>, Grouped<Exclude<L, null>, Exclude<V, null>, Exclude<L, null>>> {
  return ({ node }) =>
    groupedOf({
      kind: 'grouped',
      parent: node,
      keyOf: keyOf as (value: unknown) => unknown,
      key: key ?? null,
      as: as ?? null,
      window: null,
    });
}

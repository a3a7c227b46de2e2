// groupByKey: ready for an aggregation by the key the stream has.
import type { Grouped, KStream, Op } from '../stage.ts';
import { groupedOf } from '../stage.ts';
import type { NeedsKey } from '../type-error.ts';

/**
 * Groups by the key the stream has. No repartition where the stream comes straight from a topic; one behind
 * `selectKey()` or `mapRecord()`. Records whose key or value is null are dropped and counted by the aggregation.
 *
 * In a generic operator of your own the compiler can't say that a key is there; give the stream the type that it has at
 * least, as in the second example.
 *
 * @example
 * topic('orders', json<{ amount: number }>()).pipe(groupByKey(), count({ as: 'orders-per-customer' }));
 * const countPerKey = <K extends string, V>(stream: KStream<K, V>) => stream.pipe(groupByKey<string, V>(), count());
 */
export function groupByKey<K, V>(): Op<
  KStream<K, V> & NeedsKey<K, 'groupByKey'>,
  Grouped<Exclude<K, null>, Exclude<V, null>, Exclude<K, null>>
> {
  return ({ node }) => groupedOf({ kind: 'grouped', parent: node, keyOf: null, key: null, as: null, window: null });
}

// toStream: the changes of a table as a stream.
import type { KStream, KTable, Op } from '../stage.ts';
import { streamOf } from '../stage.ts';

/**
 * Every change of a table, in order per key, as a stream; null where a row was deleted. The time of a change is the
 * highest of the records that made the row.
 *
 * @example
 * topic('orders', json<{ amount: number }>())
 *   .pipe(groupByKey(), count({ as: 'orders-per-customer' }), toStream())
 *   .to(topic('counts', safeInt64));
 */
export function toStream<K, V, Change>(): Op<KTable<K, V, Change>, KStream<K, Change>> {
  return ({ node }) => streamOf({ kind: 'toStream', parent: node });
}

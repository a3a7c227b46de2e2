// merge: several streams as one.
import type { KStream, Op } from '../stage.ts';
import { streamOf } from '../stage.ts';

/**
 * Adds the records of other streams with the same type of key. Each stream keeps its order; between them records come
 * smallest timestamp first as far as they are there.
 *
 * Topics that are merged need the same number of partitions, because one task reads them.
 *
 * @example
 * const web = topic('web-orders', json<{ id: string }>());
 * const shop = topic('shop-orders', json<{ id: string; till: number }>());
 * web.pipe(merge(shop));
 */
export function merge<K, V, W>(...others: readonly KStream<K, W>[]): Op<KStream<K, V>, KStream<K, V | W>> {
  return ({ node }) => streamOf({ kind: 'merge', parents: [node, ...others.map((other) => other.node)] });
}

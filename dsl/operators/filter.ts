// filter: keeps the records for which a predicate holds.
import type { RecordContext } from '../plan.ts';
import type { KStream, Op } from '../stage.ts';
import { streamOf } from '../stage.ts';

/**
 * Keeps the records for which `predicate` holds; the others are gone, and uncounted. Order, key and time stay.
 *
 * A type guard narrows the stream: `filter((order) => order !== null)` takes the null out of the type.
 *
 * @param predicate called once a record, with the value and what is known about the record; must not change either
 * @example
 * topic('orders', json<{ amount: number }>()).pipe(filter((order) => order.amount > 0));
 * @see split, where the others are wanted too
 */
export function filter<K, V, S extends V>(
  predicate: (value: V, context: RecordContext<K>) => value is S,
): Op<KStream<K, V>, KStream<K, S>>;
export function filter<K, V>(
  predicate: (value: V, context: RecordContext<K>) => boolean,
): Op<KStream<K, V>, KStream<K, V>>;
export function filter<K, V>(
  predicate: (value: V, context: RecordContext<K>) => boolean,
): Op<KStream<K, V>, KStream<K, V>> {
  return ({ node }) => streamOf({ kind: 'filter', parent: node, predicate: predicate as (value: unknown) => boolean });
}

// join: a stream or a table with a table, or a stream with a stream; what has no partner is dropped.
import type { JoinWindowSpec, RecordContext } from '../plan.ts';
import type { Joinable, Joined, KStream, KTable, Op } from '../stage.ts';
import type { NeedsKey, NeedsWithin, SameKey } from '../type-error.ts';
import { type JoinOptions, joinWithStream, joinWithTable, type StreamJoinOptions } from './join-node.ts';

/**
 * Joins with a table, or with a stream within a span of time; without a partner there is no result.
 *
 * **A stream with a table:** each record is joined with the table's row of the same key, as the row is when the record is
 * processed; of a versioned table with the row of the record's own time. Records without a row, without a key or without
 * a value are dropped (the latter two are counted). Changes of the table join nothing by themselves. The result has the
 * record's key and time.
 *
 * **A table with a table:** a table of the keys that both have, brought up to date by a change on either side; it has the
 * later of both rows' times. Where a row goes, so does the result.
 *
 * **A stream with a stream:** every two records of one key whose times are within the span, several of one key and time
 * too, each pair once, with the later of their times. Stream time is the highest of both sides; what comes after its
 * window has closed (`within`) and finds no partner is dropped and counted as late. Null keys and values are dropped and
 * counted. `stream.pipe(join(stream, …))` joins a stream with itself: each record meets itself too.
 *
 * The sides need the same number of partitions and keys that are written alike; a stream behind `selectKey()` is
 * repartitioned to fit. A task reads its inputs smallest timestamp first, so that the answer doesn't depend on arrival.
 *
 * @param joiner the new value, of the left and the right one
 * @throws Fault `BAD_OPERATOR` for options that don't fit; `compile` says where sides are not partitioned alike
 * @example
 * const airports = table('airports', json<{ city: string }>());
 * topic('flights', json<{ delay: number }>()).pipe(
 *   join(airports, (flight, airport) => ({ ...flight, city: airport.city })),
 * );
 * topic('orders', json<{ total: number }>()).pipe(
 *   join(topic('payments', json<{ paid: number }>()), within('1 hour', { grace: '5 minutes' }), (order, payment) => ({
 *     open: order.total - payment.paid,
 *   }), { as: 'paid-orders' }),
 * );
 */
export function join<Kind extends 'stream' | 'table', K, V, L, W, Change, X>(
  table: KTable<L, W, Change>,
  joiner: (value: Exclude<V, null>, row: W, context: RecordContext<K>) => X,
  options?: JoinOptions<NoInfer<V>, X>,
): Op<Joinable<Kind, K, V> & NeedsKey<K, 'join'> & SameKey<K, L, 'join'>, Joined<Kind, Exclude<K, null>, X>>;
export function join<K, V, L, W, X>(
  stream: KStream<L, W>,
  within: JoinWindowSpec,
  joiner: (left: Exclude<V, null>, right: Exclude<W, null>, context: RecordContext<K>) => X,
  options?: StreamJoinOptions<NoInfer<V>, NoInfer<W>>,
): Op<KStream<K, V> & NeedsKey<K, 'join'> & SameKey<K, L, 'join'>, KStream<Exclude<K, null>, X>>;
export function join<L, W>(stream: KStream<L, W>, within: NeedsWithin<'join'>): never;
export function join(
  other: KTable<unknown, unknown> | KStream<unknown, unknown>,
  ...rest: readonly unknown[]
): unknown {
  return other.kind === 'table' ? joinWithTable('inner', other, rest) : joinWithStream('inner', other, rest);
}

// leftJoin: a join that keeps what has no partner on the right side.
import type { JoinWindowSpec, RecordContext } from '../plan.ts';
import type { Joinable, Joined, KStream, KTable, Op } from '../stage.ts';
import type { NeedsKey, NeedsWithin, SameKey } from '../type-error.ts';
import { type JoinOptions, joinWithStream, joinWithTable, type UnmatchedOptions } from './join-node.ts';

/**
 * As `join()`, but what has no partner is kept: `joiner` gets null for it.
 *
 * With a table, a record of a stream without a row, or without a key, is joined with null at once.
 *
 * With a stream, a record that found no partner comes out with null once its window plus grace has closed, and only then:
 * a later record of any key, on either side, that moves stream time past it lets it go, before its own results. It comes
 * out once, with its own time; a match that arrives after that is not made. A record without a key comes out at once.
 * The last ones come when a job of bounded sources ends, or with `idle` when nothing comes.
 *
 * @param joiner the new value, of the left one and the right one, which is null where there is none
 * @throws Fault `BAD_OPERATOR` for options that don't fit
 * @example
 * const airports = table('airports', json<{ city: string }>());
 * topic('flights', json<{ delay: number }>()).pipe(
 *   leftJoin(airports, (flight, airport) => ({ ...flight, city: airport?.city ?? 'unknown' })),
 * );
 * topic('orders', json<{ total: number }>()).pipe(
 *   leftJoin(topic('payments', json<{ paid: number }>()), within('1 hour', { grace: 0 }), (order, payment) => ({
 *     open: order.total - (payment?.paid ?? 0),
 *   }), { as: 'open-orders' }),
 * );
 */
export function leftJoin<Kind extends 'stream' | 'table', K, V, L, W, Change, X>(
  table: KTable<L, W, Change>,
  joiner: (value: Exclude<V, null>, row: W | null, context: RecordContext<K>) => X,
  options?: JoinOptions<NoInfer<V>, X>,
): Op<Joinable<Kind, K, V> & NeedsKey<K, 'leftJoin'> & SameKey<K, L, 'leftJoin'>, Joined<Kind, K, X>>;
export function leftJoin<K, V, L, W, X>(
  stream: KStream<L, W>,
  within: JoinWindowSpec,
  joiner: (left: Exclude<V, null>, right: Exclude<W, null> | null, context: RecordContext<K>) => X,
  options?: UnmatchedOptions<NoInfer<V>, NoInfer<W>>,
): Op<KStream<K, V> & NeedsKey<K, 'leftJoin'> & SameKey<K, L, 'leftJoin'>, KStream<K, X>>;
export function leftJoin<L, W>(stream: KStream<L, W>, within: NeedsWithin<'leftJoin'>): never;
export function leftJoin(
  other: KTable<unknown, unknown> | KStream<unknown, unknown>,
  ...rest: readonly unknown[]
): unknown {
  return other.kind === 'table' ? joinWithTable('left', other, rest) : joinWithStream('left', other, rest);
}

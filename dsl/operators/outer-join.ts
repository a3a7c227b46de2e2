// outerJoin: a join that keeps what has no partner, on both sides.
import type { JoinWindowSpec, RecordContext } from '../plan.ts';
import type { KStream, KTable, Op } from '../stage.ts';
import type { NeedsKey, NeedsWithin, SameKey } from '../type-error.ts';
import { joinWithStream, joinWithTable, type TableJoinOptions, type UnmatchedOptions } from './join-node.ts';

/**
 * As `leftJoin()`, for both sides: two tables, or two streams within a span of time. One of `joiner`'s values is null
 * where that side has no partner, never both.
 *
 * @param joiner the new value, of the left and the right one, either null where there is none
 * @throws Fault `BAD_OPERATOR` for a stream with a table: a table's change alone makes no record of a stream
 * @example
 * const prices = table('prices', json<{ price: number }>());
 * const stocks = table('stocks', json<{ pieces: number }>());
 * prices.pipe(outerJoin(stocks, (price, stock) => ({ ...price, ...stock }), { as: 'articles' }));
 * topic('orders', json<{ total: number }>()).pipe(
 *   outerJoin(topic('payments', json<{ paid: number }>()), within('1 hour', { grace: 0 }), (order, payment) => ({
 *     open: (order?.total ?? 0) - (payment?.paid ?? 0),
 *   }), { as: 'balances' }),
 * );
 */
export function outerJoin<K, V, L, W, Change, Other, X>(
  table: KTable<L, W, Other>,
  joiner: (left: V | null, right: W | null) => X,
  options?: TableJoinOptions<X>,
): Op<KTable<K, V, Change> & SameKey<K, L, 'outerJoin'>, KTable<K, X>>;
export function outerJoin<K, V, L, W, X>(
  stream: KStream<L, W>,
  within: JoinWindowSpec,
  joiner: (left: Exclude<V, null> | null, right: Exclude<W, null> | null, context: RecordContext<K>) => X,
  options?: UnmatchedOptions<NoInfer<V>, NoInfer<W>>,
): Op<KStream<K, V> & NeedsKey<K, 'outerJoin'> & SameKey<K, L, 'outerJoin'>, KStream<K, X>>;
export function outerJoin<L, W>(stream: KStream<L, W>, within: NeedsWithin<'outerJoin'>): never;
export function outerJoin(
  other: KTable<unknown, unknown> | KStream<unknown, unknown>,
  ...rest: readonly unknown[]
): unknown {
  return other.kind === 'table' ? joinWithTable('outer', other, rest) : joinWithStream('outer', other, rest);
}

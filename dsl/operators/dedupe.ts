// dedupe: the first record of each key in a time.
import { type Duration, durationMs } from '../../core/kernel/duration.ts';
import { Fault } from '../../core/kernel/fault.ts';
import { safeInt64 } from '../../core/schema/primitive.ts';
import type { KStream, Op } from '../stage.ts';
import { streamOf } from '../stage.ts';
import type { NeedsKey } from '../type-error.ts';

/** Options of `dedupe()`. */
export interface DedupeOptions {
  /** Two records of a key that are less than this apart, in event time, are one. */
  readonly within: Duration;
  /** Name of the state store and its changelog. Needed where the job requires names. */
  readonly as?: string;
}

/**
 * Passes on the first record of a key and drops those that are less than `within` from it, earlier or later; the next
 * one after that is a first one again. Records without a key are dropped and counted. To drop what has one id make the
 * id the key: `selectKey()` before it, and the stream is repartitioned by it.
 *
 * What was passed on is remembered, over restarts too, until stream time is three times `within` past it; a record that
 * is later than that is passed on.
 *
 * @throws Fault `BAD_DURATION`, or `BAD_OPERATOR` for a time of nothing
 * @example
 * topic('orders', json<{ id: string; amount: number }>()).pipe(
 *   selectKey((order) => order.id),
 *   dedupe({ within: '1 day', as: 'orders-seen' }),
 * );
 */
export function dedupe<K, V>({
  within,
  as,
}: DedupeOptions): Op<KStream<K, V> & NeedsKey<K, 'dedupe'>, KStream<Exclude<K, null>, V>> {
  const withinMs = durationMs(within);
  if (withinMs < 1) {
    throw new Fault('BAD_OPERATOR', { operator: 'dedupe', reason: `within must be 1 ms or more, not '${within}'` });
  }
  return ({ node }) =>
    streamOf({ kind: 'dedupe', parent: node, withinMs, store: { as: as ?? null, value: safeInt64 } });
}

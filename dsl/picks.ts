// Aggregators that pick records: the earliest and the latest by event time, or all of them.
import { Fault } from '../core/kernel/fault.ts';
import { type Aggregator, aggregator } from './aggregator.ts';

interface Timed<V> {
  readonly timestampMs: number;
  readonly value: V;
}

/**
 * The record with the lowest event time, of equal ones the one that came first; null before there is any. Of something of
 * each record: `of`.
 *
 * @example
 * const opened = earliest((tick: { price: number }) => tick.price);
 */
export const earliest = <V, W>(of: (value: V) => W): Aggregator<V, W> => timed(of, (time, best) => time < best);

/**
 * The record with the highest event time, of equal ones the one that came last. Of something of each record: `of`.
 *
 * @example
 * const closed = latest((tick: { price: number }) => tick.price);
 */
export const latest = <V, W>(of: (value: V) => W): Aggregator<V, W> => timed(of, (time, best) => time >= best);

function timed<V, W>(of: (value: V) => W, beats: (timeMs: number, bestMs: number) => boolean): Aggregator<V, W> {
  return aggregator({
    initial: (): Timed<W> | null => null,
    add(best, value: V, { timestampMs }) {
      if (best !== null && !beats(timestampMs, best.timestampMs)) return best;
      return { timestampMs, value: of(value) };
    },
    merge(earlier, later) {
      if (earlier === null || later === null) return earlier ?? later;
      return beats(later.timestampMs, earlier.timestampMs) ? later : earlier;
    },
    // There is a result only where there was a record.
    result: (best) => (best?.value ?? null) as W,
  });
}

/**
 * Something of each record, in the order in which they came: the first `max` of them, which bounds the state.
 *
 * @throws Fault `BAD_OPERATOR` for a `max` that is no whole number above 0
 * @example
 * const pages = collect((click: { page: string }) => click.page, { max: 100 });
 */
export function collect<V, W>(of: (value: V) => W, { max }: { readonly max: number }): Aggregator<V, readonly W[]> {
  if (!Number.isSafeInteger(max) || max < 1) {
    throw new Fault('BAD_OPERATOR', {
      operator: 'collect',
      reason: `max must be a whole number above 0, not ${max}`,
    });
  }
  return aggregator({
    initial: (): readonly W[] => [],
    add: (items, value: V) => (items.length >= max ? items : [...items, of(value)]),
    merge: (earlier, later) => [...earlier, ...later].slice(0, max),
    result: null,
  });
}

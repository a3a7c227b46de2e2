// window: an aggregation per key and span of event time instead of per key.
import { type Duration, durationMs } from '../../core/kernel/duration.ts';
import { Fault } from '../../core/kernel/fault.ts';
import type { Windowed } from '../../core/schema/windowed-key.ts';
import type { WindowSpec } from '../plan.ts';
import type { Destination, Grouped, Op } from '../stage.ts';
import { groupedOf } from '../stage.ts';
import type { NotWindowed } from '../type-error.ts';

/** Options of `window()`. */
export interface WindowOptions<K, V> {
  /**
   * 'update', the default: every change of a window. 'windowCloses': one result for each window, when it is closed, in
   * the order of the windows' ends, then of their starts, then of the keys' bytes (KIP-825); nothing for a window that
   * is still open.
   */
  readonly emit?: 'update' | 'windowCloses';
  /**
   * With 'windowCloses': when no record has come for this long, stream time goes on with the wall clock until the next
   * one, so that the last windows close without a record after them. What comes later than that is late. Default: off,
   * because results then depend on when records come, and not only on their times.
   */
  readonly idle?: Duration;
  /**
   * A topic for records that came too late, each once, as it came: key, value, time and headers. For a hopping window a
   * record counts as late when one of its windows was closed. Default: they are dropped. Counted they are either way.
   */
  readonly late?: Destination<K, V>;
  /**
   * How long a window's result stays in the store, to be queried: in stream time from its start, of a session from its
   * end. At least as long as the window can change. Default: that long.
   */
  readonly keep?: Duration;
}

/**
 * Aggregates per key and window: the result's key is `{ key, startMs, endMs }`. Each record changes the windows it is
 * in. A record is late for a window once stream time has reached the window's end plus grace; it is then dropped and
 * counted, per window.
 *
 * Stream time is the highest event time that has reached this operator in this partition; it survives a restart. A
 * window therefore closes when a record of any key comes that is late enough after it, when a job of bounded sources
 * ends, or with `idle` when nothing comes.
 *
 * Keys and times of windows in the store are in memory (about a hundred bytes each), but for tumbling and hopping ones
 * whose updates are passed on; results are in the state store.
 *
 * @param spec `tumbling(…)`, `hopping(…)`, `sliding(…)`, `session(…)` or `calendar(…)`
 * @throws Fault `BAD_DURATION`, or `BAD_WINDOW` for `idle` without 'windowCloses'
 * @example
 * topic('orders', json<{ amount: number }>()).pipe(
 *   groupByKey(),
 *   window(tumbling('1 minute', { grace: '10 seconds' }), { emit: 'windowCloses' }),
 *   count({ as: 'orders-per-minute' }),
 * );
 */
export function window<K, V, R>(
  spec: Extract<WindowSpec, { readonly kind: 'session' }>,
  options?: WindowOptions<NoInfer<K>, NoInfer<V>> & { readonly emit?: 'update' },
): Op<Grouped<K, V, R> & NotWindowed<K, R>, Grouped<K, V, Windowed<R>, null>>;
export function window<K, V, R>(
  spec: WindowSpec,
  options?: WindowOptions<NoInfer<K>, NoInfer<V>>,
): Op<Grouped<K, V, R> & NotWindowed<K, R>, Grouped<K, V, Windowed<R>>>;
export function window<K, V, R>(
  spec: WindowSpec,
  { emit = 'update', idle, late, keep }: WindowOptions<NoInfer<K>, NoInfer<V>> = {},
): Op<Grouped<K, V, R> & NotWindowed<K, R>, Grouped<K, V, Windowed<R>>> {
  if (idle !== undefined && emit !== 'windowCloses') {
    throw new Fault('BAD_WINDOW', { reason: "idle closes windows, which says nothing without emit: 'windowCloses'" });
  }
  const windowing = {
    emit,
    idleMs: idle === undefined ? null : durationMs(idle),
    late: late?.topic ?? null,
    keepMs: keep === undefined ? null : durationMs(keep),
  };
  return ({ node }) => groupedOf({ ...node, window: spec, windowing });
}

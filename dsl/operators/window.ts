// window: an aggregation per key and span of event time instead of per key.
import type { Windowed } from '../../core/schema/windowed-key.ts';
import type { WindowSpec } from '../plan.ts';
import type { Grouped, Op } from '../stage.ts';
import { groupedOf } from '../stage.ts';
import type { NotWindowed } from '../type-error.ts';

/**
 * Aggregates per key and window: the result's key is `{ key, startMs, endMs }`. Each record changes the windows it is
 * in, and each change is passed on. A record is late for a window once stream time has reached the window's end plus
 * grace; it is then dropped and counted, per window.
 *
 * Stream time is the highest event time the task has seen; it survives a restart.
 *
 * @param spec `tumbling(…)` or `hopping(…)`
 * @example
 * topic('orders', json<{ amount: number }>()).pipe(
 *   groupByKey(),
 *   window(tumbling('1 minute', { grace: '10 seconds' })),
 *   count({ as: 'orders-per-minute' }),
 * );
 */
export function window<K, V, R>(
  spec: WindowSpec,
): Op<Grouped<K, V, R> & NotWindowed<K, R>, Grouped<K, V, Windowed<R>>> {
  return ({ node }) => groupedOf({ ...node, window: spec });
}

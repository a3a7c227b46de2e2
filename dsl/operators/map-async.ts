// mapAsync: a value that has to be waited for. The one operator that leaves the synchronous path: offsets are committed
// only up to the first record whose answer is still out.
import { type Duration, durationMs } from '../../core/kernel/duration.ts';
import { Fault } from '../../core/kernel/fault.ts';
import type { AsyncRetry, RecordContext } from '../plan.ts';
import type { KStream, Op } from '../stage.ts';
import { streamOf } from '../stage.ts';

/** Options of `mapAsync()`. */
export interface MapAsyncOptions {
  /** Calls in flight at most, per task; a full one is back-pressure. Default 16. */
  readonly concurrency?: number;
  /** 'kept', the default: answers go on in the order of the records. 'any': as they come. */
  readonly order?: 'kept' | 'any';
  /** How long a call may take; one that takes longer fails with `TIMED_OUT`, and its signal aborts. Default: as long as it takes. */
  readonly timeout?: Duration;
  /** Makes a call that failed again. Default: not. */
  readonly retry?: RetryOptions;
}

/** How often, and when, `mapAsync()` makes a call again. The record keeps its place among the calls in flight meanwhile. */
export interface RetryOptions {
  /** At most so many times after the first. */
  readonly times: number;
  /** Wait before the first one; each further wait is twice as long, give or take a fifth. Default '100 ms'. */
  readonly first?: Duration;
  /** The longest wait. Default '10 seconds'. */
  readonly max?: Duration;
  /** Whether it is worth another try. Default: any error is. */
  readonly when?: (error: unknown) => boolean;
}

const mapAsyncDefaults = { concurrency: 16, order: 'kept' } as const;

/**
 * Replaces each value by what a promise gives. Key, time and headers stay. A call that is rejected or takes too long is
 * made again as often as `retry` says; then its error goes to the job's `onError.process`.
 *
 * Progress is committed up to the first record whose answer is out. After a crash a call may be made again for a record
 * that was in flight.
 *
 * @param project its `context` is of the record it was called for, and stays valid until its promise settles; its `signal`
 * aborts when the call takes too long, and when the task stops
 * @throws Fault `BAD_OPERATOR` for a concurrency or a number of retries that is none, `BAD_DURATION`
 * @example
 * topic('orders', json<{ city: string }>()).pipe(
 *   mapAsync(async (order) => ({ ...order, weather: await Promise.resolve('rain in ' + order.city) }), {
 *     concurrency: 8,
 *     timeout: '5 seconds',
 *     retry: { times: 3 },
 *   }),
 * );
 */
export function mapAsync<K, V, W>(
  project: (value: V, context: RecordContext<K>, signal: AbortSignal) => Promise<W>,
  options: MapAsyncOptions = {},
): Op<KStream<K, V>, KStream<K, W>> {
  const { concurrency, order, timeout, retry } = { ...mapAsyncDefaults, ...options };
  const bad = (reason: string) => new Fault('BAD_OPERATOR', { operator: 'mapAsync', reason });
  if (!Number.isInteger(concurrency) || concurrency < 1) {
    throw bad(`concurrency must be a whole number from 1 up, not ${concurrency}`);
  }
  if (retry !== undefined && (!Number.isInteger(retry.times) || retry.times < 1)) {
    throw bad(`retry.times must be a whole number from 1 up, not ${retry.times}`);
  }
  const timeoutMs = timeout === undefined ? null : durationMs(timeout);
  if (timeoutMs === 0) throw bad('timeout must be 1 ms or more');
  return ({ node }) =>
    streamOf({
      kind: 'mapAsync',
      parent: node,
      project: project as (value: unknown) => Promise<unknown>,
      concurrency,
      order,
      timeoutMs,
      retry: retry === undefined ? null : retryOf(retry),
    });
}

const retryOf = ({ times, first = '100 ms', max = '10 seconds', when = () => true }: RetryOptions): AsyncRetry => ({
  times,
  firstMs: durationMs(first),
  maxMs: durationMs(max),
  when,
});

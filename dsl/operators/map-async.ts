// mapAsync: a value that has to be waited for. The one operator that leaves the synchronous path: offsets are committed
// only up to the first record whose answer is still out.
import { Fault } from '../../core/kernel/fault.ts';
import type { RecordContext } from '../plan.ts';
import type { KStream, Op } from '../stage.ts';
import { streamOf } from '../stage.ts';

/** Options of `mapAsync()`. */
export interface MapAsyncOptions {
  /** Calls in flight at most, per task; a full one is back-pressure. Default 16. */
  readonly concurrency?: number;
  /** 'kept', the default: answers go on in the order of the records. 'any': as they come. */
  readonly order?: 'kept' | 'any';
}

const mapAsyncDefaults = { concurrency: 16, order: 'kept' } as const;

/**
 * Replaces each value by what a promise gives. Key, time and headers stay. A rejection goes to the job's
 * `onError.process`; there is no timeout but the one `project` sets itself.
 *
 * After a crash a call may be made again for a record that was in flight.
 *
 * @param project its `context` is of the record it was called for, and stays valid until its promise settles
 * @throws Fault `BAD_OPERATOR` for a concurrency that is no whole number from 1 up
 * @example
 * topic('orders', json<{ city: string }>()).pipe(
 *   mapAsync(async (order) => ({ ...order, weather: await Promise.resolve('rain in ' + order.city) }), { concurrency: 8 }),
 * );
 */
export function mapAsync<K, V, W>(
  project: (value: V, context: RecordContext<K>) => Promise<W>,
  options: MapAsyncOptions = {},
): Op<KStream<K, V>, KStream<K, W>> {
  const { concurrency, order } = { ...mapAsyncDefaults, ...options };
  if (!Number.isInteger(concurrency) || concurrency < 1) {
    throw new Fault('BAD_OPERATOR', {
      operator: 'mapAsync',
      reason: `concurrency must be a whole number from 1 up, not ${concurrency}`,
    });
  }
  return ({ node }) =>
    streamOf({
      kind: 'mapAsync',
      parent: node,
      project: project as (value: unknown) => Promise<unknown>,
      concurrency,
      order,
    });
}

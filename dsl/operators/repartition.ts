// repartition: a stream through a topic of the job's own, for another number of tasks behind it.
import { Fault } from '../../core/kernel/fault.ts';
import type { KStream, Op } from '../stage.ts';
import { streamOf } from '../stage.ts';
import type { NeedsKey } from '../type-error.ts';

/** Options of `repartition()`. */
export interface RepartitionOptions {
  /** Default: as many as the largest input above has, or what it is joined with. */
  readonly partitions?: number;
  /** Name of the topic. Default: derived from the place. */
  readonly as?: string;
}

/**
 * Sends a stream through a topic of the job's own, by its key: what comes behind runs in as many tasks as that has
 * partitions, however many its source has. Grouping and joining repartition by themselves where a key was chosen; this is
 * for work that takes long and a source of few partitions. Records without a key are dropped and counted.
 *
 * @throws Fault `BAD_OPERATOR` for a number of partitions that is none
 * @example
 * topic('orders', json<{ amount: number }>(), { partitions: 1 }).pipe(
 *   repartition({ partitions: 8, as: 'orders-spread' }),
 *   mapAsync(async (order) => ({ ...order, rate: await Promise.resolve(1.1) })),
 * );
 */
export function repartition<K, V>({
  partitions,
  as,
}: RepartitionOptions = {}): Op<KStream<K, V> & NeedsKey<K, 'repartition'>, KStream<Exclude<K, null>, V>> {
  if (partitions !== undefined && (!Number.isInteger(partitions) || partitions < 1)) {
    const reason = `partitions must be a whole number from 1 up, not ${partitions}`;
    throw new Fault('BAD_OPERATOR', { operator: 'repartition', reason });
  }
  return ({ node }) => streamOf({ kind: 'repartition', parent: node, partitions: partitions ?? null, as: as ?? null });
}

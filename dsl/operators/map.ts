// map: a value for a value. It keeps the key (Kafka Streams' mapValues), so it never causes a repartition.
import type { RecordContext } from '../plan.ts';
import type { KStream, Op } from '../stage.ts';
import { streamOf } from '../stage.ts';

/**
 * Replaces each value. Key, time and headers stay, so a stream that was grouped well stays so; to change the key write
 * `selectKey()` or `mapRecord()`.
 *
 * @param project called once a record; what it throws goes to the job's `onError.process`
 * @example
 * topic('orders', json<{ amount: number }>()).pipe(map((order) => order.amount));
 */
export function map<K, V, W>(project: (value: V, context: RecordContext<K>) => W): Op<KStream<K, V>, KStream<K, W>> {
  return ({ node }) => streamOf({ kind: 'map', parent: node, project: project as (value: unknown) => unknown });
}

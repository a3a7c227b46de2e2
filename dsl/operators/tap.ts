// tap: a look at every record that passes.
import type { RecordContext } from '../plan.ts';
import type { KStream, Op } from '../stage.ts';
import { streamOf } from '../stage.ts';

/**
 * Calls `look` with every record and passes the record on unchanged.
 *
 * @param look must not change the value. After a crash it may be called again for the same record, so it is for
 * looking and counting, not for effects that must happen once: those belong in a sink
 * @example
 * const seen = new Set<string>();
 * topic('orders', json<{ id: string }>()).pipe(tap((order) => seen.add(order.id)));
 */
export function tap<K, V>(look: (value: V, context: RecordContext<K>) => void): Op<KStream<K, V>, KStream<K, V>> {
  return ({ node }) => streamOf({ kind: 'tap', parent: node, look: look as (value: unknown) => void });
}

// flatMap: none, one or many values for a value. It keeps the key.
import type { RecordContext } from '../plan.ts';
import type { KStream, Op } from '../stage.ts';
import { streamOf } from '../stage.ts';

/**
 * Replaces each value by the values of an iterable, in its order. All of them get the record's key, time and headers.
 *
 * @param project called once a record; an empty iterable drops it. It must end: the record's output is made before the
 * next record is read
 * @example
 * topic('lines', utf8).pipe(flatMap((line) => line.split(' ')));
 */
export function flatMap<K, V, W>(
  project: (value: V, context: RecordContext<K>) => Iterable<W>,
): Op<KStream<K, V>, KStream<K, W>> {
  return ({ node }) =>
    streamOf({ kind: 'flatMap', parent: node, project: project as (value: unknown) => Iterable<unknown> });
}

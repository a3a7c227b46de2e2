// source: a stream of what a connector reads.
import type { SourceConnector } from '../connector.ts';
import type { KStream } from '../stage.ts';
import { streamOf } from '../stage.ts';

/**
 * A stream of what a connector reads. It has no key: call `selectKey()` before it is grouped, joined or sent to a topic
 * with keys, or declare the topic with `{ key: noKey }`. One task reads it, in order; where it stands is committed with
 * the records.
 *
 * A connector that is used in two places is opened once.
 *
 * @example
 * declare const clicks: SourceConnector<{ page: string }>;
 * source(clicks).pipe(selectKey((click) => click.page)).to(topic('clicks', json<{ page: string }>()));
 */
export function source<V>(connector: SourceConnector<V>): KStream<null, V> {
  return streamOf({ kind: 'connectorSource', connector });
}

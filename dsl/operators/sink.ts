// sink: the end of a stream in a connector.
import type { SinkConnector } from '../connector.ts';
import type { KStream, Op, Sink } from '../stage.ts';
import { sinkOf } from '../stage.ts';

/**
 * Ends a stream in a connector. Offsets are committed once the sink has flushed; whether a record may be written again
 * after a crash is the connector's `delivery`.
 *
 * @example
 * declare const pager: SinkConnector<string, { text: string }>;
 * topic('alarms', json<{ text: string; level: number }>()).pipe(filter((alarm) => alarm.level > 3), sink(pager));
 */
export function sink<K, V>(connector: SinkConnector<K, V>): Op<KStream<K, V>, Sink> {
  return ({ node }) => sinkOf({ kind: 'connectorSink', parent: node, connector });
}

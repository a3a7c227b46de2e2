// view: a topic shown in the terminal.
import type { ViewConnector } from '../connector.ts';
import type { Op, Sink } from '../stage.ts';
import { sinkOf } from '../stage.ts';
import type { Viewable } from '../topic.ts';

/**
 * Shows a topic in the terminal of the process that runs the job. A view is rebuilt from its topic at every start and
 * changes nothing, so only a topic can be viewed: write the stream to one first.
 *
 * @example
 * declare const counts: ViewConnector<string, number>;
 * topic('counts', safeInt64).pipe(view(counts));
 */
export function view<K, V>(connector: ViewConnector<K, Exclude<V, null>>): Op<Viewable<K, V>, Sink> {
  return (viewed) => sinkOf({ kind: 'view', parent: { kind: 'topicSource', topic: viewed.topic }, connector });
}

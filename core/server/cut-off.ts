// A leader that can't know that it still is one. No controller has answered its node for as long as a node's session lasts, and
// no other replica in sync has asked it for more: others may lead by now. A reader that stayed would wait for records that
// come elsewhere, and a group for commits that nobody else takes; and librdkafka asks where things are of whom it asked last,
// so it would hear of nobody else. Its connection is closed, which sends every client to another node. Where the others are down
// and not just away, nothing is lost by that: what is there is read all the same. Of groups and transactions nothing is told
// either (shard-log.ts): it may be old. A node that stood still finds requests and answers from before, so that only what was
// sent within the session counts here, and not when it was read.
import { Fault } from '../kernel/fault.ts';
import type { NodeParts } from './handler.ts';
import type { Led } from './partitions.ts';

type Parts = Pick<NodeParts, 'cluster' | 'clock' | 'settings'>;

export function isCutOff({ cluster, clock, settings }: Parts, led: Led): boolean {
  if (cluster === null) return false;
  const sinceMs = clock.monotonicMs() - settings['broker.session.timeout.ms'];
  if (cluster.heardAtMs > sinceMs) return false;
  const followers = led.inSyncFollowers();
  return followers.length > 0 && followers.every(({ heardAtMs }) => heardAtMs <= sinceMs);
}

/** What a handler throws for it: the client's connection ends without an answer. */
export const cutOff = ({ settings: { nodeId } }: Parts) =>
  new Fault('CONNECTION_LOST', { to: `node ${nodeId}`, reason: 'it is cut off from the other nodes' });

// Which copy a consumer is sent to by the leader: one in its own rack (KIP-392). Pure: who is alive and how far the copies
// are is told.
import type { FollowerProgress } from '../replication/in-sync-set.ts';
import type { ShownNode } from './cluster-view.ts';

/** Ids of the nodes of a rack that are up; null where the reader says no rack. */
export function nodesInRack(nodes: readonly ShownNode[], rackId: string): ReadonlySet<number> | null {
  if (rackId === '') return null;
  return new Set(nodes.filter(({ rack, isFenced }) => rack === rackId && !isFenced).map(({ nodeId }) => nodeId));
}

/**
 * As Kafka's `RackAwareReplicaSelector`, of what `ReplicaManager.findPreferredReadReplica` lets it choose from: copies in
 * sync that have the offset. The furthest, then who caught up last. -1 to stay: the leader is in the rack itself, or no
 * copy is.
 */
export function closestReplica(
  inRack: ReadonlySet<number>,
  leaderId: number,
  inSync: readonly FollowerProgress[],
  fetchOffset: number,
): number {
  if (inRack.size === 0 || inRack.has(leaderId)) return -1;
  let best: FollowerProgress | undefined;
  for (const one of inSync) {
    if (!inRack.has(one.nodeId) || one.startOffset > fetchOffset || one.endOffset < fetchOffset) continue;
    const ahead = best === undefined ? 1 : one.endOffset - best.endOffset || one.caughtUpAtMs - best.caughtUpAtMs;
    if (ahead > 0) best = one;
  }
  return best?.nodeId ?? -1;
}

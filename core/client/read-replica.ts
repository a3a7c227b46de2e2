// The copy that a leader sends a reader to, in the reader's rack (KIP-392), and for how long it is read from. Nothing here
// asks a node: the fetcher says what happened. A copy never decides where a reader goes on, its leader does.
import type { Assigned } from './assigned-partition.ts';

/** Undefined where the leader is to be asked; after `untilMs` it is, whether there is a closer copy by then. */
export function replicaOf(one: Assigned, nowMs: number): number | undefined {
  if (one.replica !== null && one.replica.untilMs <= nowMs) one.replica = null;
  return one.replica?.nodeId;
}

/** @returns whether it was read from a copy: then its leader is asked before anything is made of what the copy said */
export function leaveReplica(one: Assigned): boolean {
  const wasThere = one.replica !== null;
  one.replica = null;
  return wasThere;
}

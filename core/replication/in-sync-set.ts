// What the leader of a partition knows of its followers: how far each is, since when it keeps up, and so who is in sync and
// up to where every in-sync replica has the log. Pure memory; the controller decides about the set, and nothing here may
// take a replica for in sync that the controller doesn't, or count the high watermark without one that it does
// (Kafka's Partition and PendingExpandIsr).

export interface InSyncSetOptions {
  /** This node, which leads. */
  readonly nodeId: number;
  readonly replicas: readonly number[];
  readonly inSync: readonly number[];
  readonly partitionEpoch: number;
  /** Where the leader's epoch began: a follower below it may still have to cut something off. */
  readonly epochStartOffset: number;
  readonly nowMs: number;
  /** `replica.lag.time.max.ms`: who has not been at the log end for so long is out of sync. */
  readonly lagMsMax: number;
}

export interface FollowerFetch {
  readonly nodeId: number;
  /** Of its registration, so that the controller can tell it from a later life of that node (KIP-903). */
  readonly nodeEpoch: number;
  /** First offset wanted, which is where the follower's log ends. */
  readonly offset: number;
  readonly leaderEndOffset: number;
  readonly nowMs: number;
}

/** A replica as the leader means it: the life of the node that it heard of; -1 for whichever it is. */
export interface InSyncNode {
  readonly nodeId: number;
  readonly nodeEpoch: number;
}

export interface FollowerProgress {
  readonly nodeId: number;
  /** -1 before its first fetch. */
  readonly endOffset: number;
  readonly caughtUpAtMs: number;
}

export interface InSyncSet {
  /** As the controller has it. */
  readonly inSync: readonly number[];
  readonly partitionEpoch: number;
  /** Whether a change is on its way to the controller. */
  readonly isPending: boolean;
  /** A follower asked for more. False for a node that is no replica. */
  fetched(fetch: FollowerFetch): boolean;
  /** Up to where all have the log, whether they are in the set or about to be. */
  highWatermark(ownEndOffset: number): number;
  /** The set as it should be; null where it is so already or a change is on its way. */
  wanted(own: {
    readonly endOffset: number;
    readonly highWatermark: number;
    readonly nowMs: number;
  }): InSyncNode[] | null;
  /** The controller is asked for it. From here on who is to come in counts, and who is to go still does. */
  propose(inSync: readonly InSyncNode[]): void;
  /** The controller has decided. Older decisions than the last are passed over. */
  settle(decision: { readonly inSync: readonly number[]; readonly partitionEpoch: number }): void;
  /** The controller would not have it, or can't be reached: what was proposed may be asked for again. */
  withdraw(): void;
  /** The replicas have changed, as in a reassignment. */
  replicasAre(replicas: readonly number[], nowMs: number): void;
  followers(): FollowerProgress[];
}

interface Follower {
  nodeEpoch: number;
  endOffset: number;
  caughtUpAtMs: number;
  /** Of its last fetch: who then had all there was has caught up to that time. */
  fetchedAtMs: number;
  leaderEndThen: number;
}

export function createInSyncSet(options: InSyncSetOptions): InSyncSet {
  const { nodeId, epochStartOffset, lagMsMax } = options;
  const followers = new Map<number, Follower>();
  let { inSync, partitionEpoch } = options;
  let pending: readonly number[] | null = null;

  function replicasAre(replicas: readonly number[], nowMs: number): void {
    for (const known of [...followers.keys()]) if (!replicas.includes(known)) followers.delete(known);
    for (const replica of replicas) {
      if (replica === nodeId || followers.has(replica)) continue;
      // Who is in sync has the time of a lag to show itself to a new leader.
      const caughtUpAtMs = inSync.includes(replica) ? nowMs : Number.NEGATIVE_INFINITY;
      followers.set(replica, { nodeEpoch: -1, endOffset: -1, caughtUpAtMs, fetchedAtMs: nowMs, leaderEndThen: -1 });
    }
  }
  replicasAre(options.replicas, options.nowMs);

  const isLate = (id: number, nowMs: number): boolean => {
    const follower = followers.get(id);
    return id !== nodeId && (follower === undefined || nowMs - follower.caughtUpAtMs > lagMsMax);
  };

  return {
    get inSync() {
      return inSync;
    },
    get partitionEpoch() {
      return partitionEpoch;
    },
    get isPending() {
      return pending !== null;
    },
    fetched({ nodeId: id, nodeEpoch, offset, leaderEndOffset, nowMs }) {
      const follower = followers.get(id);
      if (follower === undefined) return false;
      if (offset >= leaderEndOffset) follower.caughtUpAtMs = nowMs;
      else if (follower.leaderEndThen >= 0 && offset >= follower.leaderEndThen)
        follower.caughtUpAtMs = Math.max(follower.caughtUpAtMs, follower.fetchedAtMs);
      follower.nodeEpoch = nodeEpoch;
      follower.endOffset = offset;
      follower.fetchedAtMs = nowMs;
      follower.leaderEndThen = leaderEndOffset;
      return true;
    },
    highWatermark(ownEndOffset) {
      let lowest = ownEndOffset;
      for (const [id, { endOffset }] of followers) {
        if (inSync.includes(id) || pending?.includes(id)) lowest = Math.min(lowest, endOffset);
      }
      return Math.max(lowest, 0);
    },
    wanted({ highWatermark, nowMs }) {
      if (pending !== null) return null;
      const staying = inSync.filter((id) => !isLate(id, nowMs));
      const coming = [...followers]
        .filter(([id, { endOffset }]) => !inSync.includes(id) && endOffset >= Math.max(highWatermark, epochStartOffset))
        .filter(([id]) => !isLate(id, nowMs))
        .map(([id]) => id);
      if (staying.length === inSync.length && coming.length === 0) return null;
      return [...staying, ...coming].map((id) => ({ nodeId: id, nodeEpoch: followers.get(id)?.nodeEpoch ?? -1 }));
    },
    propose(proposed) {
      pending = proposed.map((node) => node.nodeId);
    },
    settle(decision) {
      if (decision.partitionEpoch < partitionEpoch) return;
      ({ inSync, partitionEpoch } = decision);
      pending = null;
    },
    withdraw() {
      pending = null;
    },
    replicasAre,
    followers: () =>
      [...followers].map(([id, { endOffset, caughtUpAtMs }]) => ({ nodeId: id, endOffset, caughtUpAtMs })),
  };
}

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
  /** Where the follower's log begins. */
  readonly startOffset: number;
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
  readonly startOffset: number;
  readonly caughtUpAtMs: number;
  /**
   * When it still took this node for the leader, for sure: its last fetch may have waited here, but was sent after the one
   * before it was answered. Before that, since when it is waited for.
   */
  readonly heardAtMs: number;
}

export interface InSyncDecision {
  readonly inSync: readonly number[];
  readonly partitionEpoch: number;
}

/**
 * 'refused': nothing was changed. 'superseded': something was, maybe this, and the metadata will say what. 'unknown': no
 * answer came.
 */
export type InSyncAnswer = InSyncDecision | 'refused' | 'superseded' | 'unknown';

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
  /** What became of a proposal isn't known, so both may hold: to be asked for again as it was. Else null. */
  readonly unanswered: readonly InSyncNode[] | null;
  /** What the controller said to the proposal. */
  answered(answer: InSyncAnswer): void;
  /** As the metadata has it by now. What is no later than what is known says nothing. */
  settle(decision: InSyncDecision): void;
  /** The replicas have changed, as in a reassignment. */
  replicasAre(replicas: readonly number[], nowMs: number): void;
  followers(): FollowerProgress[];
}

interface Follower {
  nodeEpoch: number;
  endOffset: number;
  startOffset: number;
  caughtUpAtMs: number;
  /** Of its last fetch: who then had all there was has caught up to that time. */
  fetchedAtMs: number;
  heardAtMs: number;
  leaderEndThen: number;
}

export function createInSyncSet(options: InSyncSetOptions): InSyncSet {
  const { nodeId, epochStartOffset, lagMsMax } = options;
  const followers = new Map<number, Follower>();
  let { inSync, partitionEpoch } = options;
  // Until it is known that the controller has not taken a node in, the node counts: it may lead next (KIP-497's maximal set).
  let pending: { readonly nodes: readonly InSyncNode[]; state: 'asked' | 'unknown' | 'superseded' } | null = null;

  function replicasAre(replicas: readonly number[], nowMs: number): void {
    for (const known of [...followers.keys()]) if (!replicas.includes(known)) followers.delete(known);
    for (const replica of replicas) {
      if (replica === nodeId || followers.has(replica)) continue;
      // Who is in sync has the time of a lag to show itself to a new leader.
      const caughtUpAtMs = inSync.includes(replica) ? nowMs : Number.NEGATIVE_INFINITY;
      followers.set(replica, {
        ...{ nodeEpoch: -1, endOffset: -1, startOffset: -1 },
        ...{ caughtUpAtMs, fetchedAtMs: nowMs, heardAtMs: nowMs, leaderEndThen: -1 },
      });
    }
  }
  replicasAre(options.replicas, options.nowMs);

  const isComing = (id: number) => pending?.nodes.some(({ nodeId: other }) => other === id) === true;
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
    fetched({ nodeId: id, nodeEpoch, offset, startOffset, leaderEndOffset, nowMs }) {
      const follower = followers.get(id);
      // What an earlier life of the node had says nothing of what this one has.
      if (follower === undefined || nodeEpoch < follower.nodeEpoch) return false;
      if (offset >= leaderEndOffset) follower.caughtUpAtMs = nowMs;
      else if (follower.leaderEndThen >= 0 && offset >= follower.leaderEndThen)
        follower.caughtUpAtMs = Math.max(follower.caughtUpAtMs, follower.fetchedAtMs);
      follower.nodeEpoch = nodeEpoch;
      follower.endOffset = offset;
      follower.startOffset = startOffset;
      follower.heardAtMs = follower.fetchedAtMs;
      follower.fetchedAtMs = nowMs;
      follower.leaderEndThen = leaderEndOffset;
      return true;
    },
    highWatermark(ownEndOffset) {
      let lowest = ownEndOffset;
      for (const [id, { endOffset }] of followers) {
        if (inSync.includes(id) || isComing(id)) lowest = Math.min(lowest, endOffset);
      }
      return Math.max(lowest, 0);
    },
    wanted({ highWatermark, nowMs }) {
      if (pending !== null) return null;
      const staying = inSync.filter((id) => !isLate(id, nowMs));
      const coming = [...followers]
        .filter(([id, { endOffset }]) => !inSync.includes(id) && endOffset >= Math.max(highWatermark, epochStartOffset))
        .filter(([id, { nodeEpoch }]) => !isLate(id, nowMs) && nodeEpoch >= 0)
        .map(([id]) => id);
      if (staying.length === inSync.length && coming.length === 0) return null;
      return [...staying, ...coming].map((id) => ({ nodeId: id, nodeEpoch: followers.get(id)?.nodeEpoch ?? -1 }));
    },
    propose(proposed) {
      pending = { nodes: proposed, state: 'asked' };
    },
    get unanswered() {
      return pending?.state === 'unknown' ? pending.nodes : null;
    },
    answered(answer) {
      if (pending === null) return;
      if (answer === 'refused') pending = null;
      else if (typeof answer === 'string') pending.state = answer;
      else {
        if (answer.partitionEpoch >= partitionEpoch) ({ inSync, partitionEpoch } = answer);
        pending = null;
      }
    },
    settle(decision) {
      if (decision.partitionEpoch <= partitionEpoch) return;
      ({ inSync, partitionEpoch } = decision);
      pending = null;
    },
    replicasAre,
    followers: () =>
      [...followers].map(([id, { endOffset, startOffset, caughtUpAtMs, heardAtMs }]) => ({
        ...{ nodeId: id, endOffset, startOffset, caughtUpAtMs, heardAtMs },
      })),
  };
}

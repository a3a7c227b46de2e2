// Controllers that come and go while the cluster runs (KIP-853), as the leader of the metadata log carries it out: whoever is to
// vote must be there and have the log first, because each vote that can't be given is one that a majority lacks. What makes a
// change safe is consensus's (core/raft/voters.ts), and not decided here.
import { done, type Outcome, refused } from '../../controller/outcome.ts';
import type { QuorumMetadataLog } from '../../controller/quorum-metadata-log.ts';
import type { Clock } from '../../kernel/clock.ts';
import { Fault, isFault } from '../../kernel/fault.ts';
import type { PeerAddress } from './peers.ts';

/** Both throw Fault `NOT_CONTROLLER` where another leads, or this one stops before the change is committed. */
export interface VoterChanges {
  /** Where the node listens for other nodes, by its number; it must run and follow the log. */
  addVoter(voter: PeerAddress): Promise<Outcome<null>>;
  /** It goes on following. Where it leads, it hands over. */
  removeVoter(nodeId: number): Promise<Outcome<null>>;
}

/** What a node says to whoever wants to make it a voter. */
export interface Identity {
  readonly nodeId: number;
  /** Empty while it knows none. */
  readonly clusterId: string;
}

export interface VoterChangesOptions {
  readonly log: QuorumMetadataLog;
  readonly clock: Clock;
  /** Null where nobody answers. */
  readonly whoIs: (address: PeerAddress) => Promise<Identity | null>;
}

/** Together with the question who it is, less than a node waits for an answer. */
const catchUpMsMax = 5_000;
const lookEveryMs = 20;

export function createVoterChanges({ log, clock, whoIs }: VoterChangesOptions): VoterChanges {
  const isVoter = (nodeId: number) => log.voters.some(({ id }) => id === nodeId);

  /** What the one who leads knows of it; null while it doesn't follow. */
  function progressOf(nodeId: number) {
    const { role } = log.quorum;
    if (role.kind !== 'leader') throw new Fault('NOT_CONTROLLER', {});
    return role.progress.get(nodeId) ?? null;
  }

  /** Kafka's AddVoterHandler waits for the same: all that is committed by then. */
  async function hasCaughtUp(nodeId: number): Promise<boolean> {
    const endMs = clock.monotonicMs() + catchUpMsMax;
    const offset = log.quorum.highWatermark;
    const sinceMs = clock.monotonicMs();
    for (;;) {
      const progress = progressOf(nodeId);
      // One that has had all of it and is gone is no help.
      if (progress !== null && progress.endOffset >= offset && progress.fetchedAtMs >= sinceMs) return true;
      if (clock.monotonicMs() >= endMs) return false;
      await clock.sleep(lookEveryMs);
    }
  }

  async function change(next: Parameters<QuorumMetadataLog['changeVoters']>[0]): Promise<Outcome<null>> {
    try {
      await log.changeVoters(next);
      return done;
    } catch (error) {
      if (!isFault(error, 'VOTERS_NOT_CHANGED')) throw error;
      const { why } = (error as Fault<'VOTERS_NOT_CHANGED'>).detail;
      const passes = why === 'changeUnderWay' || why === 'epochNotCommitted';
      return refused(passes ? 'REQUEST_TIMED_OUT' : 'INVALID_REQUEST', error.message);
    }
  }

  return {
    async addVoter(voter) {
      const { nodeId, host, port } = voter;
      const where = `${host}:${port}`;
      progressOf(nodeId);
      if (isVoter(nodeId)) return refused('DUPLICATE_VOTER', `node ${nodeId} votes already`);
      const identity = await whoIs(voter);
      if (identity === null)
        return refused('INVALID_REQUEST', `no node answers at ${where}; it must run and listen there for other nodes`);
      if (identity.nodeId !== nodeId)
        return refused('INVALID_REQUEST', `at ${where} is node ${identity.nodeId}, not ${nodeId}`);
      if (identity.clusterId !== '' && identity.clusterId !== log.image.clusterId)
        return refused('INCONSISTENT_CLUSTER_ID', `node ${nodeId} is of another cluster`);
      if (!(await hasCaughtUp(nodeId)))
        return refused('REQUEST_TIMED_OUT', `node ${nodeId} does not have the metadata yet; try again`);
      if (isVoter(nodeId)) return refused('DUPLICATE_VOTER', `node ${nodeId} votes already`);
      return change([...log.voters, { id: nodeId, at: { host, port } }]);
    },
    async removeVoter(nodeId) {
      progressOf(nodeId);
      if (!isVoter(nodeId)) return refused('VOTER_NOT_FOUND', `node ${nodeId} has no vote`);
      return change(log.voters.filter(({ id }) => id !== nodeId));
    },
  };
}

// What a leader can say of its quorum: who has how much of the log, and since when. It reads, and changes nothing.
import type { Raft } from './raft.ts';

/** Times are the leader's own; -1 for what it doesn't know. */
export interface QuorumMember {
  readonly id: number;
  readonly endOffset: number;
  readonly fetchedAtMs: number;
  /** When it last had all that there was. */
  readonly caughtUpAtMs: number;
}

export interface QuorumDescription {
  readonly leader: number;
  readonly epoch: number;
  readonly highWatermark: number;
  readonly voters: readonly QuorumMember[];
  readonly observers: readonly QuorumMember[];
}

/** An observer that hasn't asked for so long is forgotten (LeaderState.OBSERVER_SESSION_TIMEOUT_MS). */
const observerMsMax = 300_000;

/**
 * As Kafka's LeaderState.describeQuorum. Null where this isn't the leader.
 *
 * @param now the same moment by both clocks: consensus counts by the monotonic one, people by the other
 */
export function describeQuorum(
  raft: Pick<Raft, 'id' | 'epoch' | 'role' | 'voters' | 'highWatermark' | 'log'>,
  now: { readonly wallMs: number; readonly monotonicMs: number },
): QuorumDescription | null {
  const { id: leader, epoch, role, voters, highWatermark, log } = raft;
  if (role.kind !== 'leader') return null;
  const { progress } = role;
  const wallOf = (atMs: number | undefined | null) =>
    atMs === undefined || atMs === null ? -1 : Math.round(now.wallMs - (now.monotonicMs - atMs));
  function member(id: number): QuorumMember {
    if (id === leader) return { id, endOffset: log.end.offset, fetchedAtMs: now.wallMs, caughtUpAtMs: now.wallMs };
    const known = progress.get(id);
    return {
      id,
      endOffset: known?.endOffset ?? -1,
      fetchedAtMs: wallOf(known?.fetchedAtMs),
      caughtUpAtMs: wallOf(known?.caughtUpAtMs),
    };
  }
  const observers = [...progress].filter(
    ([id, { fetchedAtMs }]) => !voters.includes(id) && now.monotonicMs - fetchedAtMs <= observerMsMax,
  );
  const byId = (a: number, b: number) => a - b;
  return {
    ...{ leader, epoch, highWatermark, voters: [...voters].sort(byId).map(member) },
    observers: observers
      .map(([id]) => id)
      .sort(byId)
      .map(member),
  };
}

// What a leader keeps of whoever fetches from it, changed in place with each fetch. Who may lead or what is committed isn't
// decided here.
import type { Message } from './types.ts';

export interface Progress {
  /** All below is on its disk. */
  endOffset: number;
  fetchedAtMs: number;
  /** When it last had all that there was; null where it never had, as far as this leader knows. */
  caughtUpAtMs: number | null;
  /** Where the leader's log ended when it last asked. */
  seen: { readonly endOffset: number; readonly atMs: number } | null;
  /** A fetch that waits for something to answer. */
  held: { readonly message: Extract<Message, { kind: 'fetch' }>; readonly untilMs: number } | null;
}

export const newProgress = (nowMs: number): Progress => ({
  ...{ endOffset: 0, fetchedAtMs: nowMs, caughtUpAtMs: null, seen: null, held: null },
});

/**
 * It has asked just now for what is from `endOffset` on. Whoever gets to where the log ended when it asked before was caught up
 * then: a log that grows without a pause leaves nobody behind for good (LeaderState.ReplicaState.updateFollowerState).
 */
export function tookUpTo(progress: Progress, endOffset: number, leaderEndOffset: number): void {
  const { fetchedAtMs: nowMs, seen } = progress;
  progress.endOffset = endOffset;
  if (endOffset >= leaderEndOffset) progress.caughtUpAtMs = nowMs;
  else if (seen !== null && endOffset >= seen.endOffset) progress.caughtUpAtMs = seen.atMs;
  progress.seen = { endOffset: leaderEndOffset, atMs: nowMs };
}

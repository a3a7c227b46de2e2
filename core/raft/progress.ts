// What a leader keeps of whoever fetches from it, changed in place with each fetch. Who may lead or what is committed isn't
// decided here.
import type { Progress } from './types.ts';

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

// What a node is in an epoch, with what it keeps for that. How it becomes so is in raft.ts, nowhere here.
import type { Progress } from './progress.ts';

export type Role =
  /** `leader` null: looks for one. An observer is a follower that doesn't vote. */
  | { readonly kind: 'follower'; readonly leader: number | null; readonly untilMs: number }
  | {
      readonly kind: 'prospect' | 'candidate';
      readonly untilMs: number;
      readonly granted: Set<number>;
      readonly refused: Set<number>;
    }
  | {
      readonly kind: 'leader';
      readonly sinceOffset: number;
      readonly sinceMs: number;
      readonly progress: Map<number, Progress>;
    };

// What is asked of committed offsets and how it is answered, whichever kind of group they belong to.
import type { TransactionOwner } from '../shard.ts';
import type { ConsumerCommitError } from './consumer/consumer-offsets.ts';
import type { CommitError, CommittedOffset, Committer } from './offsets.ts';

export interface OffsetCommit {
  readonly groupId: string;
  readonly committer: Committer;
  readonly offsets: readonly {
    readonly topic: string;
    readonly partition: number;
    readonly offset: number;
    readonly leaderEpoch: number;
    readonly metadata: string;
  }[];
  /** From clients of old; -1 for the node's. */
  readonly retentionMs: number;
  /** For TxnOffsetCommit: counts once that transaction is committed. */
  readonly transaction?: TransactionOwner;
}

export type OffsetCommitError = CommitError | ConsumerCommitError | 'OFFSET_METADATA_TOO_LARGE';

export interface OffsetFetch {
  readonly groupId: string;
  /** Null for all there are. */
  readonly partitions: readonly { readonly topic: string; readonly partition: number }[] | null;
  readonly requireStable: boolean;
}

export interface FetchedOffset {
  readonly topic: string;
  readonly partition: number;
  readonly error: 'NONE' | 'UNSTABLE_OFFSET_COMMIT';
  /** Null where nothing is committed. */
  readonly committed: CommittedOffset | null;
}

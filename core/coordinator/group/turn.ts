// One command on a group shard while it runs: what it writes, whom it answers, which deadlines it sets. Answers leave
// only when everything written before them is committed, so the order of calls within a turn doesn't matter for safety.
import type { Random } from '../../kernel/random.ts';
import type { CoordinatorRecord } from '../shard.ts';
import type { Group, Waiter } from './group.ts';

/** Kafka's group.* and offsets.* settings. */
export interface GroupSettings {
  /** group.initial.rebalance.delay.ms */
  readonly initialRebalanceDelayMs: number;
  /** group.min.session.timeout.ms */
  readonly sessionTimeoutMsMin: number;
  /** group.max.session.timeout.ms */
  readonly sessionTimeoutMsMax: number;
  /** group.max.size */
  readonly membersMax: number;
  /** offsets.retention.minutes, in ms */
  readonly offsetsRetentionMs: number;
  /** offset.metadata.max.bytes */
  readonly offsetMetadataBytesMax: number;
}

export type DeadlineKind = 'join' | 'sync' | `session ${string}`;

export interface Turn {
  readonly nowMs: number;
  readonly settings: GroupSettings;
  readonly random: Random;
  write(record: CoordinatorRecord): void;
  answer<Reply>(waiter: Waiter<Reply>, reply: Reply): void;
  /** `act` runs in a turn of its own, if the group is still there then. Replaces a deadline of that kind. */
  schedule(group: Group, kind: DeadlineKind, delayMs: number, act: (turn: Turn, group: Group) => void): void;
  cancel(group: Group, kind: DeadlineKind): void;
  scheduled(group: Group, kind: DeadlineKind): boolean;
}

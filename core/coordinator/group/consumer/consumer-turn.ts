// One command on the consumer groups of a shard while it runs: what it looks at, what it writes, which deadlines it sets.
// What is written is replayed at once, so that later steps of the command see it; hence all refusals come first.
import type { CoordinatorRecord } from '../../shard.ts';
import type { ConsumerGroup, ConsumerMember } from './consumer-group.ts';
import type { TopicDirectory } from './subscription.ts';

/** Kafka's group.consumer.* settings. */
export interface ConsumerGroupSettings {
  /** group.consumer.session.timeout.ms: a member not heard of for so long is put out. */
  readonly sessionTimeoutMs: number;
  /** group.consumer.heartbeat.interval.ms: told to members. */
  readonly heartbeatIntervalMs: number;
  /** group.consumer.max.size */
  readonly membersMax: number;
}

export const consumerGroupDefaults: ConsumerGroupSettings = {
  sessionTimeoutMs: 45_000,
  heartbeatIntervalMs: 5_000,
  membersMax: 0x7fff_ffff,
};

export type ConsumerDeadline = 'session' | 'revocation';

export interface ConsumerTurn {
  readonly nowMs: number;
  readonly settings: ConsumerGroupSettings;
  readonly directory: TopicDirectory;
  write(record: CoordinatorRecord): void;
  /** Puts the member out when the time comes, unless `spare` then says no. Replaces a deadline of that kind. */
  schedule(
    group: ConsumerGroup,
    memberId: string,
    kind: ConsumerDeadline,
    delayMs: number,
    spare?: (member: ConsumerMember) => boolean,
  ): void;
  cancel(group: ConsumerGroup, memberId: string, kind: ConsumerDeadline): void;
}

export type ConsumerGroupError =
  | 'INVALID_REQUEST'
  | 'UNSUPPORTED_ASSIGNOR'
  | 'INVALID_REGULAR_EXPRESSION'
  | 'GROUP_ID_NOT_FOUND'
  | 'GROUP_MAX_SIZE_REACHED'
  | 'UNKNOWN_MEMBER_ID'
  | 'FENCED_MEMBER_EPOCH'
  | 'FENCED_INSTANCE_ID'
  | 'UNRELEASED_INSTANCE_ID';

export interface Refusal {
  readonly error: ConsumerGroupError;
  readonly message: string;
}

export const refusal = (error: ConsumerGroupError, message: string): Refusal => ({ error, message });

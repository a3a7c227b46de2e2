// A ConsumerGroupHeartbeat as the coordinator takes it, and what is wrong with one whatever the group is like.
import type { TopicPartitions } from './assignment.ts';
import { assignors, isAssignor } from './assignors.ts';
import { leaveEpoch, leaveStaticEpoch } from './consumer-group.ts';
import { type Refusal, refusal } from './consumer-turn.ts';
import { topicPattern } from './topic-pattern.ts';

export interface ConsumerHeartbeatRequest {
  readonly groupId: string;
  /** Empty only where the node is to make one: version 0, epoch 0. */
  readonly memberId: string;
  /** 0 joins, -1 leaves, -2 leaves as a static member that will be back. */
  readonly memberEpoch: number;
  readonly instanceId: string | null;
  readonly rackId: string | null;
  readonly clientId: string;
  readonly clientHost: string;
  /** -1 and null stand for: as before. */
  readonly rebalanceTimeoutMs: number;
  readonly subscribedTopicNames: readonly string[] | null;
  /** Empty for none any more. */
  readonly subscribedTopicRegex: string | null;
  readonly serverAssignor: string | null;
  /** What the member has. */
  readonly topicPartitions: TopicPartitions | null;
  /** Version 1 and up: the member made its id (KIP-1082). */
  readonly requireMemberId: boolean;
}

/** As Kafka 4 checks it; null if nothing is wrong. */
export function requestProblem(request: ConsumerHeartbeatRequest): Refusal | null {
  const message = contradiction(request);
  if (message !== null) return refusal('INVALID_REQUEST', message);
  const { serverAssignor, subscribedTopicRegex } = request;
  if (serverAssignor !== null && !isAssignor(serverAssignor)) {
    const known = Object.keys(assignors).join(', ');
    return refusal(
      'UNSUPPORTED_ASSIGNOR',
      `ServerAssignor ${serverAssignor} is not supported. Supported assignors: ${known}.`,
    );
  }
  if (subscribedTopicRegex !== null && subscribedTopicRegex !== '' && topicPattern(subscribedTopicRegex) === null) {
    return refusal(
      'INVALID_REGULAR_EXPRESSION',
      `SubscribedTopicRegex \`${subscribedTopicRegex}\` is not a valid regular expression.`,
    );
  }
  return null;
}

function contradiction(request: ConsumerHeartbeatRequest): string | null {
  const { memberId, memberEpoch, instanceId, rackId } = request;
  if (request.groupId === '') return "GroupId can't be empty.";
  if (instanceId === '') return "InstanceId can't be empty.";
  if (rackId === '') return "RackId can't be empty.";
  if (memberId === '' && (request.requireMemberId || memberEpoch !== 0)) return "MemberId can't be empty.";
  if (memberEpoch < leaveStaticEpoch) return 'MemberEpoch is invalid.';
  if (memberEpoch === leaveStaticEpoch && instanceId === null) return "InstanceId can't be null.";
  return memberEpoch === 0 ? joinContradiction(request) : null;
}

function joinContradiction(request: ConsumerHeartbeatRequest): string | null {
  const { rebalanceTimeoutMs, topicPartitions, subscribedTopicNames, subscribedTopicRegex } = request;
  if (rebalanceTimeoutMs === -1) return 'RebalanceTimeoutMs must be provided in first request.';
  if (topicPartitions === null || topicPartitions.length > 0) {
    return 'TopicPartitions must be empty when (re-)joining.';
  }
  return subscribedTopicNames === null && subscribedTopicRegex === null
    ? 'Either SubscribedTopicNames or SubscribedTopicRegex must be non-null when (re-)joining.'
    : null;
}

export const leaves = ({ memberEpoch }: ConsumerHeartbeatRequest): boolean =>
  memberEpoch === leaveEpoch || memberEpoch === leaveStaticEpoch;

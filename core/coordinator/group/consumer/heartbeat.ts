// The one request by which a member joins, stays, changes what it reads, says what it has and hears what it is to have:
// its own part is written, then the group's epoch and targets if the change calls for it, then the member is taken one
// step towards its target. After Kafka's GroupMetadataManager.consumerGroupHeartbeat.
import { type Assignment, assignmentOf, equal, nothing, subsetOf } from './assignment.ts';
import {
  type ConsumerGroup,
  type ConsumerMember,
  leaveStaticEpoch,
  newConsumerMember,
  ownerOf,
  reconciled,
} from './consumer-group.ts';
import {
  currentRecord,
  groupEpochRecord,
  memberRecord,
  memberTombstones,
  targetEpochRecord,
  targetRecord,
} from './consumer-record.ts';
import { type ConsumerTurn, type Refusal, refusal } from './consumer-turn.ts';
import type { ConsumerHeartbeatRequest } from './heartbeat-request.ts';
import { reconcile } from './reconcile.ts';
import { metadataHash, subscriptionsIn, topicsOf } from './subscription.ts';
import { targetsFor } from './target.ts';

export interface ConsumerHeartbeatReply {
  readonly error: 'NONE';
  readonly memberId: string;
  readonly memberEpoch: number;
  readonly heartbeatIntervalMs: number;
  /** Null for: as before. */
  readonly assignment: Assignment | null;
}

/** Topics are looked at by a heartbeat at most so often, whatever the number of members: patterns look at all of them. */
const topicsEveryMs = 1_000;

/** @param group with the member in it, or the one that it is to join */
export function heartbeat(
  turn: ConsumerTurn,
  group: ConsumerGroup,
  request: ConsumerHeartbeatRequest,
): ConsumerHeartbeatReply | Refusal {
  const { memberId } = request;
  if (group.members.size >= turn.settings.membersMax && !group.members.has(memberId)) {
    return refusal('GROUP_MAX_SIZE_REACHED', `The consumer group has its ${turn.settings.membersMax} members.`);
  }
  const place = placeOf(group, request);
  if ('error' in place) return place;
  if (place.replaces !== null) replaceStatic(turn, group, place.replaces, memberId);

  const before = group.members.get(memberId);
  const member = updated(before ?? newConsumerMember(memberId), request);
  const isNew = before === undefined;
  if (isNew || !sameMember(before, member)) turn.write(memberRecord(group.groupId, member));
  const called = isNew || !sameSubscription(before, member);
  updateTargets(turn, group, called);

  const after = advance(turn, group, memberId, request);
  turn.schedule(group, memberId, 'session', turn.settings.sessionTimeoutMs);
  return {
    error: 'NONE',
    memberId,
    memberEpoch: after.memberEpoch,
    heartbeatIntervalMs: turn.settings.heartbeatIntervalMs,
    assignment: isFull(request) || !equal(before?.assigned ?? nothing, after.assigned) ? after.assigned : null,
  };
}

/** A member that says everything is to be told everything: it joins, or isn't sure that it was heard. */
const isFull = (request: ConsumerHeartbeatRequest): boolean =>
  request.memberEpoch === 0 ||
  (request.rebalanceTimeoutMs !== -1 &&
    (request.subscribedTopicNames !== null || request.subscribedTopicRegex !== null) &&
    request.topicPartitions !== null);

/** Whether the member may be where it says it is; `replaces` is a static member that left and whose place it takes. */
function placeOf(
  group: ConsumerGroup,
  request: ConsumerHeartbeatRequest,
): { readonly replaces: ConsumerMember | null } | Refusal {
  const { memberId, memberEpoch, instanceId } = request;
  if (instanceId !== null) {
    const holder = group.members.get(group.staticMembers.get(instanceId) ?? '');
    if (holder === undefined) {
      if (memberEpoch !== 0) return refusal('UNKNOWN_MEMBER_ID', `Instance id ${instanceId} is unknown.`);
    } else if (memberEpoch === 0 && holder.memberEpoch === leaveStaticEpoch) {
      return { replaces: holder };
    } else if (memberEpoch === 0 && holder.memberId !== memberId) {
      return refusal(
        'UNRELEASED_INSTANCE_ID',
        `Static member ${memberId} with instance id ${instanceId} cannot join: ${holder.memberId} owns the instance id.`,
      );
    } else if (holder.memberId !== memberId) {
      return refusal('FENCED_INSTANCE_ID', `Instance id ${instanceId} was taken over by ${holder.memberId}.`);
    }
  }
  const member = group.members.get(memberId);
  if (member === undefined) {
    return memberEpoch === 0
      ? { replaces: null }
      : refusal('UNKNOWN_MEMBER_ID', `Member ${memberId} is not a member of group ${group.groupId}.`);
  }
  return epochProblem(member, request) ?? { replaces: null };
}

/**
 * A rejoin is always taken. The epoch before is taken too, from one that has nothing which isn't its own: the answer with
 * the new one may have been lost.
 */
function epochProblem(
  member: ConsumerMember,
  { memberEpoch, topicPartitions }: ConsumerHeartbeatRequest,
): Refusal | null {
  if (memberEpoch === 0 || memberEpoch === member.memberEpoch) return null;
  const lostAnswer =
    memberEpoch === member.previousMemberEpoch &&
    topicPartitions !== null &&
    subsetOf(assignmentOf(topicPartitions), member.assigned);
  if (lostAnswer) return null;
  const than = memberEpoch > member.memberEpoch ? 'greater' : 'smaller';
  return refusal(
    'FENCED_MEMBER_EPOCH',
    `The consumer group member has a ${than} member epoch (${memberEpoch}) than the one known by the group coordinator ` +
      `(${member.memberEpoch}). The member must abandon all its partitions and rejoin.`,
  );
}

/** Everything that the one before had is the new one's, under its own id. */
function replaceStatic(turn: ConsumerTurn, group: ConsumerGroup, before: ConsumerMember, memberId: string): void {
  const { groupId } = group;
  const target = group.targets.get(before.memberId);
  const member: ConsumerMember = { ...before, memberId, memberEpoch: 0, previousMemberEpoch: 0 };
  turn.cancel(group, before.memberId, 'session');
  turn.cancel(group, before.memberId, 'revocation');
  for (const tombstone of memberTombstones(groupId, before.memberId)) turn.write(tombstone);
  turn.write(memberRecord(groupId, member));
  if (target !== undefined) turn.write(targetRecord(groupId, memberId, target));
  turn.write(currentRecord(groupId, member));
}

function updated(member: ConsumerMember, request: ConsumerHeartbeatRequest): ConsumerMember {
  const { subscribedTopicNames: names, subscribedTopicRegex: regex } = request;
  return {
    ...member,
    instanceId: request.instanceId ?? member.instanceId,
    rackId: request.rackId ?? member.rackId,
    clientId: request.clientId,
    clientHost: request.clientHost,
    rebalanceTimeoutMs: request.rebalanceTimeoutMs === -1 ? member.rebalanceTimeoutMs : request.rebalanceTimeoutMs,
    serverAssignor: request.serverAssignor ?? member.serverAssignor,
    subscribedTopicNames: names === null ? member.subscribedTopicNames : [...new Set(names)].sort(),
    subscribedTopicRegex: regex ?? member.subscribedTopicRegex,
  };
}

const sameMember = (a: ConsumerMember, b: ConsumerMember): boolean =>
  sameSubscription(a, b) &&
  a.instanceId === b.instanceId &&
  a.rackId === b.rackId &&
  a.clientId === b.clientId &&
  a.clientHost === b.clientHost &&
  a.rebalanceTimeoutMs === b.rebalanceTimeoutMs;

/** What the targets depend on. */
const sameSubscription = (a: ConsumerMember, b: ConsumerMember): boolean =>
  a.subscribedTopicRegex === b.subscribedTopicRegex &&
  a.serverAssignor === b.serverAssignor &&
  a.subscribedTopicNames.length === b.subscribedTopicNames.length &&
  a.subscribedTopicNames.every((name, i) => name === b.subscribedTopicNames[i]);

/** @param called something has changed that calls for new targets, besides the topics */
function updateTargets(turn: ConsumerTurn, group: ConsumerGroup, called: boolean): void {
  const { groupId } = group;
  const look =
    called || group.epoch > group.assignmentEpoch || Math.abs(turn.nowMs - group.topicsSeenAtMs) >= topicsEveryMs;
  if (!look) return;
  group.topicsSeenAtMs = turn.nowMs;
  const subscriptions = subscriptionsIn(turn.directory);
  const topics = topicsOf(group, subscriptions);
  const hash = metadataHash(topics);
  if (called || hash !== group.metadataHash) turn.write(groupEpochRecord(groupId, group.epoch + 1, hash));
  if (group.epoch <= group.assignmentEpoch) return;
  for (const [memberId, target] of targetsFor(group, topics, subscriptions)) {
    const before = group.targets.get(memberId);
    if (before === undefined || !equal(before, target)) turn.write(targetRecord(groupId, memberId, target));
  }
  turn.write(targetEpochRecord(groupId, group.epoch, turn.nowMs));
}

function advance(
  turn: ConsumerTurn,
  group: ConsumerGroup,
  memberId: string,
  { topicPartitions }: ConsumerHeartbeatRequest,
): ConsumerMember {
  const member = group.members.get(memberId)!;
  if (reconciled(group, member)) return member;
  const after = reconcile(member, {
    targetEpoch: group.assignmentEpoch,
    target: group.targets.get(memberId) ?? nothing,
    owned: topicPartitions === null ? null : assignmentOf(topicPartitions),
    taken: (topicId, partition) => (ownerOf(group, topicId, partition) ?? memberId) !== memberId,
  });
  if (after === member || sameCurrent(member, after)) return member;
  turn.write(currentRecord(group.groupId, after));
  if (after.state === 'unrevokedPartitions') limitRevocation(turn, group, after);
  else turn.cancel(group, memberId, 'revocation');
  return after;
}

/** A member that doesn't give up in its own time what it was told to is put out. */
export function limitRevocation(turn: ConsumerTurn, group: ConsumerGroup, member: ConsumerMember): void {
  const { memberEpoch, pendingRevocation } = member;
  turn.schedule(
    group,
    member.memberId,
    'revocation',
    member.rebalanceTimeoutMs,
    (later) => later.memberEpoch !== memberEpoch || !equal(later.pendingRevocation, pendingRevocation),
  );
}

const sameCurrent = (a: ConsumerMember, b: ConsumerMember): boolean =>
  a.memberEpoch === b.memberEpoch &&
  a.previousMemberEpoch === b.previousMemberEpoch &&
  a.state === b.state &&
  equal(a.assigned, b.assigned) &&
  equal(a.pendingRevocation, b.pendingRevocation);

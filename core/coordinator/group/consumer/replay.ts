// Brings the consumer groups of a shard to where a record says: the only place that changes them. Takes records in any
// order that compaction may leave, so it holds nothing for impossible.
import {
  type ConsumerGroupKey,
  consumerGroupCurrentMemberAssignmentValue,
  consumerGroupMemberMetadataValue,
  consumerGroupMetadataValue,
  consumerGroupTargetAssignmentMemberValue,
  consumerGroupTargetAssignmentMetadataValue,
} from '../../../protocol/messages/consumer-group-records.ts';
import { decodeInternalValue } from '../../../protocol/messages/internal-records.ts';
import { assignmentOf, each, nothing } from './assignment.ts';
import {
  type ConsumerGroup,
  type ConsumerMember,
  leaveEpoch,
  newConsumerGroup,
  newConsumerMember,
} from './consumer-group.ts';
import { stateByCode } from './consumer-record.ts';

/** @throws Fault `MALFORMED_BYTES` */
export function replayConsumerGroup(
  groups: Map<string, ConsumerGroup>,
  key: ConsumerGroupKey,
  value: Uint8Array | null,
): void {
  let group = groups.get(key.groupId);
  if (group === undefined) {
    if (value === null) return; // of a group whose other records are compacted away
    groups.set(key.groupId, (group = newConsumerGroup(key.groupId)));
  }
  switch (key.kind) {
    case 'metadata':
      if (value === null) groups.delete(key.groupId);
      else {
        const { epoch, metadataHash } = decodeInternalValue(consumerGroupMetadataValue, value);
        group.epoch = epoch;
        group.metadataHash = metadataHash;
      }
      return;
    case 'memberMetadata':
      if (value === null) removeMember(group, key.memberId);
      else replayMember(group, key.memberId, value);
      return;
    case 'targetAssignmentMetadata':
      group.assignmentEpoch =
        value === null ? -1 : decodeInternalValue(consumerGroupTargetAssignmentMetadataValue, value).assignmentEpoch;
      return;
    case 'targetAssignmentMember':
      if (value === null) group.targets.delete(key.memberId);
      else {
        const { topicPartitions } = decodeInternalValue(consumerGroupTargetAssignmentMemberValue, value);
        group.targets.set(key.memberId, assignmentOf(topicPartitions));
      }
      return;
    case 'currentMemberAssignment':
      replayCurrent(group, key.memberId, value);
      return;
    case 'regularExpression':
      return; // resolved anew from the topics that there are
  }
}

function replayMember(group: ConsumerGroup, memberId: string, value: Uint8Array): void {
  const decoded = decodeInternalValue(consumerGroupMemberMetadataValue, value);
  const before = group.members.get(memberId) ?? newConsumerMember(memberId);
  const { instanceId, rackId, clientId, clientHost, subscribedTopicNames, subscribedTopicRegex } = decoded;
  const { rebalanceTimeoutMs, serverAssignor } = decoded;
  group.members.set(memberId, {
    ...before,
    instanceId,
    rackId,
    clientId,
    clientHost,
    subscribedTopicNames,
    subscribedTopicRegex,
    rebalanceTimeoutMs,
    serverAssignor,
  });
  if (instanceId !== null) group.staticMembers.set(instanceId, memberId);
}

function removeMember(group: ConsumerGroup, memberId: string): void {
  const member = group.members.get(memberId);
  if (member === undefined) return;
  release(group, member);
  group.members.delete(memberId);
  const { instanceId } = member;
  if (instanceId !== null && group.staticMembers.get(instanceId) === memberId) group.staticMembers.delete(instanceId);
}

function replayCurrent(group: ConsumerGroup, memberId: string, value: Uint8Array | null): void {
  const before = group.members.get(memberId);
  if (before === undefined && value === null) return;
  const member = before ?? newConsumerMember(memberId);
  release(group, member);
  if (value === null) {
    group.members.set(memberId, {
      ...member,
      memberEpoch: leaveEpoch,
      previousMemberEpoch: leaveEpoch,
      state: 'stable',
      assigned: nothing,
      pendingRevocation: nothing,
    });
    return;
  }
  const decoded = decodeInternalValue(consumerGroupCurrentMemberAssignmentValue, value);
  const after: ConsumerMember = {
    ...member,
    memberEpoch: decoded.memberEpoch,
    previousMemberEpoch: decoded.previousMemberEpoch,
    state: stateByCode.get(decoded.state) ?? 'unknown',
    assigned: assignmentOf(decoded.assignedPartitions),
    pendingRevocation: assignmentOf(decoded.partitionsPendingRevocation),
  };
  group.members.set(memberId, after);
  own(group, after);
}

function own({ owners }: ConsumerGroup, { memberId, assigned, pendingRevocation }: ConsumerMember): void {
  for (const assignment of [assigned, pendingRevocation]) {
    for (const [topicId, partition] of each(assignment)) {
      let partitions = owners.get(topicId);
      if (partitions === undefined) owners.set(topicId, (partitions = new Map()));
      partitions.set(partition, memberId);
    }
  }
}

/** Only what is still its own: in a compacted log the next owner's record may come first. */
function release({ owners }: ConsumerGroup, { memberId, assigned, pendingRevocation }: ConsumerMember): void {
  for (const assignment of [assigned, pendingRevocation]) {
    for (const [topicId, partition] of each(assignment)) {
      const partitions = owners.get(topicId);
      if (partitions?.get(partition) !== memberId) continue;
      partitions.delete(partition);
      if (partitions.size === 0) owners.delete(topicId);
    }
  }
}

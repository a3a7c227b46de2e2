// The records of a consumer group, in Kafka's own format, from what the group code works with. replay.ts reads them.
import {
  type ConsumerGroupKey,
  consumerGroupCurrentMemberAssignmentValue,
  consumerGroupMemberMetadataValue,
  consumerGroupMetadataValue,
  consumerGroupTargetAssignmentMemberValue,
  consumerGroupTargetAssignmentMetadataValue,
  encodeConsumerGroupKey,
} from '../../../protocol/messages/consumer-group-records.ts';
import { encodeInternalValue } from '../../../protocol/messages/internal-records.ts';
import type { CoordinatorRecord } from '../../shard.ts';
import { type Assignment, listed } from './assignment.ts';
import type { ConsumerGroup, ConsumerMember, MemberState } from './consumer-group.ts';

const stateCodes = {
  stable: 0,
  unrevokedPartitions: 1,
  unreleasedPartitions: 2,
  unknown: 127,
} as const satisfies Record<MemberState, number>;

export const stateByCode: ReadonlyMap<number, MemberState> = new Map(
  (Object.keys(stateCodes) as MemberState[]).map((state) => [stateCodes[state], state]),
);

const version = 0;

export function groupEpochRecord(groupId: string, epoch: number, metadataHash: bigint): CoordinatorRecord {
  const value = consumerGroupMetadataValue.create({ epoch, metadataHash });
  return record({ kind: 'metadata', groupId }, encodeInternalValue(consumerGroupMetadataValue, value, version));
}

export function memberRecord(groupId: string, member: ConsumerMember): CoordinatorRecord {
  const value = consumerGroupMemberMetadataValue.create({
    instanceId: member.instanceId,
    rackId: member.rackId,
    clientId: member.clientId,
    clientHost: member.clientHost,
    subscribedTopicNames: [...member.subscribedTopicNames],
    subscribedTopicRegex: member.subscribedTopicRegex,
    rebalanceTimeoutMs: member.rebalanceTimeoutMs,
    serverAssignor: member.serverAssignor,
    classicMemberMetadata: null,
  });
  return record(
    { kind: 'memberMetadata', groupId, memberId: member.memberId },
    encodeInternalValue(consumerGroupMemberMetadataValue, value, version),
  );
}

export function targetEpochRecord(groupId: string, assignmentEpoch: number, nowMs: number): CoordinatorRecord {
  const value = consumerGroupTargetAssignmentMetadataValue.create({ assignmentEpoch, assignmentTimestamp: nowMs });
  return record(
    { kind: 'targetAssignmentMetadata', groupId },
    encodeInternalValue(consumerGroupTargetAssignmentMetadataValue, value, version),
  );
}

export function targetRecord(groupId: string, memberId: string, target: Assignment): CoordinatorRecord {
  const value = consumerGroupTargetAssignmentMemberValue.create({ topicPartitions: listed(target) });
  return record(
    { kind: 'targetAssignmentMember', groupId, memberId },
    encodeInternalValue(consumerGroupTargetAssignmentMemberValue, value, version),
  );
}

export function currentRecord(groupId: string, member: ConsumerMember): CoordinatorRecord {
  const partitions = (assignment: Assignment) =>
    listed(assignment).map((topic) => ({ ...topic, assignmentEpochs: null }));
  const value = consumerGroupCurrentMemberAssignmentValue.create({
    memberEpoch: member.memberEpoch,
    previousMemberEpoch: member.previousMemberEpoch,
    state: stateCodes[member.state],
    assignedPartitions: partitions(member.assigned),
    partitionsPendingRevocation: partitions(member.pendingRevocation),
  });
  return record(
    { kind: 'currentMemberAssignment', groupId, memberId: member.memberId },
    encodeInternalValue(consumerGroupCurrentMemberAssignmentValue, value, version),
  );
}

/** In the order in which Kafka writes them: what depends on the member goes first. */
export const memberTombstones = (groupId: string, memberId: string): CoordinatorRecord[] => [
  record({ kind: 'currentMemberAssignment', groupId, memberId }, null),
  record({ kind: 'targetAssignmentMember', groupId, memberId }, null),
  record({ kind: 'memberMetadata', groupId, memberId }, null),
];

/** All that there is of a group but its offsets. */
export const consumerGroupTombstones = ({ groupId, members }: ConsumerGroup): CoordinatorRecord[] => [
  ...[...members.keys()].flatMap((memberId) => memberTombstones(groupId, memberId)),
  record({ kind: 'targetAssignmentMetadata', groupId }, null),
  record({ kind: 'metadata', groupId }, null),
];

function record(key: ConsumerGroupKey, value: Uint8Array | null): CoordinatorRecord {
  return { key: encodeConsumerGroupKey(key), value };
}

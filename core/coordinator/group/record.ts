// The records of __consumer_offsets, in Kafka's own format, from and to what the group code works with. A group's
// metadata goes to the log when its assignment is known, when a static member is replaced, and when the last member left.
import {
  decodeConsumerOffsetsKey,
  decodeInternalValue,
  encodeGroupMetadataKey,
  encodeInternalValue,
  encodeOffsetCommitKey,
  groupMetadataValue,
  offsetCommitValue,
} from '../../protocol/messages/internal-records.ts';
import type { CoordinatorRecord } from '../shard.ts';
import { type Group, type Member, metadataFor } from './group.ts';
import type { CommittedOffset, OffsetPlace } from './offsets.ts';

/** Of a group as the log has it: the metadata of a member is that for the selected protocol only. */
export interface GroupImage {
  readonly protocolType: string | null;
  readonly protocolName: string | null;
  readonly generationId: number;
  readonly leaderId: string | null;
  readonly stateSinceMs: number;
  readonly members: readonly (Pick<
    Member,
    | 'memberId'
    | 'groupInstanceId'
    | 'clientId'
    | 'clientHost'
    | 'sessionTimeoutMs'
    | 'rebalanceTimeoutMs'
    | 'assignment'
  > & { readonly metadata: Uint8Array })[];
}

export type DecodedRecord =
  | { readonly kind: 'group'; readonly groupId: string; readonly image: GroupImage | null }
  | { readonly kind: 'offset'; readonly place: OffsetPlace; readonly committed: CommittedOffset | null }
  /** Of a kind that a newer version or Kafka wrote: left alone. */
  | { readonly kind: 'other' };

const groupVersion = 3;
const offsetVersion = 3;
/** The only one that says when an offset expires. */
const expiringOffsetVersion = 1;

export function groupRecord(group: Group): CoordinatorRecord {
  const value = groupMetadataValue.create({
    protocolType: group.protocolType ?? '',
    generation: group.generationId,
    protocol: group.protocolName,
    leader: group.leaderId,
    currentStateTimestamp: group.stateSinceMs,
    members: [...group.members.values()].map((member) => ({
      memberId: member.memberId,
      groupInstanceId: member.groupInstanceId,
      clientId: member.clientId,
      clientHost: member.clientHost,
      rebalanceTimeout: member.rebalanceTimeoutMs,
      sessionTimeout: member.sessionTimeoutMs,
      subscription: metadataFor(member, group.protocolName),
      assignment: member.assignment,
    })),
  });
  return {
    key: encodeGroupMetadataKey({ group: group.groupId }),
    value: encodeInternalValue(groupMetadataValue, value, groupVersion),
  };
}

export const groupTombstone = (groupId: string): CoordinatorRecord => ({
  key: encodeGroupMetadataKey({ group: groupId }),
  value: null,
});

export function offsetRecord(
  { groupId, topic, partition }: OffsetPlace,
  committed: CommittedOffset,
): CoordinatorRecord {
  const value = offsetCommitValue.create({
    offset: committed.offset,
    leaderEpoch: committed.leaderEpoch,
    metadata: committed.metadata,
    commitTimestamp: committed.committedAtMs,
    expireTimestamp: committed.expiresAtMs,
  });
  const version = committed.expiresAtMs >= 0 ? expiringOffsetVersion : offsetVersion;
  return {
    key: encodeOffsetCommitKey({ group: groupId, topic, partition }),
    value: encodeInternalValue(offsetCommitValue, value, version),
  };
}

export const offsetTombstone = ({ groupId, topic, partition }: OffsetPlace): CoordinatorRecord => ({
  key: encodeOffsetCommitKey({ group: groupId, topic, partition }),
  value: null,
});

/** @throws Fault `MALFORMED_BYTES` */
export function decodeRecord({ key, value }: CoordinatorRecord): DecodedRecord {
  const decoded = decodeConsumerOffsetsKey(key);
  if (decoded.kind === 'offsetCommit') {
    const { group: groupId, topic, partition } = decoded;
    return { kind: 'offset', place: { groupId, topic, partition }, committed: value === null ? null : offsetOf(value) };
  }
  if (decoded.kind === 'groupMetadata') {
    return { kind: 'group', groupId: decoded.group, image: value === null ? null : imageOf(value) };
  }
  return { kind: 'other' };
}

function offsetOf(value: Uint8Array): CommittedOffset {
  const { offset, leaderEpoch, metadata, commitTimestamp, expireTimestamp } = decodeInternalValue(
    offsetCommitValue,
    value,
  );
  return { offset, leaderEpoch, metadata, committedAtMs: commitTimestamp, expiresAtMs: expireTimestamp };
}

function imageOf(value: Uint8Array): GroupImage {
  const decoded = decodeInternalValue(groupMetadataValue, value);
  return {
    protocolType: decoded.protocolType === '' ? null : decoded.protocolType,
    protocolName: decoded.protocol,
    generationId: decoded.generation,
    leaderId: decoded.leader,
    stateSinceMs: decoded.currentStateTimestamp,
    members: decoded.members.map((member) => ({
      memberId: member.memberId,
      groupInstanceId: member.groupInstanceId,
      clientId: member.clientId,
      clientHost: member.clientHost,
      sessionTimeoutMs: member.sessionTimeout,
      rebalanceTimeoutMs: member.rebalanceTimeout >= 0 ? member.rebalanceTimeout : member.sessionTimeout,
      // Copied: a view would keep the whole batch in memory for as long as the group lives.
      metadata: member.subscription.slice(),
      assignment: member.assignment.slice(),
    })),
  };
}

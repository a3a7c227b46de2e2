// Who may commit and fetch offsets of a consumer group, by member epoch. Kafka 4.2's leniency with older epochs for
// partitions that the member has kept meanwhile (KIP-1251) is not here: a member with an old epoch is told so, and asks
// again with the new one from its next heartbeat.
import type { Committer } from '../offsets.ts';
import type { ConsumerGroup } from './consumer-group.ts';

export type ConsumerCommitError = 'NONE' | 'UNKNOWN_MEMBER_ID' | 'STALE_MEMBER_EPOCH' | 'ILLEGAL_GENERATION';

export function consumerCommitError(
  group: ConsumerGroup,
  { generationId: memberEpoch, memberId, groupInstanceId }: Committer,
  transactional: boolean,
): ConsumerCommitError {
  // From an administrator, or from one that assigns partitions itself.
  if (memberEpoch < 0 && group.members.size === 0) return 'NONE';
  // From a producer that doesn't say for whom (before KIP-447).
  if (transactional && memberEpoch === -1 && memberId === '' && groupInstanceId === null) return 'NONE';
  const member = group.members.get(memberId);
  if (member === undefined) return 'UNKNOWN_MEMBER_ID';
  if (memberEpoch === member.memberEpoch) return 'NONE';
  return transactional ? 'ILLEGAL_GENERATION' : 'STALE_MEMBER_EPOCH';
}

/** Who asks for offsets, where the version has it (9 and up). */
export interface OffsetReader {
  readonly memberId: string | null;
  readonly memberEpoch: number;
}

export function consumerFetchError(
  group: ConsumerGroup,
  { memberId, memberEpoch }: OffsetReader,
): 'NONE' | 'UNKNOWN_MEMBER_ID' | 'STALE_MEMBER_EPOCH' {
  if (memberId === null && memberEpoch < 0) return 'NONE';
  const member = group.members.get(memberId ?? '');
  if (member === undefined) return 'UNKNOWN_MEMBER_ID';
  return member.memberEpoch === memberEpoch ? 'NONE' : 'STALE_MEMBER_EPOCH';
}

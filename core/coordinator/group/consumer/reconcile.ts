// Takes a member one step from what it has to what it is to have: first it gives up what is no longer its own, then,
// at the target's epoch, it gets what others have given up. After Kafka's CurrentAssignmentBuilder.
import { type Assignment, countOf, has, nothing, select, union } from './assignment.ts';
import type { ConsumerMember } from './consumer-group.ts';

export interface Destination {
  readonly targetEpoch: number;
  readonly target: Assignment;
  /** What the member says that it has; null when it doesn't say. */
  readonly owned: Assignment | null;
  /** Whether another member has the partition. */
  readonly taken: (topicId: string, partition: number) => boolean;
}

/** @returns the member itself where it can't go further yet */
export function reconcile(member: ConsumerMember, destination: Destination): ConsumerMember {
  switch (member.state) {
    case 'stable':
      return member.memberEpoch === destination.targetEpoch ? member : step(member, destination);
    case 'unrevokedPartitions':
      return hasAny(destination.owned, member.pendingRevocation) ? member : step(member, destination);
    case 'unreleasedPartitions':
    case 'unknown':
      return step(member, destination);
  }
}

function step(member: ConsumerMember, { targetEpoch, target, owned, taken }: Destination): ConsumerMember {
  const { assigned: before, memberEpoch } = member;
  const kept = select(before, (topicId, partition) => has(target, topicId, partition));
  const toRevoke = select(before, (topicId, partition) => !has(target, topicId, partition));
  if (countOf(toRevoke) > 0 && hasAny(owned, toRevoke)) {
    return {
      ...member,
      previousMemberEpoch: memberEpoch,
      state: 'unrevokedPartitions',
      assigned: kept,
      pendingRevocation: toRevoke,
    };
  }
  const free = select(target, (topicId, partition) => !has(kept, topicId, partition) && !taken(topicId, partition));
  const assigned = union(kept, free);
  return {
    ...member,
    memberEpoch: targetEpoch,
    previousMemberEpoch: memberEpoch,
    state: countOf(assigned) < countOf(target) ? 'unreleasedPartitions' : 'stable',
    assigned,
    pendingRevocation: nothing,
  };
}

/** One that doesn't say what it has may still have it. */
const hasAny = (owned: Assignment | null, revoked: Assignment): boolean =>
  owned === null || countOf(select(owned, (topicId, partition) => has(revoked, topicId, partition))) > 0;

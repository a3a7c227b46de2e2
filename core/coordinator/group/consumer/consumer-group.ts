// A group of the consumer protocol (KIP-848) as it stands in memory: what its records say and nothing else, but for what
// is marked so. Only questions here; replay.ts is the one place that changes it. After Kafka's ConsumerGroup.
import { type Assignment, nothing } from './assignment.ts';
import { type AssignorName, defaultAssignor, isAssignor } from './assignors.ts';

/**
 * How far a member is on the way to its target: there; told to give partitions up and not known to have done so; at the
 * target's epoch and waiting for others to give partitions up. 'unknown' is of a newer version's making.
 */
export type MemberState = 'stable' | 'unrevokedPartitions' | 'unreleasedPartitions' | 'unknown';

export interface ConsumerMember {
  readonly memberId: string;
  readonly instanceId: string | null;
  readonly rackId: string | null;
  readonly clientId: string;
  readonly clientHost: string;
  /** Sorted. */
  readonly subscribedTopicNames: readonly string[];
  /** Empty or null for none. */
  readonly subscribedTopicRegex: string | null;
  /** How long it may take to give partitions up. */
  readonly rebalanceTimeoutMs: number;
  /** Null leaves it to the others. */
  readonly serverAssignor: string | null;

  /** -2 for a static member that left and will be back. */
  readonly memberEpoch: number;
  readonly previousMemberEpoch: number;
  readonly state: MemberState;
  readonly assigned: Assignment;
  /** Told to give them up: its own until it says that it has. */
  readonly pendingRevocation: Assignment;
}

export interface ConsumerGroup {
  readonly groupId: string;
  /** Goes up with every change that calls for a new target. */
  epoch: number;
  /** Of the topics that the group reads. */
  metadataHash: bigint;
  /** The group epoch that the targets were made for. */
  assignmentEpoch: number;
  readonly members: Map<string, ConsumerMember>;
  readonly targets: Map<string, Assignment>;
  /** Instance id → member id. */
  readonly staticMembers: Map<string, string>;
  /** Topic id → partition → member that has it, revoked ones included until they are given up. */
  readonly owners: Map<string, Map<number, string>>;
  /** Not in records: when the topics were last looked at. */
  topicsSeenAtMs: number;
}

export const leaveEpoch = -1;
export const leaveStaticEpoch = -2;

export const newConsumerGroup = (groupId: string): ConsumerGroup => ({
  groupId,
  epoch: 0,
  metadataHash: 0n,
  assignmentEpoch: 0,
  members: new Map(),
  targets: new Map(),
  staticMembers: new Map(),
  owners: new Map(),
  topicsSeenAtMs: Number.NEGATIVE_INFINITY,
});

export const newConsumerMember = (memberId: string): ConsumerMember => ({
  memberId,
  instanceId: null,
  rackId: null,
  clientId: '',
  clientHost: '',
  subscribedTopicNames: [],
  subscribedTopicRegex: null,
  rebalanceTimeoutMs: -1,
  serverAssignor: null,
  memberEpoch: 0,
  previousMemberEpoch: -1,
  state: 'stable',
  assigned: nothing,
  pendingRevocation: nothing,
});

export const ownerOf = (group: ConsumerGroup, topicId: string, partition: number): string | undefined =>
  group.owners.get(topicId)?.get(partition);

export const reconciled = (group: ConsumerGroup, member: ConsumerMember): boolean =>
  member.state === 'stable' && member.memberEpoch === group.assignmentEpoch;

/** As Kafka spells them. */
export type ConsumerGroupState = 'Empty' | 'Assigning' | 'Reconciling' | 'Stable';

export function stateOf(group: ConsumerGroup): ConsumerGroupState {
  if (group.members.size === 0) return 'Empty';
  if (group.epoch > group.assignmentEpoch) return 'Assigning';
  for (const member of group.members.values()) if (!reconciled(group, member)) return 'Reconciling';
  return 'Stable';
}

/** What most of those members want who want one. */
export function assignorOf(group: ConsumerGroup): AssignorName {
  const votes = new Map<AssignorName, number>();
  for (const { serverAssignor } of group.members.values()) {
    if (serverAssignor !== null && isAssignor(serverAssignor))
      votes.set(serverAssignor, (votes.get(serverAssignor) ?? 0) + 1);
  }
  let winner = defaultAssignor;
  for (const [name, count] of votes) if (count > (votes.get(winner) ?? 0)) winner = name;
  return winner;
}

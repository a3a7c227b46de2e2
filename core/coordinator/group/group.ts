// A group of the classic protocol as it stands in memory: who is in it, what they can speak, which generation holds.
// Only questions and the smallest changes; what happens when is in membership.ts, rebalance.ts and heartbeat.ts.
// After Kafka's ClassicGroup; a dead group is one that isn't in the shard's map any more.
import { assert } from '../../kernel/assert.ts';

export type GroupState = 'empty' | 'preparingRebalance' | 'completingRebalance' | 'stable';

const nextStates = {
  empty: ['preparingRebalance'],
  preparingRebalance: ['completingRebalance', 'empty'],
  completingRebalance: ['stable', 'preparingRebalance'],
  stable: ['preparingRebalance'],
} as const satisfies Record<GroupState, readonly GroupState[]>;

export interface GroupProtocol {
  readonly name: string;
  readonly metadata: Uint8Array;
}

/** Someone's request that is answered later. */
export interface Waiter<Reply> {
  resolve(reply: Reply): void;
  /** Nothing of what the answer rests on was written: the client is to look for its coordinator again. */
  fail(): void;
}

export interface JoinReply {
  readonly error: JoinError;
  readonly generationId: number;
  readonly protocolType: string | null;
  readonly protocolName: string | null;
  readonly leader: string;
  readonly skipAssignment: boolean;
  readonly memberId: string;
  /** For the leader only. */
  readonly members: readonly { memberId: string; groupInstanceId: string | null; metadata: Uint8Array }[];
}

export interface SyncReply {
  readonly error: SyncError;
  readonly protocolType: string | null;
  readonly protocolName: string | null;
  readonly assignment: Uint8Array;
}

export type MemberError = 'UNKNOWN_MEMBER_ID' | 'FENCED_INSTANCE_ID';
export type JoinError =
  | 'NONE'
  | MemberError
  | 'MEMBER_ID_REQUIRED'
  | 'INCONSISTENT_GROUP_PROTOCOL'
  | 'INVALID_SESSION_TIMEOUT'
  | 'GROUP_MAX_SIZE_REACHED'
  | 'NOT_COORDINATOR';
export type SyncError =
  | 'NONE'
  | MemberError
  | 'ILLEGAL_GENERATION'
  | 'INCONSISTENT_GROUP_PROTOCOL'
  | 'REBALANCE_IN_PROGRESS'
  | 'NOT_COORDINATOR';

export interface Member {
  readonly memberId: string;
  readonly groupInstanceId: string | null;
  readonly clientId: string;
  readonly clientHost: string;
  sessionTimeoutMs: number;
  rebalanceTimeoutMs: number;
  protocols: readonly GroupProtocol[];
  assignment: Uint8Array;
  /** Joined and waits for the generation. Two when it has asked again: both are answered. */
  joining: Waiter<JoinReply>[];
  syncing: Waiter<SyncReply>[];
  /** Hasn't heard its member id yet, so it can't send heartbeats, and its session ends although it waits. */
  isNew: boolean;
}

export interface Group {
  readonly groupId: string;
  state: GroupState;
  /** When the state was entered: the retention of an empty group's offsets counts from there. -1 is unknown. */
  stateSinceMs: number;
  generationId: number;
  /** Null for a group that only keeps offsets of consumers that assign partitions themselves. */
  protocolType: string | null;
  protocolName: string | null;
  leaderId: string | null;
  readonly members: Map<string, Member>;
  readonly staticMembers: Map<string, string>;
  /** Were given a member id and are to join with it (KIP-394). */
  readonly pendingJoins: Set<string>;
  /** Were told of the generation and haven't asked for their assignment. */
  readonly pendingSyncs: Set<string>;
  /** In the first rebalance: someone came since the last look, so wait for more (KIP-134). */
  memberAdded: boolean;
  /** From empty to the first generation, where the wait is for a time and not for all to have joined. */
  initialRebalance: boolean;
}

export const noBytes = new Uint8Array(0);

export const newGroup = (groupId: string, nowMs: number): Group => ({
  groupId,
  state: 'empty',
  stateSinceMs: nowMs,
  generationId: 0,
  protocolType: null,
  protocolName: null,
  leaderId: null,
  members: new Map(),
  staticMembers: new Map(),
  pendingJoins: new Set(),
  pendingSyncs: new Set(),
  memberAdded: false,
  initialRebalance: false,
});

export function moveTo(group: Group, state: GroupState, nowMs: number): void {
  assert(
    (nextStates[group.state] as readonly GroupState[]).includes(state),
    `group ${group.groupId} may not go from ${group.state} to ${state}`,
  );
  group.state = state;
  group.stateSinceMs = nowMs;
}

export function addMember(group: Group, member: Member, protocolType: string): void {
  if (group.members.size === 0) group.protocolType = protocolType;
  group.leaderId ??= member.memberId;
  group.members.set(member.memberId, member);
  if (member.groupInstanceId !== null) group.staticMembers.set(member.groupInstanceId, member.memberId);
  group.pendingJoins.delete(member.memberId);
}

/** Takes it out of all there is of it. What it waits for is the caller's to answer first. */
export function removeMember(group: Group, memberId: string): void {
  const member = group.members.get(memberId);
  group.members.delete(memberId);
  group.pendingJoins.delete(memberId);
  group.pendingSyncs.delete(memberId);
  if (member?.groupInstanceId != null && group.staticMembers.get(member.groupInstanceId) === memberId) {
    group.staticMembers.delete(member.groupInstanceId);
  }
  if (group.leaderId === memberId) group.leaderId = group.members.keys().next().value ?? null;
}

/** Whether that member may act for the group; a static one only under the id it has now. */
export function memberError(group: Group, memberId: string, groupInstanceId: string | null): MemberError | null {
  if (groupInstanceId !== null) {
    const current = group.staticMembers.get(groupInstanceId);
    if (current === undefined) return 'UNKNOWN_MEMBER_ID';
    if (current !== memberId) return 'FENCED_INSTANCE_ID';
  }
  return group.members.has(memberId) ? null : 'UNKNOWN_MEMBER_ID';
}

export const allJoined = (group: Group): boolean =>
  group.pendingJoins.size === 0 && [...group.members.values()].every((member) => member.joining.length > 0);

export const joiningCount = (group: Group): number =>
  [...group.members.values()].filter((member) => member.joining.length > 0).length;

/** The longest that any member wants to be waited for. */
export const rebalanceTimeoutMs = (group: Group): number =>
  Math.max(0, ...[...group.members.values()].map((member) => member.rebalanceTimeoutMs));

/** Whether one with these protocols could work with all who are there. */
export function supportsProtocols(group: Group, protocolType: string, protocols: readonly GroupProtocol[]): boolean {
  if (group.members.size === 0) return protocolType !== '' && protocols.length > 0;
  if (group.protocolType !== protocolType) return false;
  const common = commonProtocols(group);
  return protocols.some(({ name }) => common.has(name));
}

function commonProtocols(group: Group): Set<string> {
  const counts = new Map<string, number>();
  for (const { protocols } of group.members.values()) {
    for (const name of new Set(protocols.map((protocol) => protocol.name)))
      counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return new Set([...counts].filter(([, count]) => count === group.members.size).map(([name]) => name));
}

/** Each member votes for the first of its protocols that all can speak. */
export function selectProtocol(group: Group): string {
  const common = commonProtocols(group);
  const votes = new Map<string, number>();
  for (const { protocols } of group.members.values()) {
    const choice = protocols.find(({ name }) => common.has(name));
    if (choice !== undefined) votes.set(choice.name, (votes.get(choice.name) ?? 0) + 1);
  }
  const [winner] = [...votes].sort(([, a], [, b]) => b - a);
  assert(winner !== undefined, `members of group ${group.groupId} have no protocol in common`);
  return winner[0];
}

export const metadataFor = (member: Member, protocolName: string | null): Uint8Array =>
  member.protocols.find(({ name }) => name === protocolName)?.metadata ?? noBytes;

export function sameProtocols(member: Member, protocols: readonly GroupProtocol[]): boolean {
  return (
    member.protocols.length === protocols.length &&
    member.protocols.every(({ name, metadata }, i) => {
      const other = protocols[i]!;
      return name === other.name && Buffer.compare(metadata, other.metadata) === 0;
    })
  );
}

/** What the leader makes its assignment from. */
export const membersForLeader = (group: Group): JoinReply['members'] =>
  [...group.members.values()].map((member) => ({
    memberId: member.memberId,
    groupInstanceId: member.groupInstanceId,
    metadata: metadataFor(member, group.protocolName),
  }));

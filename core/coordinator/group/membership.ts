// Who comes and goes: JoinGroup, SyncGroup and LeaveGroup, answered as Kafka's GroupMetadataManager answers them.
// A refusal is a reply. Nothing here waits: replies go to waiters, and rebalance.ts says when.
import { randomUuid } from '../../kernel/random.ts';
import {
  addMember,
  type Group,
  type GroupProtocol,
  type JoinReply,
  joiningCount,
  type Member,
  type MemberError,
  memberError,
  membersForLeader,
  noBytes,
  type SyncError,
  type SyncReply,
  sameProtocols,
  selectProtocol,
  supportsProtocols,
  type Waiter,
} from './group.ts';
import {
  answerJoins,
  answerSyncs,
  assign,
  dropMember,
  expectJoin,
  extendSession,
  joinReply,
  newMemberTimeoutMs,
  rebalance,
  refusedJoin,
} from './rebalance.ts';
import { groupRecord } from './record.ts';
import type { Turn } from './turn.ts';

export interface JoinRequest {
  readonly groupId: string;
  /** Empty for one that has none yet. */
  readonly memberId: string;
  readonly groupInstanceId: string | null;
  readonly clientId: string;
  readonly clientHost: string;
  readonly sessionTimeoutMs: number;
  readonly rebalanceTimeoutMs: number;
  readonly protocolType: string;
  readonly protocols: readonly GroupProtocol[];
  /** Version 4 and up: a newcomer is told an id first, so that a lost answer leaves no ghost (KIP-394). */
  readonly requireKnownMemberId: boolean;
  /** Version 9 and up (KIP-814). */
  readonly supportsSkippingAssignment: boolean;
}

export function join(turn: Turn, group: Group, request: JoinRequest, waiter: Waiter<JoinReply>): void {
  const { memberId, groupInstanceId, protocolType, protocols } = request;
  const refuse = (error: JoinReply['error'], id = memberId) => turn.answer(waiter, refusedJoin(error, id));
  if (!hasRoom(turn, group, memberId)) {
    if (memberId !== '') dropMember(turn, group, memberId);
    refuse('GROUP_MAX_SIZE_REACHED', '');
    return;
  }
  if (!supportsProtocols(group, protocolType, protocols)) {
    refuse('INCONSISTENT_GROUP_PROTOCOL');
    return;
  }
  if (memberId === '') {
    joinNew(turn, group, request, waiter);
    return;
  }
  if (group.pendingJoins.has(memberId)) {
    admit(turn, group, request, memberId, waiter);
    return;
  }
  const error = memberError(group, memberId, groupInstanceId);
  if (error !== null) {
    refuse(error);
    return;
  }
  rejoin(turn, group, group.members.get(memberId)!, request, waiter);
}

/** In a rebalance those who have joined are counted, so that members over a lowered limit are let go as they rejoin. */
function hasRoom(turn: Turn, group: Group, memberId: string): boolean {
  const { membersMax } = turn.settings;
  const member = group.members.get(memberId);
  if (group.state === 'empty') return true;
  if (group.state === 'preparingRebalance') {
    return (member !== undefined && member.joining.length > 0) || joiningCount(group) < membersMax;
  }
  return member !== undefined || group.members.size < membersMax;
}

function joinNew(turn: Turn, group: Group, request: JoinRequest, waiter: Waiter<JoinReply>): void {
  const { groupInstanceId, clientId, requireKnownMemberId, sessionTimeoutMs } = request;
  const memberId = `${groupInstanceId ?? clientId}-${randomUuid(turn.random)}`;
  if (groupInstanceId !== null) {
    const before = group.staticMembers.get(groupInstanceId);
    if (before !== undefined) {
      replaceStatic(turn, group, group.members.get(before)!, memberId, request, waiter);
      return;
    }
  } else if (requireKnownMemberId) {
    expectJoin(turn, group, memberId, sessionTimeoutMs);
    turn.answer(waiter, refusedJoin('MEMBER_ID_REQUIRED', memberId));
    return;
  }
  admit(turn, group, request, memberId, waiter);
}

function admit(turn: Turn, group: Group, request: JoinRequest, memberId: string, waiter: Waiter<JoinReply>): void {
  const member = memberOf(request, memberId, waiter);
  addMember(group, member, request.protocolType);
  if (group.initialRebalance) group.memberAdded = true;
  extendSession(turn, group, member, newMemberTimeoutMs);
  rebalance(turn, group);
}

const memberOf = (request: JoinRequest, memberId: string, waiter: Waiter<JoinReply>): Member => ({
  memberId,
  groupInstanceId: request.groupInstanceId,
  clientId: request.clientId,
  clientHost: request.clientHost,
  sessionTimeoutMs: request.sessionTimeoutMs,
  rebalanceTimeoutMs: request.rebalanceTimeoutMs,
  protocols: request.protocols,
  assignment: noBytes,
  joining: [waiter],
  syncing: [],
  isNew: true,
});

function rejoin(turn: Turn, group: Group, member: Member, request: JoinRequest, waiter: Waiter<JoinReply>): void {
  const unchanged = sameProtocols(member, request.protocols);
  // The answer of its join may have been lost: it is given again, and nobody is disturbed. A leader that rejoins a
  // stable group wants a new assignment.
  const again =
    (group.state === 'completingRebalance' && unchanged) ||
    (group.state === 'stable' && unchanged && group.leaderId !== member.memberId);
  if (again) {
    turn.answer(waiter, joinReply(group, member));
    return;
  }
  update(member, request);
  member.joining.push(waiter);
  rebalance(turn, group);
}

function update(member: Member, { protocols, rebalanceTimeoutMs, sessionTimeoutMs }: JoinRequest): void {
  member.protocols = protocols;
  member.rebalanceTimeoutMs = rebalanceTimeoutMs;
  member.sessionTimeoutMs = sessionTimeoutMs;
}

/** A static member that restarted takes its own place under a new id, and the old one is fenced off (KIP-345). */
function replaceStatic(
  turn: Turn,
  group: Group,
  before: Member,
  memberId: string,
  request: JoinRequest,
  waiter: Waiter<JoinReply>,
): void {
  const leaderBefore = group.leaderId;
  answerJoins(turn, before, refusedJoin('FENCED_INSTANCE_ID', before.memberId));
  answerSyncs(turn, group, before, 'FENCED_INSTANCE_ID');
  turn.cancel(group, `session ${before.memberId}`);
  const member: Member = { ...before, memberId, clientId: request.clientId, clientHost: request.clientHost };
  exchange(group, before, member);
  update(member, request);
  extendSession(turn, group, member);
  if (group.state === 'stable' && selectProtocol(group) === group.protocolName) {
    turn.write(groupRecord(group));
    const leads = group.leaderId === memberId;
    const reply = joinReply(group, member);
    // An old client is told of the leader before it, so that it doesn't think it has to assign.
    turn.answer(
      waiter,
      request.supportsSkippingAssignment
        ? { ...reply, skipAssignment: leads, members: leads ? membersForLeader(group) : [] }
        : { ...reply, leader: leaderBefore ?? reply.leader, members: [] },
    );
    return;
  }
  member.joining.push(waiter);
  rebalance(turn, group);
}

function exchange(group: Group, before: Member, after: Member): void {
  const members = [...group.members.values()].map((member) => (member === before ? after : member));
  group.members.clear();
  for (const member of members) group.members.set(member.memberId, member);
  if (after.groupInstanceId !== null) group.staticMembers.set(after.groupInstanceId, after.memberId);
  if (group.leaderId === before.memberId) group.leaderId = after.memberId;
  if (group.pendingSyncs.delete(before.memberId)) group.pendingSyncs.add(after.memberId);
}

export interface SyncRequest {
  readonly groupId: string;
  readonly generationId: number;
  readonly memberId: string;
  readonly groupInstanceId: string | null;
  /** Null where the version has none. */
  readonly protocolType: string | null;
  readonly protocolName: string | null;
  /** From the leader; empty from others. */
  readonly assignments: readonly { memberId: string; assignment: Uint8Array }[];
}

export const refusedSync = (error: SyncError): SyncReply => ({
  error,
  protocolType: null,
  protocolName: null,
  assignment: noBytes,
});

export function sync(turn: Turn, group: Group, request: SyncRequest, waiter: Waiter<SyncReply>): void {
  const error = syncError(group, request);
  if (error !== null) {
    turn.answer(waiter, refusedSync(error));
    return;
  }
  const member = group.members.get(request.memberId)!;
  group.pendingSyncs.delete(member.memberId);
  if (group.pendingSyncs.size === 0) turn.cancel(group, 'sync');
  member.syncing.push(waiter);
  if (group.state === 'stable') {
    answerSyncs(turn, group, member, 'NONE');
    extendSession(turn, group, member);
  } else if (group.leaderId === member.memberId) {
    assign(turn, group, new Map(request.assignments.map(({ memberId, assignment }) => [memberId, assignment])));
  }
}

function syncError(group: Group, request: SyncRequest): SyncError | null {
  const { memberId, groupInstanceId, generationId, protocolType, protocolName } = request;
  const error = memberError(group, memberId, groupInstanceId);
  if (error !== null) return error;
  if (generationId !== group.generationId) return 'ILLEGAL_GENERATION';
  if (protocolType !== null && protocolType !== group.protocolType) return 'INCONSISTENT_GROUP_PROTOCOL';
  if (protocolName !== null && protocolName !== group.protocolName) return 'INCONSISTENT_GROUP_PROTOCOL';
  return group.state === 'preparingRebalance' ? 'REBALANCE_IN_PROGRESS' : null;
}

export interface LeavingMember {
  /** Empty when an administrator removes a static member by its instance id. */
  readonly memberId: string;
  readonly groupInstanceId: string | null;
}

/** One outcome a member, in order. */
export function leave(turn: Turn, group: Group, leaving: readonly LeavingMember[]): ('NONE' | MemberError)[] {
  let hasMemberGone = false;
  const outcomes = leaving.map(({ memberId, groupInstanceId }): 'NONE' | MemberError => {
    const id = memberId === '' ? (group.staticMembers.get(groupInstanceId ?? '') ?? '') : memberId;
    if (!group.pendingJoins.has(id)) {
      const error = memberError(group, id, groupInstanceId);
      if (error !== null) return error;
    }
    hasMemberGone ||= group.members.has(id);
    dropMember(turn, group, id);
    return 'NONE';
  });
  // Nobody but a rebalance under way waits for one that was only told its id.
  if (hasMemberGone ? group.state !== 'empty' : group.state === 'preparingRebalance') rebalance(turn, group);
  return outcomes;
}

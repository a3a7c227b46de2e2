// From one generation to the next: wait until all members have joined (or the rebalance timeout), give out the
// generation, wait for the leader's assignment, hand it out. After Kafka's GroupMetadataManager; KIP-62, 134, 345, 394.
import { assert } from '../../kernel/assert.ts';
import {
  allJoined,
  type Group,
  type JoinReply,
  type Member,
  membersForLeader,
  moveTo,
  noBytes,
  rebalanceTimeoutMs,
  removeMember,
  type SyncError,
  selectProtocol,
} from './group.ts';
import { groupRecord } from './record.ts';
import type { Turn } from './turn.ts';

/** Begins a rebalance, or looks whether the one under way has all it waits for. */
export function rebalance(turn: Turn, group: Group): void {
  if (group.state === 'preparingRebalance') tryCompleteJoin(turn, group);
  else beginRebalance(turn, group);
}

function beginRebalance(turn: Turn, group: Group): void {
  if (group.state === 'completingRebalance') {
    for (const member of group.members.values()) {
      member.assignment = noBytes;
      if (member.syncing.length === 0) continue;
      answerSyncs(turn, group, member, 'REBALANCE_IN_PROGRESS');
      extendSession(turn, group, member);
    }
  }
  turn.cancel(group, 'sync');
  group.pendingSyncs.clear();
  group.initialRebalance = group.state === 'empty';
  moveTo(group, 'preparingRebalance', turn.nowMs);
  if (group.initialRebalance) {
    const delayMs = turn.settings.initialRebalanceDelayMs;
    waitForFirstMembers(turn, group, delayMs, Math.max(rebalanceTimeoutMs(group) - delayMs, 0));
  } else tryCompleteJoin(turn, group);
}

/** A new group gives more members time to come, each newcomer a little more, up to the rebalance timeout (KIP-134). */
function waitForFirstMembers(turn: Turn, group: Group, delayMs: number, leftMs: number): void {
  group.memberAdded = false;
  if (delayMs === 0) {
    completeJoin(turn, group);
    return;
  }
  turn.schedule(group, 'join', delayMs, (later, current) => {
    if (current.memberAdded && leftMs > 0) {
      const nextMs = Math.min(later.settings.initialRebalanceDelayMs, leftMs);
      waitForFirstMembers(later, current, nextMs, Math.max(leftMs - delayMs, 0));
    } else completeJoin(later, current);
  });
}

/** To be called whenever someone joined or went while the group prepares. */
export function tryCompleteJoin(turn: Turn, group: Group): void {
  if (group.initialRebalance && group.members.size > 0) return; // it waits for a time, see above
  if (allJoined(group)) completeJoin(turn, group);
  else if (!turn.scheduled(group, 'join')) turn.schedule(group, 'join', rebalanceTimeoutMs(group), completeJoin);
}

function completeJoin(turn: Turn, group: Group): void {
  turn.cancel(group, 'join');
  group.initialRebalance = false;
  // A static member that hasn't rejoined keeps its place until its session ends (KIP-345).
  for (const member of [...group.members.values()]) {
    if (member.joining.length === 0 && member.groupInstanceId === null) dropMember(turn, group, member.memberId);
  }
  if (group.members.size > 0 && !leaderHasJoined(group)) {
    turn.schedule(group, 'join', rebalanceTimeoutMs(group), completeJoin);
    return;
  }
  beginGeneration(turn, group);
}

/** Lets another take the lead when the leader is a static member that hasn't rejoined. */
function leaderHasJoined(group: Group): boolean {
  if (group.members.get(group.leaderId ?? '')?.joining.length) return true;
  const joined = [...group.members.values()].find((member) => member.joining.length > 0);
  if (joined === undefined) return false;
  group.leaderId = joined.memberId;
  return true;
}

function beginGeneration(turn: Turn, group: Group): void {
  group.generationId = group.generationId === 0x7fff_ffff ? 1 : group.generationId + 1;
  group.pendingSyncs.clear();
  if (group.members.size === 0) {
    group.protocolName = null;
    moveTo(group, 'empty', turn.nowMs);
    turn.write(groupRecord(group));
    return;
  }
  group.protocolName = selectProtocol(group);
  moveTo(group, 'completingRebalance', turn.nowMs);
  for (const member of group.members.values()) {
    member.isNew = false;
    group.pendingSyncs.add(member.memberId);
    answerJoins(turn, member, joinReply(group, member));
    extendSession(turn, group, member);
  }
  const { generationId } = group;
  turn.schedule(group, 'sync', rebalanceTimeoutMs(group), (later, current) => {
    if (current.generationId === generationId) endSyncs(later, current);
  });
}

/** Those who never asked for their assignment are taken for gone (KAFKA-13420). */
function endSyncs(turn: Turn, group: Group): void {
  if (group.pendingSyncs.size > 0) removeAndRebalance(turn, group, [...group.pendingSyncs]);
}

/** The generation that holds, as `member` is to hear of it. */
export function joinReply(group: Group, member: Member): JoinReply {
  assert(group.leaderId !== null, `group ${group.groupId} has no leader`);
  return {
    error: 'NONE',
    generationId: group.generationId,
    protocolType: group.protocolType,
    protocolName: group.protocolName,
    leader: group.leaderId,
    skipAssignment: false,
    memberId: member.memberId,
    members: group.leaderId === member.memberId ? membersForLeader(group) : [],
  };
}

export const refusedJoin = (error: JoinReply['error'], memberId: string): JoinReply => ({
  error,
  generationId: -1,
  protocolType: null,
  protocolName: null,
  leader: '',
  skipAssignment: false,
  memberId,
  members: [],
});

export function answerJoins(turn: Turn, member: Member, reply: JoinReply): void {
  for (const waiter of member.joining) turn.answer(waiter, reply);
  member.joining = [];
}

export function answerSyncs(turn: Turn, group: Group, member: Member, error: SyncError): void {
  const { assignment } = member;
  const { protocolType, protocolName } = group;
  const reply =
    error === 'NONE'
      ? { error, protocolType, protocolName, assignment }
      : { error, protocolType: null, protocolName: null, assignment: noBytes };
  for (const waiter of member.syncing) turn.answer(waiter, reply);
  member.syncing = [];
}

/** The leader has spoken: everyone who waits gets its part, once it is committed. */
export function assign(turn: Turn, group: Group, assignments: ReadonlyMap<string, Uint8Array>): void {
  moveTo(group, 'stable', turn.nowMs);
  for (const member of group.members.values()) member.assignment = assignments.get(member.memberId) ?? noBytes;
  turn.write(groupRecord(group));
  for (const member of group.members.values()) {
    if (member.syncing.length === 0) continue;
    answerSyncs(turn, group, member, 'NONE');
    extendSession(turn, group, member);
  }
}

/** Takes a member out; what it waited for is answered so that it may come back. */
export function dropMember(turn: Turn, group: Group, memberId: string): void {
  const member = group.members.get(memberId);
  if (member !== undefined) {
    answerJoins(turn, member, refusedJoin('UNKNOWN_MEMBER_ID', ''));
    answerSyncs(turn, group, member, 'UNKNOWN_MEMBER_ID');
  }
  turn.cancel(group, `session ${memberId}`);
  removeMember(group, memberId);
}

export function removeAndRebalance(turn: Turn, group: Group, memberIds: readonly string[]): void {
  for (const memberId of memberIds) dropMember(turn, group, memberId);
  if (group.state !== 'empty') rebalance(turn, group);
}

// Sessions: a member that isn't heard of for its session timeout is removed. Waiting for a generation or an assignment
// counts as being heard of, but for a new member, which can't know its id yet: it has the new-member timeout instead.

/** Kafka's NEW_MEMBER_JOIN_TIMEOUT_MS: a request parked for longer has lost its client. */
export const newMemberTimeoutMs = 5 * 60_000;

export function extendSession(turn: Turn, group: Group, member: Member, timeoutMs = member.sessionTimeoutMs): void {
  const { memberId } = member;
  turn.schedule(group, `session ${memberId}`, timeoutMs, (later, current) => endSession(later, current, memberId));
}

/** For one that was given an id and is to come back with it. */
export function expectJoin(turn: Turn, group: Group, memberId: string, timeoutMs: number): void {
  group.pendingJoins.add(memberId);
  turn.schedule(group, `session ${memberId}`, timeoutMs, (later, current) => endSession(later, current, memberId));
}

function endSession(turn: Turn, group: Group, memberId: string): void {
  if (group.pendingJoins.delete(memberId)) {
    if (group.state === 'preparingRebalance') tryCompleteJoin(turn, group);
    return;
  }
  const member = group.members.get(memberId);
  if (member === undefined) return;
  // Completing the join or the sync begins a new session.
  if (!member.isNew && (member.joining.length > 0 || member.syncing.length > 0)) return;
  removeAndRebalance(turn, group, [memberId]);
}

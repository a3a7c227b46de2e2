// What a heartbeat is answered. It also is how a member learns that it is to rejoin.
import { type Group, type MemberError, memberError } from './group.ts';
import { extendSession } from './rebalance.ts';
import type { Turn } from './turn.ts';

export interface HeartbeatRequest {
  readonly groupId: string;
  readonly generationId: number;
  readonly memberId: string;
  readonly groupInstanceId: string | null;
}

export type HeartbeatError = 'NONE' | MemberError | 'ILLEGAL_GENERATION' | 'REBALANCE_IN_PROGRESS';

export function heartbeat(turn: Turn, group: Group, request: HeartbeatRequest): HeartbeatError {
  const error = memberError(group, request.memberId, request.groupInstanceId);
  if (error !== null) return error;
  if (request.generationId !== group.generationId) return 'ILLEGAL_GENERATION';
  extendSession(turn, group, group.members.get(request.memberId)!);
  return group.state === 'preparingRebalance' ? 'REBALANCE_IN_PROGRESS' : 'NONE';
}

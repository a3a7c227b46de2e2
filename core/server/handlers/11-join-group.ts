// JoinGroup: 0-9. Waits until the generation begins. From version 4 a newcomer is told its id first (KIP-394), from 9 a
// leader may be told to skip the assignment (KIP-814).
import { refusedJoin } from '../../coordinator/group/rebalance.ts';
import { apis } from '../../protocol/api-table.ts';
import { codeOf, coordinatorErrorOf } from '../error-names.ts';
import type { Handler } from '../handler.ts';

export const joinGroup: Handler<'joinGroup'> = async (request, { version, parts, caller }) => {
  const { groupId, memberId, groupInstanceId, sessionTimeoutMs, protocolType, protocols } = request;
  const answer = (reply: Omit<ReturnType<typeof refusedJoin>, 'error'>, error: Parameters<typeof codeOf>[0]) =>
    apis.joinGroup.response.create({
      errorCode: codeOf(error),
      generationId: reply.generationId,
      protocolType: reply.protocolType,
      protocolName: reply.protocolName ?? (version >= 7 ? null : ''),
      leader: reply.leader,
      skipAssignment: reply.skipAssignment,
      memberId: reply.memberId,
      members: reply.members.map((member) => ({ ...member })),
    });
  const nothing = refusedJoin('NONE', memberId);
  if (groupId === '') return answer(nothing, 'INVALID_GROUP_ID');
  try {
    const reply = await parts.groups.run(groupId, (shard) =>
      shard.join({
        groupId,
        memberId,
        groupInstanceId,
        clientId: caller.clientId,
        clientHost: caller.clientHost,
        sessionTimeoutMs,
        rebalanceTimeoutMs: version >= 1 ? request.rebalanceTimeoutMs : sessionTimeoutMs,
        protocolType,
        protocols,
        requireKnownMemberId: version >= 4,
        supportsSkippingAssignment: version >= 9,
      }),
    );
    return answer(reply, reply.error);
  } catch (error) {
    return answer(nothing, coordinatorErrorOf(error));
  }
};

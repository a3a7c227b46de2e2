// LeaveGroup: 0-5. Many members at once from version 3, each with its own error; before it one, whose error is the answer's.
import { apis } from '../../protocol/api-table.ts';
import { codeOf, coordinatorErrorOf } from '../error-names.ts';
import type { Handler } from '../handler.ts';

const batchedFrom = 3;

export const leaveGroup: Handler<'leaveGroup'> = async (request, { version, parts }) => {
  const { response } = apis.leaveGroup;
  const { groupId } = request;
  if (groupId === '') return response.create({ errorCode: codeOf('INVALID_GROUP_ID') });
  const members =
    version >= batchedFrom
      ? request.members.map(({ memberId, groupInstanceId }) => ({ memberId, groupInstanceId }))
      : [{ memberId: request.memberId, groupInstanceId: null }];
  const outcomes = await parts.groups.run(groupId, (shard) => shard.leave(groupId, members)).catch(coordinatorErrorOf);
  if (typeof outcomes === 'string') {
    // Kafka tells each member that a group which isn't there doesn't know it, and has no error for the whole.
    if (outcomes !== 'UNKNOWN_MEMBER_ID' || version < batchedFrom)
      return response.create({ errorCode: codeOf(outcomes) });
    return response.create({ members: members.map((member) => ({ ...member, errorCode: codeOf(outcomes) })) });
  }
  if (version < batchedFrom) return response.create({ errorCode: codeOf(outcomes[0] ?? 'NONE') });
  return response.create({ members: members.map((member, i) => ({ ...member, errorCode: codeOf(outcomes[i]!) })) });
};

// Heartbeat: 0-4. Version 3 tells static members apart.
import { apis } from '../../protocol/api-table.ts';
import { codeOf, coordinatorErrorOf } from '../error-names.ts';
import type { Handler } from '../handler.ts';

export const heartbeat: Handler<'heartbeat'> = async (request, { parts }) => {
  const { groupId, generationId, memberId, groupInstanceId } = request;
  const error =
    groupId === ''
      ? 'INVALID_GROUP_ID'
      : await parts.groups
          .run(groupId, (shard) => shard.heartbeat({ groupId, generationId, memberId, groupInstanceId }))
          .catch(coordinatorErrorOf);
  return apis.heartbeat.response.create({ errorCode: codeOf(error) });
};

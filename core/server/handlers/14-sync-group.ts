// SyncGroup: 0-5. The leader brings the assignment, the others wait for theirs. From version 5 both sides say which
// protocol they mean (KIP-559).
import { refusedSync } from '../../coordinator/group/membership.ts';
import { apis } from '../../protocol/api-table.ts';
import { codeOf, coordinatorErrorOf } from '../error-names.ts';
import type { Handler } from '../handler.ts';

export const syncGroup: Handler<'syncGroup'> = async (request, { parts }) => {
  const { response } = apis.syncGroup;
  const { groupId, generationId, memberId, groupInstanceId, protocolType, protocolName, assignments } = request;
  if (groupId === '') return response.create({ errorCode: codeOf('INVALID_GROUP_ID') });
  try {
    const reply = await parts.groups.run(groupId, (shard) =>
      shard.sync({ groupId, generationId, memberId, groupInstanceId, protocolType, protocolName, assignments }),
    );
    const { error, ...assigned } = reply;
    return response.create({ errorCode: codeOf(error), ...assigned });
  } catch (error) {
    const { error: _, ...nothing } = refusedSync('NONE');
    return response.create({ errorCode: codeOf(coordinatorErrorOf(error)), ...nothing });
  }
};

// DeleteGroups: 0-2. Only groups without members, with all their offsets.
import { apis } from '../../protocol/api-table.ts';
import { codeOf, coordinatorErrorOf } from '../error-names.ts';
import type { Handler } from '../handler.ts';

export const deleteGroups: Handler<'deleteGroups'> = async ({ groupsNames }, { parts }) => {
  const results = groupsNames.map(async (groupId) => {
    const error = await parts.groups.run(groupId, (shard) => shard.deleteGroup(groupId)).catch(coordinatorErrorOf);
    return { groupId, errorCode: codeOf(error) };
  });
  return apis.deleteGroups.response.create({ results: await Promise.all(results) });
};

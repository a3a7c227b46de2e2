// DescribeGroups: 0-6. A group that isn't there is in state 'Dead'; from version 6 it is GROUP_ID_NOT_FOUND as well (KIP-1043).
import { apis } from '../../protocol/api-table.ts';
import { codeOf, coordinatorErrorOf } from '../error-names.ts';
import type { Call, Handler } from '../handler.ts';
import { everyOperation, operationsNotAsked } from '../operations.ts';

export const describeGroups: Handler<'describeGroups'> = async (request, call) =>
  apis.describeGroups.response.create({
    groups: await Promise.all(
      request.groups.map(async (groupId) => {
        const found = await describe(groupId, call);
        const isShown = request.includeAuthorizedOperations && found.errorCode === 0;
        return { ...found, authorizedOperations: isShown ? everyOperation.group : operationsNotAsked };
      }),
    ),
  });

async function describe(groupId: string, { parts, version }: Call) {
  const dead = { groupId, groupState: 'Dead', protocolType: '', protocolData: '', members: [] };
  const found = await parts.groups.run(groupId, (shard) => shard.describe(groupId)).catch(coordinatorErrorOf);
  if (typeof found === 'string') return { ...dead, groupState: '', errorCode: codeOf(found) };
  if (found === null) {
    if (version < 6) return { ...dead, errorCode: 0 };
    return { ...dead, errorCode: codeOf('GROUP_ID_NOT_FOUND'), errorMessage: `there is no group '${groupId}'` };
  }
  return {
    groupId,
    errorCode: 0,
    groupState: found.state,
    protocolType: found.protocolType,
    protocolData: found.protocolName,
    members: found.members.map(({ metadata, assignment, ...member }) => ({
      ...member,
      memberMetadata: metadata,
      memberAssignment: assignment,
    })),
  };
}

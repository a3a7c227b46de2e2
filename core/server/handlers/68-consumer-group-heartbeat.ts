// ConsumerGroupHeartbeat: 0-1 (KIP-848). Joins, stays in and leaves a group of the consumer protocol. From version 1 members
// make their own ids (KIP-1082) and may subscribe by pattern, of RE2's syntax as far as topic-pattern.ts reads it.
import { listed } from '../../coordinator/group/consumer/assignment.ts';
import { apis } from '../../protocol/api-table.ts';
import { codeOf, coordinatorErrorOf } from '../error-names.ts';
import type { Handler } from '../handler.ts';

const memberIdFrom = 1;

export const consumerGroupHeartbeat: Handler<'consumerGroupHeartbeat'> = async (
  request,
  { version, parts, caller },
) => {
  const { response } = apis.consumerGroupHeartbeat;
  const reply = await parts.groups
    .run(request.groupId, (shard) =>
      shard.consumerHeartbeat({
        ...request,
        clientId: caller.clientId,
        clientHost: caller.clientHost,
        requireMemberId: version >= memberIdFrom,
      }),
    )
    .catch(coordinatorErrorOf);
  if (typeof reply === 'string') return response.create({ errorCode: codeOf(reply) });
  if (reply.error !== 'NONE') return response.create({ errorCode: codeOf(reply.error), errorMessage: reply.message });
  const { memberId, memberEpoch, heartbeatIntervalMs, assignment } = reply;
  return response.create({
    memberId,
    memberEpoch,
    heartbeatIntervalMs,
    assignment: assignment === null ? null : { topicPartitions: listed(assignment) },
  });
};

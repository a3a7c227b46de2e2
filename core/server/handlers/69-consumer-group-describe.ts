// ConsumerGroupDescribe: 0-1 (KIP-848). Groups of the consumer protocol only: a classic one isn't found here, as those aren't
// by DescribeGroups. From version 1 members say of which protocol they are (KIP-1099); here all are of the new one.
import type {
  ConsumerGroupDescription,
  NamedPartitions,
} from '../../coordinator/group/consumer/consumer-description.ts';
import { apis } from '../../protocol/api-table.ts';
import { codeOf, coordinatorErrorOf } from '../error-names.ts';
import type { Call, Handler } from '../handler.ts';
import { everyOperation, operationsNotAsked } from '../operations.ts';

const consumerMember = 1;

export const consumerGroupDescribe: Handler<'consumerGroupDescribe'> = async (request, call) =>
  apis.consumerGroupDescribe.response.create({
    groups: await Promise.all(
      request.groupIds.map(async (groupId) => {
        const found = await describe(groupId, call);
        const isShown = request.includeAuthorizedOperations && !('errorCode' in found);
        return { ...found, authorizedOperations: isShown ? everyOperation.group : operationsNotAsked };
      }),
    ),
  });

async function describe(groupId: string, { parts }: Call) {
  if (groupId === '') return { groupId, errorCode: codeOf('INVALID_GROUP_ID') };
  const found = await parts.groups
    .run(groupId, (shard) => shard.describeConsumerGroup(groupId))
    .catch(coordinatorErrorOf);
  if (typeof found === 'string') return { groupId, errorCode: codeOf(found) };
  if (found === null) {
    const errorMessage = `Group ${groupId} is not a consumer group.`;
    return { groupId, errorCode: codeOf('GROUP_ID_NOT_FOUND'), errorMessage };
  }
  return {
    groupId,
    groupState: found.state,
    groupEpoch: found.epoch,
    assignmentEpoch: found.assignmentEpoch,
    assignorName: found.assignorName,
    members: found.members.map(memberOf),
  };
}

const memberOf = ({ assignment, target, ...member }: ConsumerGroupDescription['members'][number]) => ({
  memberId: member.memberId,
  instanceId: member.instanceId,
  rackId: member.rackId,
  memberEpoch: member.memberEpoch,
  clientId: member.clientId,
  clientHost: member.clientHost,
  subscribedTopicNames: [...member.subscribedTopicNames],
  subscribedTopicRegex: member.subscribedTopicRegex === '' ? null : member.subscribedTopicRegex,
  assignment: assignmentOf(assignment),
  targetAssignment: assignmentOf(target),
  memberType: consumerMember,
});

const assignmentOf = (topics: NamedPartitions) => ({
  topicPartitions: topics.map((topic) => ({ ...topic, partitions: [...topic.partitions] })),
});

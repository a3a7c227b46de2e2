// ConsumerGroupDescribe: 0-1, all flexible (KIP-848). Version 1 tells members of the classic protocol (0) from those
// of the new (1), -1 where that isn't known (KIP-1099).
import { array, bool, int8, int16, int32, string, struct, uuid } from '../fields.ts';
import { type Infer, message } from '../schema.ts';

export const consumerGroupDescribeRequest = message(
  { name: 'ConsumerGroupDescribeRequest', apiKey: 69, versions: [0, 1], flexibleFrom: 0 },
  {
    groupIds: array(string()),
    includeAuthorizedOperations: bool(),
  },
);
export type ConsumerGroupDescribeRequest = Infer<typeof consumerGroupDescribeRequest>;

const topicPartitions = {
  topicId: uuid(),
  topicName: string(),
  partitions: array(int32()),
};

const assignment = {
  topicPartitions: array(topicPartitions),
};

export const consumerGroupDescribeResponse = message(
  { name: 'ConsumerGroupDescribeResponse', apiKey: 69, versions: [0, 1], flexibleFrom: 0 },
  {
    throttleTimeMs: int32(),
    groups: array({
      errorCode: int16(),
      errorMessage: string({ nullableFrom: 0, fallback: null }),
      groupId: string(),
      groupState: string(),
      groupEpoch: int32(),
      assignmentEpoch: int32(),
      assignorName: string(),
      members: array({
        memberId: string(),
        instanceId: string({ nullableFrom: 0, fallback: null }),
        rackId: string({ nullableFrom: 0, fallback: null }),
        memberEpoch: int32(),
        clientId: string(),
        clientHost: string(),
        subscribedTopicNames: array(string()),
        subscribedTopicRegex: string({ nullableFrom: 0, fallback: null }),
        assignment: struct(assignment),
        targetAssignment: struct(assignment),
        memberType: int8({ since: 1, fallback: -1, ignorable: true }),
      }),
      authorizedOperations: int32({ fallback: -2147483648 }),
    }),
  },
);
export type ConsumerGroupDescribeResponse = Infer<typeof consumerGroupDescribeResponse>;

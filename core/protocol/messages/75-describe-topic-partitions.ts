// DescribeTopicPartitions: 0, flexible (KIP-966). Topics come in order of their names and by pages: a cursor says
// where the next one begins. -2147483648 where the authorised operations weren't asked for.
import { array, bool, int16, int32, string, struct, uuid } from '../fields.ts';
import { type Infer, message } from '../schema.ts';

export const describeTopicPartitionsRequest = message(
  { name: 'DescribeTopicPartitionsRequest', apiKey: 75, versions: [0, 0], flexibleFrom: 0 },
  {
    topics: array({
      name: string(),
    }),
    responsePartitionLimit: int32({ fallback: 2000 }),
    cursor: struct(
      {
        topicName: string(),
        partitionIndex: int32(),
      },
      { nullableFrom: 0, fallback: null },
    ),
  },
);
export type DescribeTopicPartitionsRequest = Infer<typeof describeTopicPartitionsRequest>;

export const describeTopicPartitionsResponse = message(
  { name: 'DescribeTopicPartitionsResponse', apiKey: 75, versions: [0, 0], flexibleFrom: 0 },
  {
    throttleTimeMs: int32(),
    topics: array({
      errorCode: int16(),
      name: string({ nullableFrom: 0 }),
      topicId: uuid(),
      isInternal: bool(),
      partitions: array({
        errorCode: int16(),
        partitionIndex: int32(),
        leaderId: int32(),
        leaderEpoch: int32({ fallback: -1 }),
        replicaNodes: array(int32()),
        isrNodes: array(int32()),
        eligibleLeaderReplicas: array(int32(), { nullableFrom: 0, fallback: null }),
        lastKnownElr: array(int32(), { nullableFrom: 0, fallback: null }),
        offlineReplicas: array(int32()),
      }),
      topicAuthorizedOperations: int32({ fallback: -2147483648 }),
    }),
    nextCursor: struct(
      {
        topicName: string(),
        partitionIndex: int32(),
      },
      { nullableFrom: 0, fallback: null },
    ),
  },
);
export type DescribeTopicPartitionsResponse = Infer<typeof describeTopicPartitionsResponse>;

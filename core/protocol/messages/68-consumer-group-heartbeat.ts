// ConsumerGroupHeartbeat: 0-1, all flexible: the one request by which a member joins, stays, takes and gives up
// partitions, and leaves (KIP-848). Epoch 0 joins, -1 leaves, -2 leaves with a static id that will be back. A null
// field is one that hasn't changed. Version 1 adds subscription by regular expression, and members make their own id
// (KIP-1082).
import { array, int16, int32, string, struct, uuid } from '../fields.ts';
import { type Infer, message } from '../schema.ts';

export const consumerGroupHeartbeatRequest = message(
  { name: 'ConsumerGroupHeartbeatRequest', apiKey: 68, versions: [0, 1], flexibleFrom: 0 },
  {
    groupId: string(),
    memberId: string(),
    memberEpoch: int32(),
    instanceId: string({ nullableFrom: 0, fallback: null }),
    rackId: string({ nullableFrom: 0, fallback: null }),
    rebalanceTimeoutMs: int32({ fallback: -1 }),
    subscribedTopicNames: array(string(), { nullableFrom: 0, fallback: null }),
    subscribedTopicRegex: string({ since: 1, nullableFrom: 1, fallback: null }),
    serverAssignor: string({ nullableFrom: 0, fallback: null }),
    topicPartitions: array(
      {
        topicId: uuid(),
        partitions: array(int32()),
      },
      { nullableFrom: 0, fallback: null },
    ),
  },
);
export type ConsumerGroupHeartbeatRequest = Infer<typeof consumerGroupHeartbeatRequest>;

const topicPartitions = {
  topicId: uuid(),
  partitions: array(int32()),
};

export const consumerGroupHeartbeatResponse = message(
  { name: 'ConsumerGroupHeartbeatResponse', apiKey: 68, versions: [0, 1], flexibleFrom: 0 },
  {
    throttleTimeMs: int32(),
    errorCode: int16(),
    errorMessage: string({ nullableFrom: 0, fallback: null }),
    memberId: string({ nullableFrom: 0, fallback: null }),
    memberEpoch: int32(),
    heartbeatIntervalMs: int32(),
    assignment: struct(
      {
        topicPartitions: array(topicPartitions),
      },
      { nullableFrom: 0, fallback: null },
    ),
  },
);
export type ConsumerGroupHeartbeatResponse = Infer<typeof consumerGroupHeartbeatResponse>;

// The answer to a request when its handler failed in a way that nobody foresaw: in the shape of the API, with the error
// wherever the client looks for one (Kafka's AbstractRequest.getErrorResponse). Nothing here may throw.
import { type ApiName, apis, type RequestOf, type ResponseInit, type ResponseOf } from '../protocol/api-table.ts';

type Failed<N extends ApiName> = (request: RequestOf<N>, errorCode: number, version: number) => ResponseInit<N>;

/** For APIs that have one error for the whole answer. */
const whole = (_request: unknown, errorCode: number) => ({ errorCode });

const failed: { readonly [N in ApiName]: Failed<N> } = {
  produce: ({ topicData }, errorCode) => ({
    responses: topicData.map(({ name, topicId, partitionData }) => ({
      name,
      topicId,
      partitionResponses: partitionData.map(({ index }) => ({ index, errorCode, baseOffset: -1 })),
    })),
  }),
  fetch: ({ topics }, errorCode, version) =>
    version >= 7
      ? { errorCode }
      : {
          responses: topics.map(({ topic, partitions }) => ({
            topic,
            partitions: partitions.map(({ partition }) => ({
              partitionIndex: partition,
              errorCode,
              highWatermark: -1,
            })),
          })),
        },
  listOffsets: ({ topics }, errorCode) => ({
    topics: topics.map(({ name, partitions }) => ({
      name,
      partitions: partitions.map(({ partitionIndex }) => ({ partitionIndex, errorCode })),
    })),
  }),
  metadata: ({ topics }, errorCode, version) => ({
    topics: (topics ?? []).map(({ name, topicId }) => ({
      name: version < 12 ? (name ?? '') : name,
      topicId,
      errorCode,
    })),
    ...(version >= 13 && { errorCode }),
  }),
  offsetCommit: ({ topics }, errorCode) => ({ topics: topics.map((topic) => perPartition(topic, errorCode)) }),
  offsetFetch: ({ groups, topics }, errorCode, version) => {
    if (version >= 8) return { groups: groups.map(({ groupId }) => ({ groupId, errorCode })) };
    if (version >= 2) return { errorCode };
    return {
      topics: (topics ?? []).map(({ name, partitionIndexes }) => ({
        name,
        partitions: partitionIndexes.map((partitionIndex) => ({ partitionIndex, committedOffset: -1, errorCode })),
      })),
    };
  },
  findCoordinator: ({ coordinatorKeys }, errorCode, version) => {
    const nowhere = { nodeId: -1, port: -1, errorCode };
    return version < 4 ? nowhere : { coordinators: coordinatorKeys.map((key) => ({ key, ...nowhere })) };
  },
  joinGroup: ({ memberId }, errorCode, version) => ({ errorCode, memberId, protocolName: version < 7 ? '' : null }),
  heartbeat: whole,
  leaveGroup: whole,
  syncGroup: whole,
  describeGroups: ({ groups }, errorCode) => ({ groups: groups.map((groupId) => ({ groupId, errorCode })) }),
  listGroups: whole,
  saslHandshake: whole,
  apiVersions: whole,
  createTopics: ({ topics }, errorCode) => ({ topics: topics.map(({ name }) => ({ name, errorCode })) }),
  deleteTopics: ({ topics, topicNames }, errorCode, version) => ({
    responses:
      version >= 6
        ? topics.map(({ name, topicId }) => ({ name, topicId, errorCode }))
        : topicNames.map((name) => ({ name, errorCode })),
  }),
  deleteRecords: ({ topics }, errorCode) => ({
    topics: topics.map(({ name, partitions }) => ({
      name,
      partitions: partitions.map(({ partitionIndex }) => ({ partitionIndex, errorCode, lowWatermark: -1 })),
    })),
  }),
  initProducerId: (_, errorCode) => ({ errorCode, producerEpoch: -1 }),
  offsetForLeaderEpoch: ({ topics }, errorCode) => ({
    topics: topics.map(({ topic, partitions }) => ({
      topic,
      partitions: partitions.map(({ partition }) => ({ partition, errorCode })),
    })),
  }),
  addPartitionsToTxn: ({ v3AndBelowTopics }, errorCode, version) =>
    version >= 4
      ? { errorCode }
      : {
          resultsByTopicV3AndBelow: v3AndBelowTopics.map(({ name, partitions }) => ({
            name,
            resultsByPartition: partitions.map((partitionIndex) => ({ partitionIndex, partitionErrorCode: errorCode })),
          })),
        },
  addOffsetsToTxn: whole,
  endTxn: whole,
  writeTxnMarkers: ({ markers }, errorCode) => ({
    markers: markers.map(({ producerId, topics }) => ({
      producerId,
      topics: topics.map(({ name, partitionIndexes }) => ({
        name,
        partitions: partitionIndexes.map((partitionIndex) => ({ partitionIndex, errorCode })),
      })),
    })),
  }),
  txnOffsetCommit: ({ topics }, errorCode) => ({ topics: topics.map((topic) => perPartition(topic, errorCode)) }),
  describeConfigs: ({ resources }, errorCode) => ({ results: resources.map((one) => perResource(one, errorCode)) }),
  alterConfigs: ({ resources }, errorCode) => ({ responses: resources.map((one) => perResource(one, errorCode)) }),
  describeLogDirs: (_, errorCode, version) => (version >= 3 ? { errorCode } : { results: [{ errorCode, logDir: '' }] }),
  saslAuthenticate: whole,
  createPartitions: ({ topics }, errorCode) => ({ results: topics.map(({ name }) => ({ name, errorCode })) }),
  deleteGroups: ({ groupsNames }, errorCode) => ({ results: groupsNames.map((groupId) => ({ groupId, errorCode })) }),
  electLeaders: ({ topicPartitions }, errorCode, version) => ({
    ...(version >= 1 && { errorCode }),
    replicaElectionResults: (topicPartitions ?? []).map(({ topic, partitions }) => ({
      topic,
      partitionResult: partitions.map((partitionId) => ({ partitionId, errorCode })),
    })),
  }),
  incrementalAlterConfigs: ({ resources }, errorCode) => ({
    responses: resources.map((one) => perResource(one, errorCode)),
  }),
  alterPartitionReassignments: whole,
  listPartitionReassignments: whole,
  offsetDelete: whole,
  describeQuorum: whole,
  describeCluster: whole,
  describeProducers: ({ topics }, errorCode) => ({
    topics: topics.map(({ name, partitionIndexes }) => ({
      name,
      partitions: partitionIndexes.map((partitionIndex) => ({ partitionIndex, errorCode })),
    })),
  }),
  describeTransactions: ({ transactionalIds }, errorCode) => ({
    transactionStates: transactionalIds.map((transactionalId) => ({ transactionalId, errorCode })),
  }),
  listTransactions: whole,
  consumerGroupHeartbeat: whole,
  consumerGroupDescribe: ({ groupIds }, errorCode) => ({ groups: groupIds.map((groupId) => ({ groupId, errorCode })) }),
  listConfigResources: whole,
  addRaftVoter: whole,
  removeRaftVoter: whole,
  nodeCall: whole,
  describeTopicPartitions: ({ topics }, errorCode) => ({ topics: topics.map(({ name }) => ({ name, errorCode })) }),
};

interface TopicPartitions {
  readonly name: string;
  readonly topicId?: string;
  readonly partitions: readonly { readonly partitionIndex: number }[];
}

const perPartition = ({ name, topicId, partitions }: TopicPartitions, errorCode: number) => ({
  name,
  ...(topicId !== undefined && { topicId }),
  partitions: partitions.map(({ partitionIndex }) => ({ partitionIndex, errorCode })),
});

const perResource = (
  { resourceType, resourceName }: { readonly resourceType: number; readonly resourceName: string },
  errorCode: number,
) => ({ resourceType, resourceName, errorCode });

export const failedResponse = <N extends ApiName>(
  api: N,
  version: number,
  request: RequestOf<N>,
  errorCode: number,
): ResponseOf<N> => apis[api].response.create(failed[api](request, errorCode, version) as never) as ResponseOf<N>;

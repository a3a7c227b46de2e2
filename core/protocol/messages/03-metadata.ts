// Metadata: 0-13. An empty list of topics means all in version 0 and none later, where null means all. Version 1 adds
// the controller, racks and internal topics, 2 the cluster id, 3 throttling, 4 permission to create topics, 5 offline
// replicas, 7 leader epochs, 8 authorised operations (those of the cluster only until 10), 9 is flexible, 10 gives
// topic ids, 12 takes them (KIP-516), 13 has an error for the whole answer.
import { array, bool, int16, int32, string, uuid } from '../fields.ts';
import { type Infer, message } from '../schema.ts';

export const metadataRequest = message(
  { name: 'MetadataRequest', apiKey: 3, versions: [0, 13], flexibleFrom: 9 },
  {
    topics: array(
      {
        topicId: uuid({ since: 10, ignorable: true }),
        name: string({ nullableFrom: 10 }),
      },
      { nullableFrom: 1 },
    ),
    allowAutoTopicCreation: bool({ since: 4, fallback: true }),
    includeClusterAuthorizedOperations: bool({ since: 8, until: 10 }),
    includeTopicAuthorizedOperations: bool({ since: 8 }),
  },
);
export type MetadataRequest = Infer<typeof metadataRequest>;

export const metadataResponse = message(
  { name: 'MetadataResponse', apiKey: 3, versions: [0, 13], flexibleFrom: 9 },
  {
    throttleTimeMs: int32({ since: 3, ignorable: true }),
    brokers: array({
      nodeId: int32(),
      host: string(),
      port: int32(),
      rack: string({ since: 1, nullableFrom: 1, fallback: null, ignorable: true }),
    }),
    clusterId: string({ since: 2, nullableFrom: 2, fallback: null, ignorable: true }),
    controllerId: int32({ since: 1, fallback: -1, ignorable: true }),
    topics: array({
      errorCode: int16(),
      name: string({ nullableFrom: 12 }),
      topicId: uuid({ since: 10, ignorable: true }),
      isInternal: bool({ since: 1, ignorable: true }),
      partitions: array({
        errorCode: int16(),
        partitionIndex: int32(),
        leaderId: int32(),
        leaderEpoch: int32({ since: 7, fallback: -1, ignorable: true }),
        replicaNodes: array(int32()),
        isrNodes: array(int32()),
        offlineReplicas: array(int32(), { since: 5, ignorable: true }),
      }),
      topicAuthorizedOperations: int32({ since: 8, fallback: -2147483648 }),
    }),
    clusterAuthorizedOperations: int32({ since: 8, until: 10, fallback: -2147483648 }),
    errorCode: int16({ since: 13, ignorable: true }),
  },
);
export type MetadataResponse = Infer<typeof metadataResponse>;

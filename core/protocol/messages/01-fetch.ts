// Fetch: 4-18. Version 4 is the first with record batches v2 and isolation levels, 5 adds log start offsets, 7 fetch
// sessions (KIP-227), 9 the leader epoch of the fetcher (KIP-320), 11 racks and preferred replicas (KIP-392), 12 is
// flexible and tells of diverging epochs and new leaders, 13 has topic ids instead of names (KIP-516), 15 moves the
// replica id into a tagged struct (KIP-903), 16 gives the addresses of new leaders (KIP-951), 17 the replica's
// directory (KIP-853), 18 its high watermark (KIP-1166). Versions 6, 8, 10 and 14 change errors, throttling and
// compression only.
import { array, int8, int16, int32, int64, records, string, struct, uuid } from '../fields.ts';
import { type Infer, message } from '../schema.ts';

export const fetchRequest = message(
  { name: 'FetchRequest', apiKey: 1, versions: [4, 18], flexibleFrom: 12 },
  {
    clusterId: string({ since: 12, tag: 0, nullableFrom: 12, fallback: null, ignorable: true }),
    replicaId: int32({ until: 14, fallback: -1 }),
    replicaState: struct(
      {
        replicaId: int32({ fallback: -1 }),
        replicaEpoch: int64({ fallback: -1 }),
      },
      { since: 15, tag: 1 },
    ),
    maxWaitMs: int32(),
    minBytes: int32(),
    maxBytes: int32({ fallback: 0x7fffffff }),
    isolationLevel: int8(),
    sessionId: int32({ since: 7, ignorable: true }),
    sessionEpoch: int32({ since: 7, fallback: -1, ignorable: true }),
    topics: array({
      topic: string({ until: 12, ignorable: true }),
      topicId: uuid({ since: 13, ignorable: true }),
      partitions: array({
        partition: int32(),
        currentLeaderEpoch: int32({ since: 9, fallback: -1, ignorable: true }),
        fetchOffset: int64(),
        lastFetchedEpoch: int32({ since: 12, fallback: -1 }),
        logStartOffset: int64({ since: 5, fallback: -1, ignorable: true }),
        partitionMaxBytes: int32(),
        replicaDirectoryId: uuid({ since: 17, tag: 0, ignorable: true }),
        // Kafka's default is the greatest int64; being the default, it is never sent.
        highWatermark: int64({ since: 18, tag: 1, fallback: Number.MAX_SAFE_INTEGER, ignorable: true }),
      }),
    }),
    forgottenTopicsData: array(
      {
        topic: string({ until: 12, ignorable: true }),
        topicId: uuid({ since: 13, ignorable: true }),
        partitions: array(int32()),
      },
      { since: 7 },
    ),
    rackId: string({ since: 11, ignorable: true }),
  },
);
export type FetchRequest = Infer<typeof fetchRequest>;

export const fetchResponse = message(
  { name: 'FetchResponse', apiKey: 1, versions: [4, 18], flexibleFrom: 12 },
  {
    throttleTimeMs: int32(),
    errorCode: int16({ since: 7, ignorable: true }),
    sessionId: int32({ since: 7 }),
    responses: array({
      topic: string({ until: 12, ignorable: true }),
      topicId: uuid({ since: 13, ignorable: true }),
      partitions: array({
        partitionIndex: int32(),
        errorCode: int16(),
        highWatermark: int64(),
        lastStableOffset: int64({ fallback: -1 }),
        logStartOffset: int64({ since: 5, fallback: -1, ignorable: true }),
        divergingEpoch: struct(
          {
            epoch: int32({ fallback: -1 }),
            endOffset: int64({ fallback: -1 }),
          },
          { since: 12, tag: 0 },
        ),
        currentLeader: struct(
          {
            leaderId: int32({ fallback: -1 }),
            leaderEpoch: int32({ fallback: -1 }),
          },
          { since: 12, tag: 1 },
        ),
        snapshotId: struct(
          {
            endOffset: int64({ fallback: -1 }),
            epoch: int32({ fallback: -1 }),
          },
          { since: 12, tag: 2 },
        ),
        abortedTransactions: array(
          {
            producerId: int64(),
            firstOffset: int64(),
          },
          { nullableFrom: 0 },
        ),
        preferredReadReplica: int32({ since: 11, fallback: -1 }),
        records: records(),
      }),
    }),
    nodeEndpoints: array(
      {
        nodeId: int32(),
        host: string(),
        port: int32(),
        rack: string({ nullableFrom: 0, fallback: null }),
      },
      { since: 16, tag: 0 },
    ),
  },
);
export type FetchResponse = Infer<typeof fetchResponse>;

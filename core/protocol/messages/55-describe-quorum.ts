// DescribeQuorum: 0-2, all flexible (KIP-595). Version 1 says when a replica last fetched and when it last had everything
// (KIP-836), 2 the replicas' folders, where the voters listen, and errors in words (KIP-853).
import { array, int16, int32, int64, string, uint16, uuid } from '../fields.ts';
import { type Infer, message } from '../schema.ts';

export const describeQuorumRequest = message(
  { name: 'DescribeQuorumRequest', apiKey: 55, versions: [0, 2], flexibleFrom: 0 },
  {
    topics: array({
      topicName: string(),
      partitions: array({
        partitionIndex: int32(),
      }),
    }),
  },
);
export type DescribeQuorumRequest = Infer<typeof describeQuorumRequest>;

const replicaState = {
  replicaId: int32(),
  replicaDirectoryId: uuid({ since: 2 }),
  logEndOffset: int64(),
  lastFetchTimestamp: int64({ since: 1, fallback: -1, ignorable: true }),
  lastCaughtUpTimestamp: int64({ since: 1, fallback: -1, ignorable: true }),
};

export const describeQuorumResponse = message(
  { name: 'DescribeQuorumResponse', apiKey: 55, versions: [0, 2], flexibleFrom: 0 },
  {
    errorCode: int16(),
    errorMessage: string({ since: 2, nullableFrom: 2, ignorable: true }),
    topics: array({
      topicName: string(),
      partitions: array({
        partitionIndex: int32(),
        errorCode: int16(),
        errorMessage: string({ since: 2, nullableFrom: 2, ignorable: true }),
        leaderId: int32(),
        leaderEpoch: int32(),
        highWatermark: int64(),
        currentVoters: array(replicaState),
        observers: array(replicaState),
      }),
    }),
    nodes: array(
      {
        nodeId: int32({ since: 2 }),
        listeners: array(
          { name: string({ since: 2 }), host: string({ since: 2 }), port: uint16({ since: 2 }) },
          { since: 2 },
        ),
      },
      { since: 2 },
    ),
  },
);
export type DescribeQuorumResponse = Infer<typeof describeQuorumResponse>;

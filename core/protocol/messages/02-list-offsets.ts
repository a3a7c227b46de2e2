// ListOffsets: 1-11. Timestamps below zero ask for a position: -1 latest, -2 earliest, -3 highest timestamp (from
// version 7, KIP-734), -4 earliest local (8), -5 latest tiered (9), -6 earliest pending upload (11). Version 2 adds
// the isolation level and throttling, 4 leader epochs (KIP-320), 6 is flexible, 10 lets remote reads time out
// (KIP-1075).
import { array, int8, int16, int32, int64, string } from '../fields.ts';
import { type Infer, message } from '../schema.ts';

export const listOffsetsRequest = message(
  { name: 'ListOffsetsRequest', apiKey: 2, versions: [1, 11], flexibleFrom: 6 },
  {
    replicaId: int32(),
    isolationLevel: int8({ since: 2 }),
    topics: array({
      name: string(),
      partitions: array({
        partitionIndex: int32(),
        currentLeaderEpoch: int32({ since: 4, fallback: -1, ignorable: true }),
        timestamp: int64(),
      }),
    }),
    timeoutMs: int32({ since: 10, ignorable: true }),
  },
);
export type ListOffsetsRequest = Infer<typeof listOffsetsRequest>;

export const listOffsetsResponse = message(
  { name: 'ListOffsetsResponse', apiKey: 2, versions: [1, 11], flexibleFrom: 6 },
  {
    throttleTimeMs: int32({ since: 2, ignorable: true }),
    topics: array({
      name: string(),
      partitions: array({
        partitionIndex: int32(),
        errorCode: int16(),
        timestamp: int64({ fallback: -1 }),
        offset: int64({ fallback: -1 }),
        leaderEpoch: int32({ since: 4, fallback: -1 }),
      }),
    }),
  },
);
export type ListOffsetsResponse = Infer<typeof listOffsetsResponse>;

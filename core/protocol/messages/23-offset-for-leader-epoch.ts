// OffsetForLeaderEpoch: 2-4. Version 3 adds the replica id, -1 for a consumer and -2 by default, which is a debugging
// consumer; 4 is flexible. The leader's answer is where the asked epoch ends in its log (KIP-101, KIP-320).
import { array, int16, int32, int64, string } from '../fields.ts';
import { type Infer, message } from '../schema.ts';

export const offsetForLeaderEpochRequest = message(
  { name: 'OffsetForLeaderEpochRequest', apiKey: 23, versions: [2, 4], flexibleFrom: 4 },
  {
    replicaId: int32({ since: 3, fallback: -2, ignorable: true }),
    topics: array({
      topic: string(),
      partitions: array({
        partition: int32(),
        currentLeaderEpoch: int32({ fallback: -1 }),
        leaderEpoch: int32(),
      }),
    }),
  },
);
export type OffsetForLeaderEpochRequest = Infer<typeof offsetForLeaderEpochRequest>;

export const offsetForLeaderEpochResponse = message(
  { name: 'OffsetForLeaderEpochResponse', apiKey: 23, versions: [2, 4], flexibleFrom: 4 },
  {
    throttleTimeMs: int32(),
    topics: array({
      topic: string(),
      partitions: array({
        errorCode: int16(),
        partition: int32(),
        leaderEpoch: int32({ fallback: -1 }),
        endOffset: int64({ fallback: -1 }),
      }),
    }),
  },
);
export type OffsetForLeaderEpochResponse = Infer<typeof offsetForLeaderEpochResponse>;

// OffsetCommit: 2-10. Version 3 adds throttling, 5 drops the retention time (KIP-211), 6 adds leader epochs (KIP-320),
// 7 static members (KIP-345), 8 is flexible, 9 serves groups of KIP-848 as well, whose member epoch goes where the
// generation is, 10 has topic ids instead of names.
import { array, int16, int32, int64, string, uuid } from '../fields.ts';
import { type Infer, message } from '../schema.ts';

export const offsetCommitRequest = message(
  { name: 'OffsetCommitRequest', apiKey: 8, versions: [2, 10], flexibleFrom: 8 },
  {
    groupId: string(),
    generationIdOrMemberEpoch: int32({ fallback: -1 }),
    memberId: string(),
    groupInstanceId: string({ since: 7, nullableFrom: 7, fallback: null }),
    retentionTimeMs: int64({ until: 4, fallback: -1, ignorable: true }),
    topics: array({
      name: string({ until: 9, ignorable: true }),
      topicId: uuid({ since: 10, ignorable: true }),
      partitions: array({
        partitionIndex: int32(),
        committedOffset: int64(),
        committedLeaderEpoch: int32({ since: 6, fallback: -1, ignorable: true }),
        committedMetadata: string({ nullableFrom: 0 }),
      }),
    }),
  },
);
export type OffsetCommitRequest = Infer<typeof offsetCommitRequest>;

export const offsetCommitResponse = message(
  { name: 'OffsetCommitResponse', apiKey: 8, versions: [2, 10], flexibleFrom: 8 },
  {
    throttleTimeMs: int32({ since: 3, ignorable: true }),
    topics: array({
      name: string({ until: 9, ignorable: true }),
      topicId: uuid({ since: 10, ignorable: true }),
      partitions: array({
        partitionIndex: int32(),
        errorCode: int16(),
      }),
    }),
  },
);
export type OffsetCommitResponse = Infer<typeof offsetCommitResponse>;

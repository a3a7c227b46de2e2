// OffsetFetch: 1-10. From version 2 null topics mean all, and an error can be of the whole answer; 3 adds throttling,
// 5 leader epochs (KIP-320), 6 is flexible, 7 waits for open transactions where asked (KIP-447), 8 asks for many
// groups at once in `groups` (KIP-709), 9 names the member (KIP-848), 10 has topic ids instead of names.
import { array, bool, int16, int32, int64, string, uuid } from '../fields.ts';
import { type Infer, message } from '../schema.ts';

export const offsetFetchRequest = message(
  { name: 'OffsetFetchRequest', apiKey: 9, versions: [1, 10], flexibleFrom: 6 },
  {
    groupId: string({ until: 7 }),
    topics: array(
      {
        name: string(),
        partitionIndexes: array(int32()),
      },
      { until: 7, nullableFrom: 2 },
    ),
    groups: array(
      {
        groupId: string(),
        memberId: string({ since: 9, nullableFrom: 9, fallback: null, ignorable: true }),
        memberEpoch: int32({ since: 9, fallback: -1, ignorable: true }),
        topics: array(
          {
            name: string({ until: 9, ignorable: true }),
            topicId: uuid({ since: 10, ignorable: true }),
            partitionIndexes: array(int32()),
          },
          { nullableFrom: 0 },
        ),
      },
      { since: 8 },
    ),
    requireStable: bool({ since: 7 }),
  },
);
export type OffsetFetchRequest = Infer<typeof offsetFetchRequest>;

export const offsetFetchResponse = message(
  { name: 'OffsetFetchResponse', apiKey: 9, versions: [1, 10], flexibleFrom: 6 },
  {
    throttleTimeMs: int32({ since: 3, ignorable: true }),
    topics: array(
      {
        name: string(),
        partitions: array({
          partitionIndex: int32(),
          committedOffset: int64(),
          committedLeaderEpoch: int32({ since: 5, fallback: -1, ignorable: true }),
          metadata: string({ nullableFrom: 0 }),
          errorCode: int16(),
        }),
      },
      { until: 7 },
    ),
    errorCode: int16({ since: 2, until: 7, ignorable: true }),
    groups: array(
      {
        groupId: string(),
        topics: array({
          name: string({ until: 9, ignorable: true }),
          topicId: uuid({ since: 10, ignorable: true }),
          partitions: array({
            partitionIndex: int32(),
            committedOffset: int64(),
            committedLeaderEpoch: int32({ fallback: -1 }),
            metadata: string({ nullableFrom: 0 }),
            errorCode: int16(),
          }),
        }),
        errorCode: int16(),
      },
      { since: 8 },
    ),
  },
);
export type OffsetFetchResponse = Infer<typeof offsetFetchResponse>;

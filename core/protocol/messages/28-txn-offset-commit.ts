// TxnOffsetCommit: 0-4. Version 2 adds leader epochs (KIP-320), 3 is flexible and names the member and its generation,
// so that a fenced one is refused (KIP-447), 4 says that TRANSACTION_ABORTABLE is understood (KIP-890). Version 5
// belongs to transaction.version 2, which is not advertised.
import { array, int16, int32, int64, string } from '../fields.ts';
import { type Infer, message } from '../schema.ts';

export const txnOffsetCommitRequest = message(
  { name: 'TxnOffsetCommitRequest', apiKey: 28, versions: [0, 4], flexibleFrom: 3 },
  {
    transactionalId: string(),
    groupId: string(),
    producerId: int64(),
    producerEpoch: int16(),
    generationIdOrMemberEpoch: int32({ since: 3, fallback: -1 }),
    memberId: string({ since: 3 }),
    groupInstanceId: string({ since: 3, nullableFrom: 3, fallback: null }),
    topics: array({
      name: string(),
      partitions: array({
        partitionIndex: int32(),
        committedOffset: int64(),
        committedLeaderEpoch: int32({ since: 2, fallback: -1, ignorable: true }),
        committedMetadata: string({ nullableFrom: 0 }),
      }),
    }),
  },
);
export type TxnOffsetCommitRequest = Infer<typeof txnOffsetCommitRequest>;

export const txnOffsetCommitResponse = message(
  { name: 'TxnOffsetCommitResponse', apiKey: 28, versions: [0, 4], flexibleFrom: 3 },
  {
    throttleTimeMs: int32(),
    topics: array({
      name: string(),
      partitions: array({
        partitionIndex: int32(),
        errorCode: int16(),
      }),
    }),
  },
);
export type TxnOffsetCommitResponse = Infer<typeof txnOffsetCommitResponse>;

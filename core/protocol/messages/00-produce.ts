// Produce: 3-13. Versions 0-2 carried the old message formats; they are advertised and answered with
// UNSUPPORTED_VERSION, because librdkafka sends uncompressed batches where the minimum is 3 (KAFKA-18659). Version 3
// adds transactions, 5 the log start offset, 8 errors of single records, 9 is flexible, 10 tells of a new leader in
// the answer (KIP-951), 11 says that TRANSACTION_ABORTABLE is understood (KIP-890), 12 that partitions join a
// transaction by being produced to, 13 has topic ids instead of names (KIP-516). Versions 4, 6 and 7 change errors and
// compression only.
import { array, int16, int32, int64, records, string, struct, uuid } from '../fields.ts';
import { type Infer, message } from '../schema.ts';

export const produceRequest = message(
  { name: 'ProduceRequest', apiKey: 0, versions: [3, 13], flexibleFrom: 9 },
  {
    transactionalId: string({ nullableFrom: 0, fallback: null }),
    acks: int16(),
    timeoutMs: int32(),
    topicData: array({
      name: string({ until: 12, ignorable: true }),
      topicId: uuid({ since: 13, ignorable: true }),
      partitionData: array({
        index: int32(),
        records: records(),
      }),
    }),
  },
);
export type ProduceRequest = Infer<typeof produceRequest>;

export const produceResponse = message(
  { name: 'ProduceResponse', apiKey: 0, versions: [3, 13], flexibleFrom: 9 },
  {
    responses: array({
      name: string({ until: 12, ignorable: true }),
      topicId: uuid({ since: 13, ignorable: true }),
      partitionResponses: array({
        index: int32(),
        errorCode: int16(),
        baseOffset: int64(),
        logAppendTimeMs: int64({ fallback: -1 }),
        logStartOffset: int64({ since: 5, fallback: -1, ignorable: true }),
        recordErrors: array(
          {
            batchIndex: int32(),
            batchIndexErrorMessage: string({ nullableFrom: 0, fallback: null }),
          },
          { since: 8, ignorable: true },
        ),
        errorMessage: string({ since: 8, nullableFrom: 8, fallback: null, ignorable: true }),
        currentLeader: struct(
          {
            leaderId: int32({ fallback: -1 }),
            leaderEpoch: int32({ fallback: -1 }),
          },
          { since: 10, tag: 0 },
        ),
      }),
    }),
    throttleTimeMs: int32(),
    nodeEndpoints: array(
      {
        nodeId: int32(),
        host: string(),
        port: int32(),
        rack: string({ nullableFrom: 0, fallback: null }),
      },
      { since: 10, tag: 0 },
    ),
  },
);
export type ProduceResponse = Infer<typeof produceResponse>;

// DescribeProducers: 0, flexible: the producers that a partition's leader remembers (KIP-664).
import { array, int16, int32, int64, string } from '../fields.ts';
import { type Infer, message } from '../schema.ts';

export const describeProducersRequest = message(
  { name: 'DescribeProducersRequest', apiKey: 61, versions: [0, 0], flexibleFrom: 0 },
  {
    topics: array({
      name: string(),
      partitionIndexes: array(int32()),
    }),
  },
);
export type DescribeProducersRequest = Infer<typeof describeProducersRequest>;

export const describeProducersResponse = message(
  { name: 'DescribeProducersResponse', apiKey: 61, versions: [0, 0], flexibleFrom: 0 },
  {
    throttleTimeMs: int32(),
    topics: array({
      name: string(),
      partitions: array({
        partitionIndex: int32(),
        errorCode: int16(),
        errorMessage: string({ nullableFrom: 0, fallback: null }),
        activeProducers: array({
          producerId: int64(),
          producerEpoch: int32(),
          lastSequence: int32({ fallback: -1 }),
          lastTimestamp: int64({ fallback: -1 }),
          coordinatorEpoch: int32(),
          currentTxnStartOffset: int64({ fallback: -1 }),
        }),
      }),
    }),
  },
);
export type DescribeProducersResponse = Infer<typeof describeProducersResponse>;

// DescribeTransactions: 0, flexible: what the coordinator holds of each transactional id (KIP-664).
import { array, int16, int32, int64, string } from '../fields.ts';
import { type Infer, message } from '../schema.ts';

export const describeTransactionsRequest = message(
  { name: 'DescribeTransactionsRequest', apiKey: 65, versions: [0, 0], flexibleFrom: 0 },
  {
    transactionalIds: array(string()),
  },
);
export type DescribeTransactionsRequest = Infer<typeof describeTransactionsRequest>;

export const describeTransactionsResponse = message(
  { name: 'DescribeTransactionsResponse', apiKey: 65, versions: [0, 0], flexibleFrom: 0 },
  {
    throttleTimeMs: int32(),
    transactionStates: array({
      errorCode: int16(),
      transactionalId: string(),
      transactionState: string(),
      transactionTimeoutMs: int32(),
      transactionStartTimeMs: int64(),
      producerId: int64(),
      producerEpoch: int16(),
      topics: array({
        topic: string(),
        partitions: array(int32()),
      }),
    }),
  },
);
export type DescribeTransactionsResponse = Infer<typeof describeTransactionsResponse>;

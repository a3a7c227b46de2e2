// ListTransactions: 0-2, all flexible. Version 1 filters by duration (KIP-994), 2 by a pattern of transactional ids
// (KIP-1152).
import { array, int16, int32, int64, string } from '../fields.ts';
import { type Infer, message } from '../schema.ts';

export const listTransactionsRequest = message(
  { name: 'ListTransactionsRequest', apiKey: 66, versions: [0, 2], flexibleFrom: 0 },
  {
    stateFilters: array(string()),
    producerIdFilters: array(int64()),
    durationFilter: int64({ since: 1, fallback: -1 }),
    transactionalIdPattern: string({ since: 2, nullableFrom: 2, fallback: null }),
  },
);
export type ListTransactionsRequest = Infer<typeof listTransactionsRequest>;

export const listTransactionsResponse = message(
  { name: 'ListTransactionsResponse', apiKey: 66, versions: [0, 2], flexibleFrom: 0 },
  {
    throttleTimeMs: int32(),
    errorCode: int16(),
    unknownStateFilters: array(string()),
    transactionStates: array({
      transactionalId: string(),
      producerId: int64(),
      transactionState: string(),
    }),
  },
);
export type ListTransactionsResponse = Infer<typeof listTransactionsResponse>;

// CreatePartitions: 0-3. Version 2 is flexible, 3 can be throttled by quota (KIP-599).
import { array, bool, int16, int32, string } from '../fields.ts';
import { type Infer, message } from '../schema.ts';

export const createPartitionsRequest = message(
  { name: 'CreatePartitionsRequest', apiKey: 37, versions: [0, 3], flexibleFrom: 2 },
  {
    topics: array({
      name: string(),
      count: int32(),
      assignments: array(
        {
          brokerIds: array(int32()),
        },
        { nullableFrom: 0 },
      ),
    }),
    timeoutMs: int32(),
    validateOnly: bool(),
  },
);
export type CreatePartitionsRequest = Infer<typeof createPartitionsRequest>;

export const createPartitionsResponse = message(
  { name: 'CreatePartitionsResponse', apiKey: 37, versions: [0, 3], flexibleFrom: 2 },
  {
    throttleTimeMs: int32(),
    results: array({
      name: string(),
      errorCode: int16(),
      errorMessage: string({ nullableFrom: 0, fallback: null }),
    }),
  },
);
export type CreatePartitionsResponse = Infer<typeof createPartitionsResponse>;

// InitProducerId: 0-5. Version 2 is flexible, 3 takes the id and epoch that the producer has, to raise its epoch
// (KIP-360), 4 says that PRODUCER_FENCED is understood (KIP-588), 5 that TRANSACTION_ABORTABLE is (KIP-890).
import { int16, int32, int64, string } from '../fields.ts';
import { type Infer, message } from '../schema.ts';

export const initProducerIdRequest = message(
  { name: 'InitProducerIdRequest', apiKey: 22, versions: [0, 5], flexibleFrom: 2 },
  {
    transactionalId: string({ nullableFrom: 0 }),
    transactionTimeoutMs: int32(),
    producerId: int64({ since: 3, fallback: -1 }),
    producerEpoch: int16({ since: 3, fallback: -1 }),
  },
);
export type InitProducerIdRequest = Infer<typeof initProducerIdRequest>;

export const initProducerIdResponse = message(
  { name: 'InitProducerIdResponse', apiKey: 22, versions: [0, 5], flexibleFrom: 2 },
  {
    throttleTimeMs: int32(),
    errorCode: int16(),
    producerId: int64({ fallback: -1 }),
    producerEpoch: int16(),
  },
);
export type InitProducerIdResponse = Infer<typeof initProducerIdResponse>;

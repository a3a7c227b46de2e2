// AddOffsetsToTxn: 0-4. Version 3 is flexible, 4 says that TRANSACTION_ABORTABLE is understood (KIP-890).
import { int16, int32, int64, string } from '../fields.ts';
import { type Infer, message } from '../schema.ts';

export const addOffsetsToTxnRequest = message(
  { name: 'AddOffsetsToTxnRequest', apiKey: 25, versions: [0, 4], flexibleFrom: 3 },
  {
    transactionalId: string(),
    producerId: int64(),
    producerEpoch: int16(),
    groupId: string(),
  },
);
export type AddOffsetsToTxnRequest = Infer<typeof addOffsetsToTxnRequest>;

export const addOffsetsToTxnResponse = message(
  { name: 'AddOffsetsToTxnResponse', apiKey: 25, versions: [0, 4], flexibleFrom: 3 },
  {
    throttleTimeMs: int32(),
    errorCode: int16(),
  },
);
export type AddOffsetsToTxnResponse = Infer<typeof addOffsetsToTxnResponse>;

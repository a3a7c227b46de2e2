// EndTxn: 0-4. Version 3 is flexible, 4 says that TRANSACTION_ABORTABLE is understood (KIP-890). Version 5, which
// answers with a raised epoch, belongs to transaction.version 2, which is not advertised.
import { bool, int16, int32, int64, string } from '../fields.ts';
import { type Infer, message } from '../schema.ts';

export const endTxnRequest = message(
  { name: 'EndTxnRequest', apiKey: 26, versions: [0, 4], flexibleFrom: 3 },
  {
    transactionalId: string(),
    producerId: int64(),
    producerEpoch: int16(),
    committed: bool(),
  },
);
export type EndTxnRequest = Infer<typeof endTxnRequest>;

export const endTxnResponse = message(
  { name: 'EndTxnResponse', apiKey: 26, versions: [0, 4], flexibleFrom: 3 },
  {
    throttleTimeMs: int32(),
    errorCode: int16(),
  },
);
export type EndTxnResponse = Infer<typeof endTxnResponse>;

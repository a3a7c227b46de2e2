// FindCoordinator: 0-6. Version 1 adds transactional ids as keys (keyType 1; 0 is a group) and throttling, 3 is
// flexible, 4 asks for many keys at once in `coordinatorKeys` and answers in `coordinators` (KIP-699), 5 says that
// TRANSACTION_ABORTABLE is understood (KIP-890), 6 adds share groups as keys (keyType 2, KIP-932).
import { array, int8, int16, int32, string } from '../fields.ts';
import { type Infer, message } from '../schema.ts';

export const findCoordinatorRequest = message(
  { name: 'FindCoordinatorRequest', apiKey: 10, versions: [0, 6], flexibleFrom: 3 },
  {
    key: string({ until: 3 }),
    keyType: int8({ since: 1 }),
    coordinatorKeys: array(string(), { since: 4 }),
  },
);
export type FindCoordinatorRequest = Infer<typeof findCoordinatorRequest>;

export const findCoordinatorResponse = message(
  { name: 'FindCoordinatorResponse', apiKey: 10, versions: [0, 6], flexibleFrom: 3 },
  {
    throttleTimeMs: int32({ since: 1, ignorable: true }),
    errorCode: int16({ until: 3 }),
    errorMessage: string({ since: 1, until: 3, nullableFrom: 1, ignorable: true }),
    nodeId: int32({ until: 3 }),
    host: string({ until: 3 }),
    port: int32({ until: 3 }),
    coordinators: array(
      {
        key: string(),
        nodeId: int32(),
        host: string(),
        port: int32(),
        errorCode: int16(),
        errorMessage: string({ nullableFrom: 0 }),
      },
      { since: 4 },
    ),
  },
);
export type FindCoordinatorResponse = Infer<typeof findCoordinatorResponse>;

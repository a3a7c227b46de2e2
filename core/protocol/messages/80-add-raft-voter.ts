// AddRaftVoter: 0-1, all flexible (KIP-853). Version 1 may be answered before the change is committed.
import { array, bool, int16, int32, string, uint16, uuid } from '../fields.ts';
import { type Infer, message } from '../schema.ts';

export const addRaftVoterRequest = message(
  { name: 'AddRaftVoterRequest', apiKey: 80, versions: [0, 1], flexibleFrom: 0 },
  {
    clusterId: string({ nullableFrom: 0 }),
    timeoutMs: int32(),
    voterId: int32(),
    voterDirectoryId: uuid(),
    listeners: array({ name: string(), host: string(), port: uint16() }),
    ackWhenCommitted: bool({ since: 1, fallback: true }),
  },
);
export type AddRaftVoterRequest = Infer<typeof addRaftVoterRequest>;

export const addRaftVoterResponse = message(
  { name: 'AddRaftVoterResponse', apiKey: 80, versions: [0, 1], flexibleFrom: 0 },
  {
    throttleTimeMs: int32(),
    errorCode: int16(),
    errorMessage: string({ nullableFrom: 0 }),
  },
);
export type AddRaftVoterResponse = Infer<typeof addRaftVoterResponse>;

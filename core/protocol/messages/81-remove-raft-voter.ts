// RemoveRaftVoter: 0, flexible (KIP-853).
import { int16, int32, string, uuid } from '../fields.ts';
import { type Infer, message } from '../schema.ts';

export const removeRaftVoterRequest = message(
  { name: 'RemoveRaftVoterRequest', apiKey: 81, versions: [0, 0], flexibleFrom: 0 },
  {
    clusterId: string({ nullableFrom: 0 }),
    voterId: int32(),
    voterDirectoryId: uuid(),
  },
);
export type RemoveRaftVoterRequest = Infer<typeof removeRaftVoterRequest>;

export const removeRaftVoterResponse = message(
  { name: 'RemoveRaftVoterResponse', apiKey: 81, versions: [0, 0], flexibleFrom: 0 },
  {
    throttleTimeMs: int32(),
    errorCode: int16(),
    errorMessage: string({ nullableFrom: 0 }),
  },
);
export type RemoveRaftVoterResponse = Infer<typeof removeRaftVoterResponse>;

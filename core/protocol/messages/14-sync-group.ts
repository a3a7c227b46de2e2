// SyncGroup: 0-5. Version 1 adds throttling, 3 static members (KIP-345), 4 is flexible, 5 has the protocol's type and
// name (KIP-559).
import { array, bytes, int16, int32, string } from '../fields.ts';
import { type Infer, message } from '../schema.ts';

export const syncGroupRequest = message(
  { name: 'SyncGroupRequest', apiKey: 14, versions: [0, 5], flexibleFrom: 4 },
  {
    groupId: string(),
    generationId: int32(),
    memberId: string(),
    groupInstanceId: string({ since: 3, nullableFrom: 3, fallback: null }),
    protocolType: string({ since: 5, nullableFrom: 5, fallback: null, ignorable: true }),
    protocolName: string({ since: 5, nullableFrom: 5, fallback: null, ignorable: true }),
    assignments: array({
      memberId: string(),
      assignment: bytes(),
    }),
  },
);
export type SyncGroupRequest = Infer<typeof syncGroupRequest>;

export const syncGroupResponse = message(
  { name: 'SyncGroupResponse', apiKey: 14, versions: [0, 5], flexibleFrom: 4 },
  {
    throttleTimeMs: int32({ since: 1, ignorable: true }),
    errorCode: int16(),
    protocolType: string({ since: 5, nullableFrom: 5, fallback: null, ignorable: true }),
    protocolName: string({ since: 5, nullableFrom: 5, fallback: null, ignorable: true }),
    assignment: bytes(),
  },
);
export type SyncGroupResponse = Infer<typeof syncGroupResponse>;

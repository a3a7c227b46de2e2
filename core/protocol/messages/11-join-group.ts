// JoinGroup: 0-9. Version 1 adds a rebalance timeout apart from the session's, 2 throttling, 4 answers a first join
// with a member id and MEMBER_ID_REQUIRED (KIP-394), 5 adds static members (KIP-345), 6 is flexible, 7 gives the
// protocol's type and lets its name be null (KIP-559), 8 takes a reason (KIP-800), 9 lets the leader skip the
// assignment (KIP-814).
import { array, bool, bytes, int16, int32, string } from '../fields.ts';
import { type Infer, message } from '../schema.ts';

export const joinGroupRequest = message(
  { name: 'JoinGroupRequest', apiKey: 11, versions: [0, 9], flexibleFrom: 6 },
  {
    groupId: string(),
    sessionTimeoutMs: int32(),
    rebalanceTimeoutMs: int32({ since: 1, fallback: -1, ignorable: true }),
    memberId: string(),
    groupInstanceId: string({ since: 5, nullableFrom: 5, fallback: null }),
    protocolType: string(),
    protocols: array({
      name: string(),
      metadata: bytes(),
    }),
    reason: string({ since: 8, nullableFrom: 8, fallback: null, ignorable: true }),
  },
);
export type JoinGroupRequest = Infer<typeof joinGroupRequest>;

export const joinGroupResponse = message(
  { name: 'JoinGroupResponse', apiKey: 11, versions: [0, 9], flexibleFrom: 6 },
  {
    throttleTimeMs: int32({ since: 2, ignorable: true }),
    errorCode: int16(),
    generationId: int32({ fallback: -1 }),
    protocolType: string({ since: 7, nullableFrom: 7, fallback: null, ignorable: true }),
    protocolName: string({ nullableFrom: 7 }),
    leader: string(),
    skipAssignment: bool({ since: 9 }),
    memberId: string(),
    members: array({
      memberId: string(),
      groupInstanceId: string({ since: 5, nullableFrom: 5, fallback: null, ignorable: true }),
      metadata: bytes(),
    }),
  },
);
export type JoinGroupResponse = Infer<typeof joinGroupResponse>;

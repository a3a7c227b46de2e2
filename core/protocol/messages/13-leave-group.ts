// LeaveGroup: 0-5. Version 1 adds throttling, 3 lets many members leave at once, static ones too (KIP-345), 4 is
// flexible, 5 takes a reason (KIP-800).
import { array, int16, int32, string } from '../fields.ts';
import { type Infer, message } from '../schema.ts';

export const leaveGroupRequest = message(
  { name: 'LeaveGroupRequest', apiKey: 13, versions: [0, 5], flexibleFrom: 4 },
  {
    groupId: string(),
    memberId: string({ until: 2 }),
    members: array(
      {
        memberId: string(),
        groupInstanceId: string({ nullableFrom: 0, fallback: null }),
        reason: string({ since: 5, nullableFrom: 5, fallback: null, ignorable: true }),
      },
      { since: 3 },
    ),
  },
);
export type LeaveGroupRequest = Infer<typeof leaveGroupRequest>;

export const leaveGroupResponse = message(
  { name: 'LeaveGroupResponse', apiKey: 13, versions: [0, 5], flexibleFrom: 4 },
  {
    throttleTimeMs: int32({ since: 1, ignorable: true }),
    errorCode: int16(),
    members: array(
      {
        memberId: string(),
        groupInstanceId: string({ nullableFrom: 0 }),
        errorCode: int16(),
      },
      { since: 3 },
    ),
  },
);
export type LeaveGroupResponse = Infer<typeof leaveGroupResponse>;

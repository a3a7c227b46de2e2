// DescribeGroups: 0-6. Version 1 adds throttling, 3 authorised operations (KIP-430), 4 static members (KIP-345), 5 is
// flexible, 6 answers GROUP_ID_NOT_FOUND with a sentence (KIP-1043).
import { array, bool, bytes, int16, int32, string } from '../fields.ts';
import { type Infer, message } from '../schema.ts';

export const describeGroupsRequest = message(
  { name: 'DescribeGroupsRequest', apiKey: 15, versions: [0, 6], flexibleFrom: 5 },
  {
    groups: array(string()),
    includeAuthorizedOperations: bool({ since: 3 }),
  },
);
export type DescribeGroupsRequest = Infer<typeof describeGroupsRequest>;

export const describeGroupsResponse = message(
  { name: 'DescribeGroupsResponse', apiKey: 15, versions: [0, 6], flexibleFrom: 5 },
  {
    throttleTimeMs: int32({ since: 1, ignorable: true }),
    groups: array({
      errorCode: int16(),
      errorMessage: string({ since: 6, nullableFrom: 6, fallback: null }),
      groupId: string(),
      groupState: string(),
      protocolType: string(),
      protocolData: string(),
      members: array({
        memberId: string(),
        groupInstanceId: string({ since: 4, nullableFrom: 4, fallback: null, ignorable: true }),
        clientId: string(),
        clientHost: string(),
        memberMetadata: bytes(),
        memberAssignment: bytes(),
      }),
      authorizedOperations: int32({ since: 3, fallback: -2147483648 }),
    }),
  },
);
export type DescribeGroupsResponse = Infer<typeof describeGroupsResponse>;

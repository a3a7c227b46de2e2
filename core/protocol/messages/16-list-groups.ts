// ListGroups: 0-5. Version 1 adds throttling, 3 is flexible, 4 filters by state and gives it (KIP-518), 5 the same for
// the type of group (KIP-848).
import { array, int16, int32, string } from '../fields.ts';
import { type Infer, message } from '../schema.ts';

export const listGroupsRequest = message(
  { name: 'ListGroupsRequest', apiKey: 16, versions: [0, 5], flexibleFrom: 3 },
  {
    statesFilter: array(string(), { since: 4 }),
    typesFilter: array(string(), { since: 5 }),
  },
);
export type ListGroupsRequest = Infer<typeof listGroupsRequest>;

export const listGroupsResponse = message(
  { name: 'ListGroupsResponse', apiKey: 16, versions: [0, 5], flexibleFrom: 3 },
  {
    throttleTimeMs: int32({ since: 1, ignorable: true }),
    errorCode: int16(),
    groups: array({
      groupId: string(),
      protocolType: string(),
      groupState: string({ since: 4, ignorable: true }),
      groupType: string({ since: 5, ignorable: true }),
    }),
  },
);
export type ListGroupsResponse = Infer<typeof listGroupsResponse>;

// DeleteGroups: 0-2. Version 2 is flexible.
import { array, int16, int32, string } from '../fields.ts';
import { type Infer, message } from '../schema.ts';

export const deleteGroupsRequest = message(
  { name: 'DeleteGroupsRequest', apiKey: 42, versions: [0, 2], flexibleFrom: 2 },
  {
    groupsNames: array(string()),
  },
);
export type DeleteGroupsRequest = Infer<typeof deleteGroupsRequest>;

export const deleteGroupsResponse = message(
  { name: 'DeleteGroupsResponse', apiKey: 42, versions: [0, 2], flexibleFrom: 2 },
  {
    throttleTimeMs: int32(),
    results: array({
      groupId: string(),
      errorCode: int16(),
    }),
  },
);
export type DeleteGroupsResponse = Infer<typeof deleteGroupsResponse>;

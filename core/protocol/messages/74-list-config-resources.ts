// ListConfigResources: 0-1, all flexible. Version 0 lists client metrics resources only; 1 takes types of resources,
// none meaning all, and gives the type of each (KIP-1142).
import { array, int8, int16, int32, string } from '../fields.ts';
import { type Infer, message } from '../schema.ts';

export const listConfigResourcesRequest = message(
  { name: 'ListConfigResourcesRequest', apiKey: 74, versions: [0, 1], flexibleFrom: 0 },
  {
    resourceTypes: array(int8(), { since: 1 }),
  },
);
export type ListConfigResourcesRequest = Infer<typeof listConfigResourcesRequest>;

export const listConfigResourcesResponse = message(
  { name: 'ListConfigResourcesResponse', apiKey: 74, versions: [0, 1], flexibleFrom: 0 },
  {
    throttleTimeMs: int32(),
    errorCode: int16(),
    configResources: array({
      resourceName: string(),
      resourceType: int8({ since: 1, fallback: 16, ignorable: true }),
    }),
  },
);
export type ListConfigResourcesResponse = Infer<typeof listConfigResourcesResponse>;

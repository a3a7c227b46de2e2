// AlterConfigs: 0-2. Replaces all configs of a resource: what isn't named goes back to its default, which is why
// clients prefer IncrementalAlterConfigs. Version 2 is flexible.
import { array, bool, int8, int16, int32, string } from '../fields.ts';
import { type Infer, message } from '../schema.ts';

export const alterConfigsRequest = message(
  { name: 'AlterConfigsRequest', apiKey: 33, versions: [0, 2], flexibleFrom: 2 },
  {
    resources: array({
      resourceType: int8(),
      resourceName: string(),
      configs: array({
        name: string(),
        value: string({ nullableFrom: 0 }),
      }),
    }),
    validateOnly: bool(),
  },
);
export type AlterConfigsRequest = Infer<typeof alterConfigsRequest>;

export const alterConfigsResponse = message(
  { name: 'AlterConfigsResponse', apiKey: 33, versions: [0, 2], flexibleFrom: 2 },
  {
    throttleTimeMs: int32(),
    responses: array({
      errorCode: int16(),
      errorMessage: string({ nullableFrom: 0 }),
      resourceType: int8(),
      resourceName: string(),
    }),
  },
);
export type AlterConfigsResponse = Infer<typeof alterConfigsResponse>;

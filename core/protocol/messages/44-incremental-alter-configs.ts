// IncrementalAlterConfigs: 0-1. Version 1 is flexible. Operations: 0 set, 1 delete, 2 append, 3 subtract (KIP-339).
import { array, bool, int8, int16, int32, string } from '../fields.ts';
import { type Infer, message } from '../schema.ts';

export const incrementalAlterConfigsRequest = message(
  { name: 'IncrementalAlterConfigsRequest', apiKey: 44, versions: [0, 1], flexibleFrom: 1 },
  {
    resources: array({
      resourceType: int8(),
      resourceName: string(),
      configs: array({
        name: string(),
        configOperation: int8(),
        value: string({ nullableFrom: 0 }),
      }),
    }),
    validateOnly: bool(),
  },
);
export type IncrementalAlterConfigsRequest = Infer<typeof incrementalAlterConfigsRequest>;

export const incrementalAlterConfigsResponse = message(
  { name: 'IncrementalAlterConfigsResponse', apiKey: 44, versions: [0, 1], flexibleFrom: 1 },
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
export type IncrementalAlterConfigsResponse = Infer<typeof incrementalAlterConfigsResponse>;

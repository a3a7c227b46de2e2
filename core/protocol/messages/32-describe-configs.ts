// DescribeConfigs: 1-4. Version 1 adds synonyms and the source of a value, 3 its type and documentation where asked
// (KIP-569), 4 is flexible. Null configuration keys mean all.
import { array, bool, int8, int16, int32, string } from '../fields.ts';
import { type Infer, message } from '../schema.ts';

export const describeConfigsRequest = message(
  { name: 'DescribeConfigsRequest', apiKey: 32, versions: [1, 4], flexibleFrom: 4 },
  {
    resources: array({
      resourceType: int8(),
      resourceName: string(),
      configurationKeys: array(string(), { nullableFrom: 0 }),
    }),
    includeSynonyms: bool(),
    includeDocumentation: bool({ since: 3 }),
  },
);
export type DescribeConfigsRequest = Infer<typeof describeConfigsRequest>;

export const describeConfigsResponse = message(
  { name: 'DescribeConfigsResponse', apiKey: 32, versions: [1, 4], flexibleFrom: 4 },
  {
    throttleTimeMs: int32(),
    results: array({
      errorCode: int16(),
      errorMessage: string({ nullableFrom: 0 }),
      resourceType: int8(),
      resourceName: string(),
      configs: array({
        name: string(),
        value: string({ nullableFrom: 0 }),
        readOnly: bool(),
        configSource: int8({ fallback: -1 }),
        isSensitive: bool(),
        synonyms: array({
          name: string(),
          value: string({ nullableFrom: 0 }),
          source: int8(),
        }),
        configType: int8({ since: 3, ignorable: true }),
        documentation: string({ since: 3, nullableFrom: 3, ignorable: true }),
      }),
    }),
  },
);
export type DescribeConfigsResponse = Infer<typeof describeConfigsResponse>;

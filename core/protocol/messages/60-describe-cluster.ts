// DescribeCluster: 0-2, all flexible. Version 1 tells brokers (1) from controllers (2) as endpoints (KIP-919), 2
// includes fenced brokers where asked (KIP-1073).
import { array, bool, int8, int16, int32, string } from '../fields.ts';
import { type Infer, message } from '../schema.ts';

export const describeClusterRequest = message(
  { name: 'DescribeClusterRequest', apiKey: 60, versions: [0, 2], flexibleFrom: 0 },
  {
    includeClusterAuthorizedOperations: bool(),
    endpointType: int8({ since: 1, fallback: 1 }),
    includeFencedBrokers: bool({ since: 2 }),
  },
);
export type DescribeClusterRequest = Infer<typeof describeClusterRequest>;

export const describeClusterResponse = message(
  { name: 'DescribeClusterResponse', apiKey: 60, versions: [0, 2], flexibleFrom: 0 },
  {
    throttleTimeMs: int32(),
    errorCode: int16(),
    errorMessage: string({ nullableFrom: 0, fallback: null }),
    endpointType: int8({ since: 1, fallback: 1 }),
    clusterId: string(),
    controllerId: int32({ fallback: -1 }),
    brokers: array({
      brokerId: int32(),
      host: string(),
      port: int32(),
      rack: string({ nullableFrom: 0, fallback: null }),
      isFenced: bool({ since: 2 }),
    }),
    clusterAuthorizedOperations: int32({ fallback: -2147483648 }),
  },
);
export type DescribeClusterResponse = Infer<typeof describeClusterResponse>;

// AlterPartitionReassignments: 0-1, all flexible (KIP-455). Null replicas cancel a reassignment. Version 1 says
// whether the number of replicas may change.
import { array, bool, int16, int32, string } from '../fields.ts';
import { type Infer, message } from '../schema.ts';

export const alterPartitionReassignmentsRequest = message(
  { name: 'AlterPartitionReassignmentsRequest', apiKey: 45, versions: [0, 1], flexibleFrom: 0 },
  {
    timeoutMs: int32({ fallback: 60000 }),
    allowReplicationFactorChange: bool({ since: 1, fallback: true }),
    topics: array({
      name: string(),
      partitions: array({
        partitionIndex: int32(),
        replicas: array(int32(), { nullableFrom: 0, fallback: null }),
      }),
    }),
  },
);
export type AlterPartitionReassignmentsRequest = Infer<typeof alterPartitionReassignmentsRequest>;

export const alterPartitionReassignmentsResponse = message(
  { name: 'AlterPartitionReassignmentsResponse', apiKey: 45, versions: [0, 1], flexibleFrom: 0 },
  {
    throttleTimeMs: int32(),
    allowReplicationFactorChange: bool({ since: 1, fallback: true, ignorable: true }),
    errorCode: int16(),
    errorMessage: string({ nullableFrom: 0 }),
    responses: array({
      name: string(),
      partitions: array({
        partitionIndex: int32(),
        errorCode: int16(),
        errorMessage: string({ nullableFrom: 0 }),
      }),
    }),
  },
);
export type AlterPartitionReassignmentsResponse = Infer<typeof alterPartitionReassignmentsResponse>;

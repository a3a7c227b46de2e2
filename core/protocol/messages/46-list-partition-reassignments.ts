// ListPartitionReassignments: 0, flexible (KIP-455). Null topics mean all.
import { array, int16, int32, string } from '../fields.ts';
import { type Infer, message } from '../schema.ts';

export const listPartitionReassignmentsRequest = message(
  { name: 'ListPartitionReassignmentsRequest', apiKey: 46, versions: [0, 0], flexibleFrom: 0 },
  {
    timeoutMs: int32({ fallback: 60000 }),
    topics: array(
      {
        name: string(),
        partitionIndexes: array(int32()),
      },
      { nullableFrom: 0, fallback: null },
    ),
  },
);
export type ListPartitionReassignmentsRequest = Infer<typeof listPartitionReassignmentsRequest>;

export const listPartitionReassignmentsResponse = message(
  { name: 'ListPartitionReassignmentsResponse', apiKey: 46, versions: [0, 0], flexibleFrom: 0 },
  {
    throttleTimeMs: int32(),
    errorCode: int16(),
    errorMessage: string({ nullableFrom: 0 }),
    topics: array({
      name: string(),
      partitions: array({
        partitionIndex: int32(),
        replicas: array(int32()),
        addingReplicas: array(int32()),
        removingReplicas: array(int32()),
      }),
    }),
  },
);
export type ListPartitionReassignmentsResponse = Infer<typeof listPartitionReassignmentsResponse>;

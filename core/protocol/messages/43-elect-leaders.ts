// ElectLeaders: 0-2. Null topics mean all. Version 1 tells preferred (0) from unclean (1) elections and adds an error
// for the whole answer (KIP-460), 2 is flexible.
import { array, int8, int16, int32, string } from '../fields.ts';
import { type Infer, message } from '../schema.ts';

export const electLeadersRequest = message(
  { name: 'ElectLeadersRequest', apiKey: 43, versions: [0, 2], flexibleFrom: 2 },
  {
    electionType: int8({ since: 1 }),
    topicPartitions: array(
      {
        topic: string(),
        partitions: array(int32()),
      },
      { nullableFrom: 0 },
    ),
    timeoutMs: int32({ fallback: 60000 }),
  },
);
export type ElectLeadersRequest = Infer<typeof electLeadersRequest>;

export const electLeadersResponse = message(
  { name: 'ElectLeadersResponse', apiKey: 43, versions: [0, 2], flexibleFrom: 2 },
  {
    throttleTimeMs: int32(),
    errorCode: int16({ since: 1 }),
    replicaElectionResults: array({
      topic: string(),
      partitionResult: array({
        partitionId: int32(),
        errorCode: int16(),
        errorMessage: string({ nullableFrom: 0 }),
      }),
    }),
  },
);
export type ElectLeadersResponse = Infer<typeof electLeadersResponse>;

// CreateTopics: 2-7. Version 4 takes -1 partitions and replicas for the defaults (KIP-464), 5 is flexible and answers
// with what was made and its configs (KIP-525), 6 can be throttled by quota (KIP-599), 7 gives the topic's id.
import { array, bool, int8, int16, int32, string, uuid } from '../fields.ts';
import { type Infer, message } from '../schema.ts';

export const createTopicsRequest = message(
  { name: 'CreateTopicsRequest', apiKey: 19, versions: [2, 7], flexibleFrom: 5 },
  {
    topics: array({
      name: string(),
      numPartitions: int32(),
      replicationFactor: int16(),
      assignments: array({
        partitionIndex: int32(),
        brokerIds: array(int32()),
      }),
      configs: array({
        name: string(),
        value: string({ nullableFrom: 0 }),
      }),
    }),
    timeoutMs: int32({ fallback: 60000 }),
    validateOnly: bool(),
  },
);
export type CreateTopicsRequest = Infer<typeof createTopicsRequest>;

export const createTopicsResponse = message(
  { name: 'CreateTopicsResponse', apiKey: 19, versions: [2, 7], flexibleFrom: 5 },
  {
    throttleTimeMs: int32(),
    topics: array({
      name: string(),
      topicId: uuid({ since: 7, ignorable: true }),
      errorCode: int16(),
      errorMessage: string({ nullableFrom: 0 }),
      topicConfigErrorCode: int16({ since: 5, tag: 0, ignorable: true }),
      numPartitions: int32({ since: 5, fallback: -1, ignorable: true }),
      replicationFactor: int16({ since: 5, fallback: -1, ignorable: true }),
      configs: array(
        {
          name: string(),
          value: string({ nullableFrom: 0 }),
          readOnly: bool(),
          configSource: int8({ fallback: -1 }),
          isSensitive: bool(),
        },
        { since: 5, nullableFrom: 5, ignorable: true },
      ),
    }),
  },
);
export type CreateTopicsResponse = Infer<typeof createTopicsResponse>;

// DeleteTopics: 1-6. Version 4 is flexible, 5 adds an error sentence, 6 takes topics by id as well and then lists
// `topics` instead of `topicNames` (KIP-516).
import { array, int16, int32, string, uuid } from '../fields.ts';
import { type Infer, message } from '../schema.ts';

export const deleteTopicsRequest = message(
  { name: 'DeleteTopicsRequest', apiKey: 20, versions: [1, 6], flexibleFrom: 4 },
  {
    topics: array(
      {
        name: string({ nullableFrom: 0, fallback: null }),
        topicId: uuid(),
      },
      { since: 6 },
    ),
    topicNames: array(string(), { until: 5, ignorable: true }),
    timeoutMs: int32(),
  },
);
export type DeleteTopicsRequest = Infer<typeof deleteTopicsRequest>;

export const deleteTopicsResponse = message(
  { name: 'DeleteTopicsResponse', apiKey: 20, versions: [1, 6], flexibleFrom: 4 },
  {
    throttleTimeMs: int32(),
    responses: array({
      name: string({ nullableFrom: 6 }),
      topicId: uuid({ since: 6, ignorable: true }),
      errorCode: int16(),
      errorMessage: string({ since: 5, nullableFrom: 5, fallback: null, ignorable: true }),
    }),
  },
);
export type DeleteTopicsResponse = Infer<typeof deleteTopicsResponse>;

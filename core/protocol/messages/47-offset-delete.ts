// OffsetDelete: 0, which is not flexible (KIP-496).
import { array, int16, int32, string } from '../fields.ts';
import { type Infer, message } from '../schema.ts';

export const offsetDeleteRequest = message(
  { name: 'OffsetDeleteRequest', apiKey: 47, versions: [0, 0] },
  {
    groupId: string(),
    topics: array({
      name: string(),
      partitions: array({
        partitionIndex: int32(),
      }),
    }),
  },
);
export type OffsetDeleteRequest = Infer<typeof offsetDeleteRequest>;

export const offsetDeleteResponse = message(
  { name: 'OffsetDeleteResponse', apiKey: 47, versions: [0, 0] },
  {
    errorCode: int16(),
    throttleTimeMs: int32(),
    topics: array({
      name: string(),
      partitions: array({
        partitionIndex: int32(),
        errorCode: int16(),
      }),
    }),
  },
);
export type OffsetDeleteResponse = Infer<typeof offsetDeleteResponse>;

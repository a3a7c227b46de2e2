// DeleteRecords: 0-2. Version 2 is flexible. An offset of -1 is the high watermark.
import { array, int16, int32, int64, string } from '../fields.ts';
import { type Infer, message } from '../schema.ts';

export const deleteRecordsRequest = message(
  { name: 'DeleteRecordsRequest', apiKey: 21, versions: [0, 2], flexibleFrom: 2 },
  {
    topics: array({
      name: string(),
      partitions: array({
        partitionIndex: int32(),
        offset: int64(),
      }),
    }),
    timeoutMs: int32(),
  },
);
export type DeleteRecordsRequest = Infer<typeof deleteRecordsRequest>;

export const deleteRecordsResponse = message(
  { name: 'DeleteRecordsResponse', apiKey: 21, versions: [0, 2], flexibleFrom: 2 },
  {
    throttleTimeMs: int32(),
    topics: array({
      name: string(),
      partitions: array({
        partitionIndex: int32(),
        lowWatermark: int64(),
        errorCode: int16(),
      }),
    }),
  },
);
export type DeleteRecordsResponse = Infer<typeof deleteRecordsResponse>;

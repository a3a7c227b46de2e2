// WriteTxnMarkers: 1-2, among nodes only. Version 1 is flexible; 2 says by which rules the transaction was run, so
// that a marker of an older epoch can be told (KIP-1228).
import { array, bool, int8, int16, int32, int64, string } from '../fields.ts';
import { type Infer, message } from '../schema.ts';

export const writeTxnMarkersRequest = message(
  { name: 'WriteTxnMarkersRequest', apiKey: 27, versions: [1, 2], flexibleFrom: 1 },
  {
    markers: array({
      producerId: int64(),
      producerEpoch: int16(),
      transactionResult: bool(),
      topics: array({
        name: string(),
        partitionIndexes: array(int32()),
      }),
      coordinatorEpoch: int32(),
      transactionVersion: int8({ since: 2, ignorable: true }),
    }),
  },
);
export type WriteTxnMarkersRequest = Infer<typeof writeTxnMarkersRequest>;

export const writeTxnMarkersResponse = message(
  { name: 'WriteTxnMarkersResponse', apiKey: 27, versions: [1, 2], flexibleFrom: 1 },
  {
    markers: array({
      producerId: int64(),
      topics: array({
        name: string(),
        partitions: array({
          partitionIndex: int32(),
          errorCode: int16(),
        }),
      }),
    }),
  },
);
export type WriteTxnMarkersResponse = Infer<typeof writeTxnMarkersResponse>;

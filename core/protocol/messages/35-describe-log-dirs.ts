// DescribeLogDirs: 1-4. Null topics mean all. Version 2 is flexible, 3 adds an error for the whole answer, 4 the size
// of the volume and what is free of it (KIP-827). Version 5, with cordoned folders, is not served.
import { array, bool, int16, int32, int64, string } from '../fields.ts';
import { type Infer, message } from '../schema.ts';

export const describeLogDirsRequest = message(
  { name: 'DescribeLogDirsRequest', apiKey: 35, versions: [1, 4], flexibleFrom: 2 },
  {
    topics: array(
      {
        topic: string(),
        partitions: array(int32()),
      },
      { nullableFrom: 0 },
    ),
  },
);
export type DescribeLogDirsRequest = Infer<typeof describeLogDirsRequest>;

export const describeLogDirsResponse = message(
  { name: 'DescribeLogDirsResponse', apiKey: 35, versions: [1, 4], flexibleFrom: 2 },
  {
    throttleTimeMs: int32(),
    errorCode: int16({ since: 3, ignorable: true }),
    results: array({
      errorCode: int16(),
      logDir: string(),
      topics: array({
        name: string(),
        partitions: array({
          partitionIndex: int32(),
          partitionSize: int64(),
          offsetLag: int64(),
          isFutureKey: bool(),
        }),
      }),
      totalBytes: int64({ since: 4, fallback: -1, ignorable: true }),
      usableBytes: int64({ since: 4, fallback: -1, ignorable: true }),
    }),
  },
);
export type DescribeLogDirsResponse = Infer<typeof describeLogDirsResponse>;

// ApiVersions: 0-4. Version 1 adds throttling, 3 is flexible and names the client (KIP-511), 4 allows a feature's
// minimum to be 0, which clients of version 3 can't take (KAFKA-17011). The response header stays version 0 for ever,
// so that old clients can read the error; a version too high is answered as version 0 with UNSUPPORTED_VERSION.
import { array, bool, int16, int32, int64, string } from '../fields.ts';
import { type Infer, message } from '../schema.ts';

export const apiVersionsRequest = message(
  { name: 'ApiVersionsRequest', apiKey: 18, versions: [0, 4], flexibleFrom: 3 },
  {
    clientSoftwareName: string({ since: 3, ignorable: true }),
    clientSoftwareVersion: string({ since: 3, ignorable: true }),
  },
);
export type ApiVersionsRequest = Infer<typeof apiVersionsRequest>;

export const apiVersionsResponse = message(
  { name: 'ApiVersionsResponse', apiKey: 18, versions: [0, 4], flexibleFrom: 3 },
  {
    errorCode: int16(),
    apiKeys: array({
      apiKey: int16(),
      minVersion: int16(),
      maxVersion: int16(),
    }),
    throttleTimeMs: int32({ since: 1, ignorable: true }),
    supportedFeatures: array(
      {
        name: string(),
        minVersion: int16(),
        maxVersion: int16(),
      },
      { since: 3, tag: 0, ignorable: true },
    ),
    finalizedFeaturesEpoch: int64({ since: 3, tag: 1, fallback: -1, ignorable: true }),
    finalizedFeatures: array(
      {
        name: string(),
        maxVersionLevel: int16(),
        minVersionLevel: int16(),
      },
      { since: 3, tag: 2, ignorable: true },
    ),
    zkMigrationReady: bool({ since: 3, tag: 3, ignorable: true }),
  },
);
export type ApiVersionsResponse = Infer<typeof apiVersionsResponse>;

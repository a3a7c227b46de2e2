// Heartbeat: 0-4. Version 1 adds throttling, 3 static members (KIP-345), 4 is flexible.
import { int16, int32, string } from '../fields.ts';
import { type Infer, message } from '../schema.ts';

export const heartbeatRequest = message(
  { name: 'HeartbeatRequest', apiKey: 12, versions: [0, 4], flexibleFrom: 4 },
  {
    groupId: string(),
    generationId: int32(),
    memberId: string(),
    groupInstanceId: string({ since: 3, nullableFrom: 3, fallback: null }),
  },
);
export type HeartbeatRequest = Infer<typeof heartbeatRequest>;

export const heartbeatResponse = message(
  { name: 'HeartbeatResponse', apiKey: 12, versions: [0, 4], flexibleFrom: 4 },
  {
    throttleTimeMs: int32({ since: 1, ignorable: true }),
    errorCode: int16(),
  },
);
export type HeartbeatResponse = Infer<typeof heartbeatResponse>;

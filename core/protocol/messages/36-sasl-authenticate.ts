// SaslAuthenticate: 0-2. One token of the mechanism that SaslHandshake named. Version 1 says how long the session
// holds (KIP-368), 2 is flexible.
import { bytes, int16, int64, string } from '../fields.ts';
import { type Infer, message } from '../schema.ts';

export const saslAuthenticateRequest = message(
  { name: 'SaslAuthenticateRequest', apiKey: 36, versions: [0, 2], flexibleFrom: 2 },
  {
    authBytes: bytes(),
  },
);
export type SaslAuthenticateRequest = Infer<typeof saslAuthenticateRequest>;

export const saslAuthenticateResponse = message(
  { name: 'SaslAuthenticateResponse', apiKey: 36, versions: [0, 2], flexibleFrom: 2 },
  {
    errorCode: int16(),
    errorMessage: string({ nullableFrom: 0 }),
    authBytes: bytes(),
    sessionLifetimeMs: int64({ since: 1, ignorable: true }),
  },
);
export type SaslAuthenticateResponse = Infer<typeof saslAuthenticateResponse>;

// SaslHandshake: 0-1, never flexible. Names the mechanism that the connection is to be authenticated with. After
// version 0 the tokens follow as bare frames, after 1 in SaslAuthenticate (KIP-152).
import { array, int16, string } from '../fields.ts';
import { type Infer, message } from '../schema.ts';

export const saslHandshakeRequest = message(
  { name: 'SaslHandshakeRequest', apiKey: 17, versions: [0, 1] },
  {
    mechanism: string(),
  },
);
export type SaslHandshakeRequest = Infer<typeof saslHandshakeRequest>;

export const saslHandshakeResponse = message(
  { name: 'SaslHandshakeResponse', apiKey: 17, versions: [0, 1] },
  {
    errorCode: int16(),
    mechanisms: array(string()),
  },
);
export type SaslHandshakeResponse = Infer<typeof saslHandshakeResponse>;

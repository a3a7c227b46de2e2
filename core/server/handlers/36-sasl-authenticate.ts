// SaslAuthenticate: 0-2. See SaslHandshake.
import { apis } from '../../protocol/api-table.ts';
import { codeOf } from '../error-names.ts';
import type { Handler } from '../handler.ts';

export const saslAuthenticate: Handler<'saslAuthenticate'> = async () =>
  apis.saslAuthenticate.response.create({
    errorCode: codeOf('ILLEGAL_SASL_STATE'),
    errorMessage: 'this node has no mechanism to log in with; connect without SASL',
  });

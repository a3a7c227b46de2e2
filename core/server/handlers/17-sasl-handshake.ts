// SaslHandshake: 0-1. Nobody logs in to this node, so it is the wrong time for it, as at Kafka's PLAINTEXT listeners.
import { apis } from '../../protocol/api-table.ts';
import { codeOf } from '../error-names.ts';
import type { Handler } from '../handler.ts';

export const saslHandshake: Handler<'saslHandshake'> = async () =>
  apis.saslHandshake.response.create({ errorCode: codeOf('ILLEGAL_SASL_STATE') });

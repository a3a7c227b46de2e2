// EndTxn: 0-4. Answered when the markers are written, so a producer that has its answer reads its own outcome.
import { apis } from '../../protocol/api-table.ts';
import { codeOf } from '../error-names.ts';
import type { Handler } from '../handler.ts';
import { transactionError } from '../transaction-error.ts';

/** From 2 a client knows PRODUCER_FENCED. */
const fencedFrom = 2;

export const endTxn: Handler<'endTxn'> = async (request, { parts, version }) => {
  const ended = parts.transactions.end(request.transactionalId, request, request.committed);
  return apis.endTxn.response.create({ errorCode: codeOf(await transactionError(ended, version >= fencedFrom)) });
};

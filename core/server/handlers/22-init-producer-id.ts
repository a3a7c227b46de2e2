// InitProducerId: 0-5. Without a transactional id: a producer id that nobody ever had, epoch 0. With one: its id with the
// next epoch, which shuts out whoever had it; from 3 the producer may say what it has (KIP-360).
import { apis } from '../../protocol/api-table.ts';
import type { ErrorName } from '../../protocol/error-code.ts';
import { codeOf, coordinatorErrorOf, errorNameOf } from '../error-names.ts';
import type { Handler } from '../handler.ts';

/** From 4 a client knows PRODUCER_FENCED. */
const fencedFrom = 4;

export const initProducerId: Handler<'initProducerId'> = async (request, { parts, version }) => {
  const { response } = apis.initProducerId;
  const refused = (error: ErrorName) => response.create({ errorCode: codeOf(error), producerEpoch: -1 });
  const { transactionalId, transactionTimeoutMs: timeoutMs, producerId, producerEpoch } = request;
  if (transactionalId === null) {
    try {
      return response.create({ producerId: await parts.catalog.producerId(), producerEpoch: 0 });
    } catch (error) {
      return refused(errorNameOf(error));
    }
  }
  if (transactionalId === '') return refused('INVALID_REQUEST');
  const expected = producerId >= 0 ? { producerId, producerEpoch } : null;
  const begun = await parts.transactions.begin({ transactionalId, timeoutMs, expected }).catch(coordinatorErrorOf);
  if (typeof begun === 'string') return refused(begun);
  if (begun.error === 'NONE')
    return response.create({ producerId: begun.producerId, producerEpoch: begun.producerEpoch });
  return refused(begun.error === 'PRODUCER_FENCED' && version < fencedFrom ? 'INVALID_PRODUCER_EPOCH' : begun.error);
};

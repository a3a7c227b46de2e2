// ListTransactions: 0-2. All transactional ids of this coordinator, filtered by state, producer id, age (from 1) and a
// pattern of the whole id (from 2), of RE2's syntax.
import { topicPattern } from '../../coordinator/group/consumer/topic-pattern.ts';
import { stateNames, type Transaction } from '../../coordinator/transaction/record.ts';
import { apis } from '../../protocol/api-table.ts';
import { codeOf, coordinatorErrorOf } from '../error-names.ts';
import type { Handler } from '../handler.ts';

export const listTransactions: Handler<'listTransactions'> = async (request, { parts }) => {
  const { response } = apis.listTransactions;
  const all = await parts.transactions.list().catch(coordinatorErrorOf);
  if (typeof all === 'string') return response.create({ errorCode: codeOf(all) });
  const { stateFilters, producerIdFilters, durationFilter, transactionalIdPattern } = request;
  const known = new Set(Object.values(stateNames));
  const matches = transactionalIdPattern ? topicPattern(transactionalIdPattern) : () => true;
  if (matches === null) return response.create({ errorCode: codeOf('INVALID_REGULAR_EXPRESSION') });
  const [states, producerIds] = [new Set(stateFilters), new Set(producerIdFilters)];
  const nowMs = parts.clock.now();
  const wanted = ({ transactionalId, producerId, state, startedAtMs }: Transaction) =>
    (states.size === 0 || states.has(stateNames[state])) &&
    (producerIds.size === 0 || producerIds.has(producerId)) &&
    (durationFilter < 0 || (startedAtMs >= 0 && nowMs - startedAtMs > durationFilter)) &&
    matches(transactionalId);
  return response.create({
    unknownStateFilters: stateFilters.filter((name) => !known.has(name)),
    transactionStates: all.filter(wanted).map(({ transactionalId, producerId, state }) => ({
      transactionalId,
      producerId,
      transactionState: stateNames[state],
    })),
  });
};

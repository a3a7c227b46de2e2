// ListTransactions: 0-2. All transactional ids of this coordinator, filtered by state, producer id, age (from 1) and a
// pattern of the id (from 2).
import { stateNames, type Transaction } from '../../coordinator/transaction/record.ts';
import { apis } from '../../protocol/api-table.ts';
import { codeOf, coordinatorErrorOf, type Handler } from '../handler.ts';

export const listTransactions: Handler<'listTransactions'> = async (request, { parts }) => {
  const { response } = apis.listTransactions;
  const all = await parts.transactions.list().catch(coordinatorErrorOf);
  if (typeof all === 'string') return response.create({ errorCode: codeOf(all) });
  const { stateFilters, producerIdFilters, durationFilter, transactionalIdPattern } = request;
  const known = new Set(Object.values(stateNames));
  const pattern = patternOf(transactionalIdPattern);
  if (pattern === undefined) return response.create({ errorCode: codeOf('INVALID_REGULAR_EXPRESSION') });
  const nowMs = parts.clock.now();
  const wanted = ({ transactionalId, producerId, state, startedAtMs }: Transaction) =>
    (stateFilters.length === 0 || stateFilters.includes(stateNames[state])) &&
    (producerIdFilters.length === 0 || producerIdFilters.includes(producerId)) &&
    (durationFilter < 0 || (startedAtMs >= 0 && nowMs - startedAtMs > durationFilter)) &&
    (pattern === null || pattern.test(transactionalId));
  return response.create({
    unknownStateFilters: stateFilters.filter((name) => !known.has(name)),
    transactionStates: all.filter(wanted).map(({ transactionalId, producerId, state }) => ({
      transactionalId,
      producerId,
      transactionState: stateNames[state],
    })),
  });
};

/** Null matches everything; undefined is no regular expression. The whole id must match. */
function patternOf(text: string | null): RegExp | null | undefined {
  if (text === null || text === '') return null;
  try {
    return new RegExp(`^(?:${text})$`);
  } catch {
    return undefined;
  }
}

// What a transaction coordinator's outcome is on the wire.
import type { TransactionRefusal } from '../coordinator/transaction/state.ts';
import type { ErrorName } from '../protocol/error-code.ts';
import { coordinatorErrorOf } from './error-names.ts';

/** @param knowsFenced older clients know INVALID_PRODUCER_EPOCH only (KIP-588) */
export async function transactionError(
  outcome: Promise<{ readonly error: 'NONE' | TransactionRefusal }>,
  knowsFenced: boolean,
): Promise<ErrorName> {
  const error = await outcome.then((reply) => reply.error, coordinatorErrorOf);
  return error === 'PRODUCER_FENCED' && !knowsFenced ? 'INVALID_PRODUCER_EPOCH' : error;
}

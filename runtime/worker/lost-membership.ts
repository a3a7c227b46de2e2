// Failures of a worker after which its tasks begin again from what is committed; all others are the job's.
import { Fault, isFault } from '../../core/kernel/fault.ts';

/** What kept a commit from being answered: what is committed now is read from the log. */
export class CommitUnknown extends Error {
  override readonly name = 'CommitUnknown';

  constructor(cause: Fault) {
    super(cause.message, { cause });
  }
}

/** Somebody else has the tasks by now, or will, or the transaction has ended without us: not a failure of the job. */
export const isLostMembership = (error: unknown): boolean =>
  isFault(error, 'REBALANCED') ||
  isFault(error, 'PRODUCER_FENCED') ||
  error instanceof CommitUnknown ||
  (isFault(error, 'BROKER_ERROR') && error.detail.error === 'TRANSACTION_ABORTABLE');

export const isFaultThatPasses = (error: unknown): error is Fault => error instanceof Fault && error.retriable;

export function unlessLost(error: unknown): void {
  if (!isLostMembership(error)) throw error;
}

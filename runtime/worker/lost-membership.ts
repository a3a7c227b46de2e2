// Failures of a worker after which its tasks begin again from what is committed; all others are the job's.
import { isRetriable, refusedWith } from '../../core/client/index.ts';
import { type Fault, isFault } from '../../core/kernel/fault.ts';

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

/** Kafka has them tried again; but who deletes a topic of the job's is to hear of it. */
const endsTheJob: ReadonlySet<string | undefined> = new Set(['UNKNOWN_TOPIC_OR_PARTITION', 'UNKNOWN_TOPIC_ID']);

export const isFaultThatPasses = (error: unknown): error is Fault =>
  isRetriable(error) && !endsTheJob.has(refusedWith(error));

/** A commit without an answer, and a record that is refused because its transaction can't be committed any more, lose the tasks. */
export function losing(error: unknown): never {
  throw isFaultThatPasses(error) ? new CommitUnknown(error) : error;
}

export function unlessLost(error: unknown): void {
  if (!isLostMembership(error)) throw error;
}

export function unlessItPasses(error: unknown): void {
  if (!isFaultThatPasses(error)) throw error;
}

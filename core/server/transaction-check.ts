// Keeps what belongs to no transaction out of the logs (KIP-890): before a producer's first batch of a transaction in a
// partition the transaction coordinator is asked, once, whether the partition is in it. Without that a batch that comes
// late, after its transaction was ended, would open one that nobody ends, and hold up every reader of committed records.
// Batches after the first find the transaction open in the log and ask nobody.
import type { TransactionCoordinator } from '../coordinator/transaction/coordinator.ts';
import type { PartitionLog } from '../log/partition-log.ts';
import type { ErrorName } from '../protocol/error-code.ts';
import { coordinatorErrorOf } from './error-names.ts';

export interface TransactionalWrite {
  readonly transactionalId: string;
  readonly producerId: number;
  readonly producerEpoch: number;
}

export interface TransactionCheck {
  /**
   * Writes if it may. Writes of one producer to one log begin in the order in which they came.
   *
   * @param write begins the write before it returns
   * @returns why it may not, in the coordinator's words: TRANSACTION_ABORTABLE where the partition isn't in the transaction
   */
  admit<T>(log: PartitionLog, writer: TransactionalWrite, write: () => Promise<T>): Promise<T | ErrorName>;
  /** A marker for the producer is about to be written: what was found out before doesn't hold any more. */
  ended(log: PartitionLog, producerId: number): void;
}

/** One question to the coordinator, and the writes that wait for its answer. */
interface Question {
  readonly producerEpoch: number;
  readonly answer: Promise<ErrorName>;
  waiting: number;
  ended: boolean;
}

export function createTransactionCheck(transactions: Pick<TransactionCoordinator, 'verify'>): TransactionCheck {
  const asked = new Map<PartitionLog, Map<number, Question>>();

  function questionOf(log: PartitionLog, { transactionalId, producerId, producerEpoch }: TransactionalWrite): Question {
    let ofLog = asked.get(log);
    if (ofLog === undefined) asked.set(log, (ofLog = new Map()));
    let question = ofLog.get(producerId);
    if (question?.producerEpoch === producerEpoch) return question;
    const answer: Promise<ErrorName> = transactions
      .verify(transactionalId, { producerId, producerEpoch }, log.topic, log.partition)
      .then((reply) => reply.error, coordinatorErrorOf);
    question = { producerEpoch, answer, waiting: 0, ended: false };
    ofLog.set(producerId, question);
    return question;
  }

  function forget(log: PartitionLog, producerId: number, question: Question): void {
    const ofLog = asked.get(log);
    if (ofLog?.get(producerId) !== question) return;
    ofLog.delete(producerId);
    if (ofLog.size === 0) asked.delete(log);
  }

  async function ask<T>(
    log: PartitionLog,
    writer: TransactionalWrite,
    write: () => Promise<T>,
  ): Promise<T | ErrorName> {
    const question = questionOf(log, writer);
    question.waiting++;
    let written: Promise<T>;
    try {
      const error = await question.answer;
      if (error !== 'NONE') return error;
      if (question.ended) return 'TRANSACTION_ABORTABLE';
      written = write();
    } finally {
      if (--question.waiting === 0) forget(log, writer.producerId, question);
    }
    return written;
  }

  return {
    admit(log, writer, write) {
      const { producerId, producerEpoch } = writer;
      // Where there is a question open, those that wait for its answer go first.
      const isAsked = asked.size > 0 && asked.get(log)?.has(producerId) === true;
      return !isAsked && log.hasOpenTransaction(producerId, producerEpoch) ? write() : ask(log, writer, write);
    },
    ended(log, producerId) {
      const question = asked.get(log)?.get(producerId);
      if (question !== undefined) question.ended = true;
    },
  };
}

// What a producer does about a batch that a log refused. Pure: reads the batch's place in its queue, changes nothing.
// After Kafka's Sender.completeBatch and TransactionManager.canRetry.
import { Fault } from '../kernel/fault.ts';
import type { ResponseOf } from '../protocol/api-table.ts';
import { errorOf } from '../protocol/error-code.ts';
import type { SealedBatch } from './partition-queue.ts';
import { refusal } from './retry.ts';

export type PartitionAnswer = ResponseOf<'produce'>['responses'][number]['partitionResponses'][number];

/**
 * In smaller batches; given up as a record that is too large; once more as it is, or under a new producer epoch, or to
 * the leader that metadata will name; given up for that Fault.
 */
export type Verdict = 'split' | 'tooLarge' | 'repeat' | 'restart' | 'refresh' | Fault;

/** A batch that arrives damaged that often is damaged here. */
const corruptSendsMax = 3;

export function verdictOn(batch: SealedBatch, answer: PartitionAnswer, transactionalId: string | null): Verdict {
  const { topic, partition, pending } = batch.queue;
  const error = errorOf(answer.errorCode);
  const refused = () => refusal('produce', error.code, `${topic}-${partition}`, answer.errorMessage);
  switch (error.name) {
    case 'MESSAGE_TOO_LARGE':
    case 'RECORD_LIST_TOO_LARGE':
      return batch.recordCount > 1 ? 'split' : 'tooLarge';
    case 'INVALID_PRODUCER_EPOCH':
    case 'PRODUCER_FENCED':
      return transactionalId === null ? onLostCount(batch) : new Fault('PRODUCER_FENCED', { transactionalId });
    case 'OUT_OF_ORDER_SEQUENCE_NUMBER':
    case 'UNKNOWN_PRODUCER_ID':
      return transactionalId !== null && pending[0] === batch ? refused() : onLostCount(batch);
    case 'CORRUPT_MESSAGE':
      return batch.sends < corruptSendsMax ? 'repeat' : refused();
    default:
      return error.retriable ? 'refresh' : refused();
  }
}

/** Said before anything is written. Of other errors that pass, some are said by a leader that wrote and then waited for its followers. */
const saidBeforeWriting: ReadonlySet<string> = new Set([
  'UNKNOWN_TOPIC_OR_PARTITION',
  'NOT_ENOUGH_REPLICAS',
  'CORRUPT_MESSAGE',
  'THROTTLING_QUOTA_EXCEEDED',
]);

/** Whether a batch may be in the log although it was refused. */
export function mayBeWritten({ errorCode }: PartitionAnswer): boolean {
  const { name, retriable } = errorOf(errorCode);
  return retriable && !saidBeforeWriting.has(name);
}

/**
 * A gap ahead of a batch is only news when nothing older is under way: else the older one comes again first. Nor is it
 * where the batch has been renumbered since it was sent.
 */
function onLostCount(batch: SealedBatch): Verdict {
  return batch.queue.pending[0] === batch && batch.stampedSequence === batch.sequence ? 'restart' : 'repeat';
}

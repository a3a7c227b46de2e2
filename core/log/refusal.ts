// What the log doesn't take, in Kafka's words. The handler above puts the name on the wire as its error code; no caller
// may match on the sentence.
import { Fault } from '../kernel/fault.ts';

/** Kafka's names of the errors that a partition log answers with (org.apache.kafka.common.protocol.Errors). */
export type LogError =
  | 'CORRUPT_MESSAGE'
  | 'INVALID_PRODUCER_EPOCH'
  | 'INVALID_RECORD'
  | 'INVALID_TIMESTAMP'
  | 'INVALID_TXN_STATE'
  | 'KAFKA_STORAGE_ERROR'
  | 'MESSAGE_TOO_LARGE'
  | 'NOT_COORDINATOR'
  | 'NOT_LEADER_OR_FOLLOWER'
  | 'OFFSET_OUT_OF_RANGE'
  | 'OUT_OF_ORDER_SEQUENCE_NUMBER'
  | 'TRANSACTION_COORDINATOR_FENCED'
  | 'UNSUPPORTED_COMPRESSION_TYPE';

/** The part of a refusal that a pure rule knows; the log adds which partition it is. */
export interface Objection {
  readonly error: LogError;
  readonly why: string;
}

export const objection = (error: LogError, why: string): Objection => ({ error, why });

export const refusal = (partition: string, { error, why }: Objection, cause?: unknown): Fault<'LOG_REFUSED'> =>
  new Fault('LOG_REFUSED', { partition, error, why }, cause);

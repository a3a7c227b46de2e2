// Which of Kafka's errors stands for a failure of ours, on the way to a log, to the catalog or to a coordinator.
import { Fault } from '../kernel/fault.ts';
import { type ErrorName, errors } from '../protocol/error-code.ts';

/** The error code of a failure on the way to a log or to the catalog; other errors are mistakes of ours and go on. */
export function errorNameOf(error: unknown): ErrorName {
  if (!(error instanceof Fault)) throw error;
  switch (error.code) {
    case 'LOG_REFUSED':
      return (error as Fault<'LOG_REFUSED'>).detail.error as ErrorName;
    case 'STORAGE_FAILED':
    case 'STORAGE_IN_USE':
    case 'STORAGE_NEWER':
    case 'PARTITION_DAMAGED':
      return 'KAFKA_STORAGE_ERROR';
    case 'CORRUPT_BATCH':
    case 'MALFORMED_BYTES':
      return 'CORRUPT_MESSAGE';
    case 'UNSUPPORTED_COMPRESSION':
      return 'UNSUPPORTED_COMPRESSION_TYPE';
    case 'NOT_CONTROLLER':
      return 'NOT_CONTROLLER';
    case 'CLOSED':
      return 'NOT_LEADER_OR_FOLLOWER';
    default:
      throw error;
  }
}

/**
 * The same on the way to a coordinator. Where its log can't be written a client is to look for the coordinator again and
 * retry, as in Kafka's mapping.
 */
export function coordinatorErrorOf(error: unknown): ErrorName {
  const name = errorNameOf(error);
  if (name === 'KAFKA_STORAGE_ERROR') return 'NOT_COORDINATOR';
  // A producer id comes from the controller; every client tries again upon this, as with Kafka.
  if (name === 'NOT_CONTROLLER') return 'COORDINATOR_LOAD_IN_PROGRESS';
  return name === 'NOT_LEADER_OR_FOLLOWER' ? 'COORDINATOR_NOT_AVAILABLE' : name;
}

export const codeOf = (name: ErrorName): number => errors[name].code;

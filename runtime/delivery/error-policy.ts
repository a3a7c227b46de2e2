// What becomes of a record that can't be decoded, processed or encoded: the job says (fail, skip, dead letter), and
// nothing else in the runtime decides. A failure of the machinery (storage, a closed part) is never a record's fault.
import { Fault, type FaultCode } from '../../core/kernel/fault.ts';
import type { Logger } from '../../core/kernel/logger.ts';
import type { ErrorPolicy, JobOptions } from '../../dsl/plan.ts';
import { KeyUnreadable, type TaskRecord } from '../task/record-context.ts';
import type { Stage, TaskMetrics } from '../task/task-metrics.ts';
import type { TaskOutput } from '../task/task-output.ts';

export interface ErrorHandler {
  /**
   * A function of the user's threw, or a key that it asked for can't be decoded. Returns when the record is dealt with.
   *
   * @param value what the operator was given
   * @throws Fault `RECORD_FAILED` where the policy is to fail
   */
  process(operator: string, value: unknown, error: unknown): void;
  decode(operator: string, error: unknown): void;
  produce(operator: string, value: unknown, error: unknown): void;
}

/** Faults that say nothing about the record: skipping it would hide them. */
const machinery: ReadonlySet<FaultCode> = new Set<FaultCode>([
  'STORAGE_FAILED',
  'STORAGE_IN_USE',
  'STATE_NOT_DECODED',
  'STATE_NOT_ENCODED',
  'CLOSED',
  'CONNECTION_LOST',
  'RECORD_FAILED',
  'RX_ASYNC_EMISSION',
  'RX_COMPLETED',
]);

const text = new TextEncoder();
const messageBytesMax = 4096;

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
const classOf = (error: unknown): string => (error instanceof Error ? error.name : typeof error);

/** Headers of a dead letter besides those of the record itself; all values are utf8. */
export function deadLetterHeaders(
  record: TaskRecord,
  { stage, operator, error }: { readonly stage: Stage; readonly operator: string; readonly error: unknown },
): (readonly [string, Uint8Array])[] {
  const fields = {
    message: messageOf(error).slice(0, messageBytesMax),
    operator,
    topic: record.topic,
    partition: String(record.partition),
    offset: String(record.offset),
    timestamp: String(record.timestampMs),
    stage,
    class: classOf(error),
  };
  return Object.entries(fields).map(([name, value]) => [`millrace.error.${name}`, text.encode(value)]);
}

/** What a connector made has no bytes: JSON is what a person can read. */
function readableBytes(value: unknown): Uint8Array | null {
  if (value === null || value === undefined) return null;
  if (value instanceof Uint8Array) return value;
  try {
    const json = JSON.stringify(value, (_, field) => (typeof field === 'bigint' ? String(field) : field));
    return text.encode(json ?? String(value));
  } catch {
    return text.encode(String(value));
  }
}

export function createErrorHandler(parts: {
  readonly policies: JobOptions['onError'];
  readonly record: TaskRecord;
  readonly output: TaskOutput;
  readonly metrics: TaskMetrics;
  readonly logger: Logger;
}): ErrorHandler {
  const { policies, record, output, metrics, logger } = parts;

  function apply(policy: ErrorPolicy, stage: Stage, operator: string, value: unknown, error: unknown): void {
    if (error instanceof Fault && machinery.has(error.code)) throw error;
    const { topic, partition, offset, origin } = record;
    switch (policy.kind) {
      case 'fail':
        throw new Fault(
          'RECORD_FAILED',
          { operator, topic, partition, offset, stage, reason: messageOf(error) },
          error,
        );
      case 'skip':
        metrics.skipped[stage] += 1;
        metrics.failedIn[operator] = (metrics.failedIn[operator] ?? 0) + 1;
        logger.warn({ operator, topic, partition, offset, stage, error: messageOf(error) }, 'record skipped');
        return;
      case 'deadLetter': {
        const headers = [...origin.readHeaders(), ...deadLetterHeaders(record, { stage, operator, error })];
        const valueBytes = topic === '' ? readableBytes(value) : origin.valueBytes();
        output.write(policy.topic, null, origin.keyBytes(), valueBytes, record.timestampMs, headers);
        metrics.recordsDeadLettered += 1;
        metrics.failedIn[operator] = (metrics.failedIn[operator] ?? 0) + 1;
        logger.warn(
          { operator, topic, partition, offset, stage, error: messageOf(error) },
          'record sent to dead letters',
        );
      }
    }
  }

  return {
    process(operator, value, error) {
      if (error instanceof KeyUnreadable) return apply(policies.decode, 'decode', operator, value, error.cause);
      apply(policies.process, 'process', operator, value, error);
    },
    decode: (operator, error) => apply(policies.decode, 'decode', operator, null, error),
    produce(operator, value, error) {
      if (error instanceof KeyUnreadable) return apply(policies.decode, 'decode', operator, value, error.cause);
      apply(policies.produce, 'produce', operator, value, error);
    },
  };
}

// job(): a whole program under one name, with its settings in full. Declares only.
import type { Duration } from '../core/kernel/duration.ts';
import { durationMs } from '../core/kernel/duration.ts';
import { Fault } from '../core/kernel/fault.ts';
import type { ErrorPolicy, JobOptions, JobSpec } from './plan.ts';
import type { KTable, Sink } from './stage.ts';

/** Stops the job with an error that names the record: the default, because a lost record is worse. */
export const fail = (): ErrorPolicy => ({ kind: 'fail' });

/** Drops the record, counts it and logs why. */
export const skip = (): ErrorPolicy => ({ kind: 'skip' });

/**
 * Sends the original bytes of key and value to `topic`, with cause and origin in headers `millrace.error.*`, and goes on.
 *
 * @param topic its name; made when the job starts, where it is not there
 */
export const deadLetter = (topic: string): ErrorPolicy => ({ kind: 'deadLetter', topic });

/** What to do with a record that can't be decoded, processed or encoded. */
export interface ErrorPolicies {
  /** Its bytes are not what the topic's serdes say. */
  readonly decode?: ErrorPolicy;
  /** A function of the program threw, or its promise was rejected. */
  readonly process?: ErrorPolicy;
  /** A result can't be encoded, or is larger than its topic takes. */
  readonly produce?: ErrorPolicy;
}

/** Settings of a job; all have defaults. */
export interface JobSettings {
  /** Default 'atLeastOnce'. */
  readonly guarantee?: JobOptions['guarantee'];
  /** One policy for all, or one for each. Default `fail()`. */
  readonly onError?: ErrorPolicy | ErrorPolicies;
  /** How often progress is committed. Default '1 second'; '100 ms' under exactlyOnce. */
  readonly commitInterval?: Duration;
  /**
   * Copies of each task's state that other processes of the job keep up to date, so that they can go on with it at once.
   * Default 0: who takes a task over restores its state from the changelog first.
   */
  readonly standbys?: number;
  /** 'required': a state store without a name is an issue of `compile`. 'derived': it is named after its place. Default: required in production. */
  readonly names?: 'required' | 'derived';
  /** What a record with a time before 1970 gets. Default 'fail'. */
  readonly negativeTimestamp?: JobOptions['negativeTimestamp'];
  /** How long a task waits for older records of another input before it goes on. Default 0: only for what is in the log. */
  readonly maxTaskIdle?: Duration;
  /**
   * Which updates of an aggregation go on. 'every': one a record. 'latest': at each commit one a key, as of Kafka Streams'
   * record cache (`statestore.cache.max.bytes`): fewer records downstream and in the output, and the same table in the end;
   * they come without headers. Where what follows subtracts old values, joins tables or suppresses, and of windows
   * that are neither tumbling nor hopping, every update goes on. Default 'every'.
   */
  readonly updates?: JobOptions['updates'];
}

const commitIntervalMs = { atLeastOnce: 1_000, exactlyOnce: 100 } as const;

/** What a job may end in: sinks, and tables that are kept to be queried. */
export type Output = Sink | KTable<unknown, unknown, unknown>;

/** A program: what `export default` of a job file must be. */
export type Job = JobSpec;

const jobMark = Symbol.for('millrace.job');

/**
 * A program: its outputs, all that leads to them, and how to run it.
 *
 * @param name names the consumer group and prefixes internal topics; renaming a job starts it afresh
 * @param outputs sinks (`.to(topic)`, `.pipe(sink(…))`, `.pipe(view(…))`) and tables that are kept to be queried
 * @throws Fault `BAD_JOB` for outputs that are none and settings that can't be, `BAD_DURATION`
 * @example
 * const orders = topic('orders', json<{ amount: number }>());
 * export default job('large-orders', [orders.pipe(filter((order) => order.amount > 100)).to(topic('large', json<{ amount: number }>()))], {
 *   onError: { decode: deadLetter('orders-dead') },
 * });
 */
export function job(name: string, outputs: readonly Output[], settings: JobSettings = {}): Job {
  const nodes = outputs.map((output, index) => {
    if (output?.kind === 'sink' || output?.kind === 'table') return output.node;
    throw new Fault('BAD_JOB', {
      job: name,
      reason: `output ${index + 1} ends nowhere; end it with .to(topic) or .pipe(sink(connector))`,
    });
  });
  return Object.defineProperty({ name, outputs: nodes, options: jobOptions(name, settings) }, jobMark, { value: true });
}

/** Whether a value was made by `job()`, of this copy of the package or another. */
export function isJob(value: unknown): value is Job {
  return typeof value === 'object' && value !== null && jobMark in value;
}

function countOf(job: string, standbys: number): number {
  if (Number.isSafeInteger(standbys) && standbys >= 0) return standbys;
  throw new Fault('BAD_JOB', { job, reason: `standbys is a whole number from 0 on, not ${standbys}` });
}

/** A job file runs without its types being checked, and a slip here would change what the job does without a word. */
function oneOf<T extends string>(job: string, setting: string, given: T | undefined, known: readonly [T, T]): T {
  const value = given === undefined ? known[0] : given;
  if (known.includes(value)) return value;
  throw new Fault('BAD_JOB', { job, reason: `${setting} is '${known.join("' or '")}', not '${value}'` });
}

function jobOptions(name: string, settings: JobSettings): JobOptions {
  const guarantee = oneOf(name, 'guarantee', settings.guarantee, ['atLeastOnce', 'exactlyOnce']);
  const onError = settings.onError ?? {};
  const policies: ErrorPolicies = 'kind' in onError ? { decode: onError, process: onError, produce: onError } : onError;
  return {
    guarantee,
    onError: {
      decode: policies.decode ?? fail(),
      process: policies.process ?? fail(),
      produce: policies.produce ?? fail(),
    },
    commitIntervalMs:
      settings.commitInterval === undefined ? commitIntervalMs[guarantee] : durationMs(settings.commitInterval),
    standbys: countOf(name, settings.standbys ?? 0),
    names: settings.names ?? 'environment',
    negativeTimestamp: oneOf(name, 'negativeTimestamp', settings.negativeTimestamp, ['fail', 'skip']),
    maxTaskIdleMs: durationMs(settings.maxTaskIdle ?? 0),
    updates: oneOf(name, 'updates', settings.updates, ['every', 'latest']),
  };
}

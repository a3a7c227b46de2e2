// What a step of a task is: a closure over the one after it, called once a record. It allocates nothing of its own, and
// it catches what the user's function throws around that call alone, so that the steps after it answer for themselves.
// biome-ignore-all lint/suspicious/noExplicitAny: erased, as the plan is
import type { Clock } from '../../core/kernel/clock.ts';
import type { Logger } from '../../core/kernel/logger.ts';
import type { Random } from '../../core/kernel/random.ts';
import type { Step } from '../../dsl/compile/topology.ts';
import type { SinkConnector, SinkTask } from '../../dsl/connector.ts';
import type { JobOptions } from '../../dsl/plan.ts';
import type { ErrorHandler } from '../delivery/error-policy.ts';
import type { GlobalRows } from '../state/store.ts';
import type { TaskRecord } from '../task/record-context.ts';
import type { StreamTimes } from '../task/stream-time.ts';
import type { TaskMetrics } from '../task/task-metrics.ts';
import type { TaskOutput } from '../task/task-output.ts';
import type { TaskState } from '../task/task-state.ts';

/** Takes a record of a stream. `key` may be `undecoded`: a step that needs it asks the record for it. */
export type Forward = (key: any, value: any, timestampMs: number) => void;

/**
 * Takes a change of a table; null is no value. The old value is null too where no step after it asked for one
 * (`wantsOldValue`), since most never read it.
 */
export type ForwardChange = (key: any, newValue: any, oldValue: any, timestampMs: number) => void;

/** A step that holds records beyond the call: the task waits for it before it commits. */
export interface HoldingStep {
  /** It can take no more: the task must not go on. Absent: that can't be. */
  readonly blocked?: boolean;
  /** Resolves when it isn't blocked. @throws what made it fail */
  ready(): Promise<void>;
  /** Resolves when it holds nothing. @throws what made it fail */
  settle(): Promise<void>;
  /** The lowest offset of that input which it still holds. */
  heldOffset(input: number): number | null;
  close(): Promise<void>;
}

/**
 * A step that acts when time passes without a record. Called between records; what it passes on has no input record. Both
 * say whether they have done anything, which is then to be committed though no offset has moved.
 */
export interface TimedStep {
  /** Wall-clock time has come to `nowMs`. */
  punctuate?(nowMs: number): boolean;
  /** No record will come any more: every window that is open is closed, as if stream time had passed it. */
  closeWindows?(): boolean;
}

/** What of a table's changes goes on: every one, or at each commit the latest of each key, without its old value. */
export interface ChangesTo {
  readonly next: ForwardChange;
  readonly updates: JobOptions['updates'];
  readonly wantsOld: boolean;
}

/** What a task gives its steps. */
export interface StepParts {
  readonly record: TaskRecord;
  readonly errors: ErrorHandler;
  readonly metrics: TaskMetrics;
  readonly stores: TaskState;
  readonly times: StreamTimes;
  readonly output: TaskOutput;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Rows of a global table, by its topic. */
  globalRows(topic: string): GlobalRows;
  /** The sink's task, already open; the step doesn't close it. */
  openSink(connector: SinkConnector<any, any>): SinkTask<any, any>;
  /** Makes the task fail at its next call, for what goes wrong between calls. */
  fail(error: unknown): void;
  hold(step: HoldingStep): void;
  timed(step: TimedStep): void;
}

export type StepOf<Kind extends Step['kind']> = Extract<Step, { readonly kind: Kind }>;

export const nowhere: Forward = () => {};
export const noChanges: ForwardChange = () => {};

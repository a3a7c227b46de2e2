// What a task counts. Plain numbers that steps add to, read by whoever reports them; nothing here computes or resets.

/** Why a record had no effect although nothing failed, as Kafka Streams' dropped-records metric counts them. */
export type DropReason =
  /** An aggregation, an inner join, a table or a repartition needs a key. */
  | 'nullKey'
  /** A stream's null value, where an aggregation or a join needs one. */
  | 'nullValue'
  /** A window that had closed; counted once per record and window. */
  | 'late'
  | 'negativeTimestamp';

/** Where a record failed. */
export type Stage = 'decode' | 'process' | 'produce';

export interface TaskMetrics {
  /** Input records that went through, skipped and dropped ones included. */
  recordsProcessed: number;
  /** Records handed to the output, dead letters not counted. */
  recordsWritten: number;
  /** Failed and sent to a dead-letter topic. */
  recordsDeadLettered: number;
  readonly dropped: Record<DropReason, number>;
  /** Of `dropped.late`, by the name of the step: an operator's own. */
  readonly lateBy: Record<string, number>;
  /** Failed and skipped, by the policy of the stage. */
  readonly skipped: Record<Stage, number>;
  /** Failed, skipped and dead letters alike, by the name of the operator. */
  readonly failedIn: Record<string, number>;
  /** Records that went by each step, by its id; null where nobody asks for it. See `operator-records.ts`. */
  readonly passed: Record<number, number> | null;
}

export interface TaskMetricsOptions {
  /** Counts what each operator passes on, which costs a call a record and operator. Default false. */
  readonly countOperators?: boolean | undefined;
}

export const createTaskMetrics = ({ countOperators = false }: TaskMetricsOptions = {}): TaskMetrics => ({
  recordsProcessed: 0,
  recordsWritten: 0,
  recordsDeadLettered: 0,
  dropped: { nullKey: 0, nullValue: 0, late: 0, negativeTimestamp: 0 },
  lateBy: {},
  skipped: { decode: 0, process: 0, produce: 0 },
  failedIn: {},
  passed: countOperators ? {} : null,
});

export function countLate({ dropped, lateBy }: TaskMetrics, step: string): void {
  dropped.late += 1;
  lateBy[step] = (lateBy[step] ?? 0) + 1;
}

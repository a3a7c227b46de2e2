// A task: one sub-topology over one partition of its inputs. It takes wire batches, runs the chain over their records
// one after another, and says what is entirely processed. Synchronous: whoever owns it fetches, waits, flushes and
// commits, in the order settle() → flush the output → commit positions() → write the stores.
import { assert } from '../../core/kernel/assert.ts';
import type { Clock } from '../../core/kernel/clock.ts';
import type { Logger } from '../../core/kernel/logger.ts';
import type { Random } from '../../core/kernel/random.ts';
import type { SubTopology, Topology } from '../../dsl/compile/topology.ts';
import type { SinkConnector, SinkTask, SourceOffset, SourceRecord } from '../../dsl/connector.ts';
import { createErrorHandler } from '../delivery/error-policy.ts';
import type { GlobalRows } from '../state/store.ts';
import type { HoldingStep, TimedStep } from '../steps/step.ts';
import { buildChain } from './chain.ts';
import { createInputOrder } from './input-order.ts';
import { noOrigin, TaskRecord, undecoded } from './record-context.ts';
import { createRecordLoop } from './record-loop.ts';
import { type Fetched, type InputQueue, type QueueParts, SourceQueue, TopicQueue } from './record-queue.ts';
import { createStreamTimes } from './stream-time.ts';
import type { TaskMetrics } from './task-metrics.ts';
import type { TaskOutput } from './task-output.ts';
import type { TaskState } from './task-state.ts';

export type { TaskOutput } from './task-output.ts';

export interface Task {
  /** `<sub-topology>_<partition>`. */
  readonly id: string;
  /**
   * Wire batches of that input's partition, each fetch beginning where the one before ended. One without batches says
   * where an input begins, which an input that is at its end needs for others not to wait for it.
   */
  enqueue(input: number, fetched: Fetched): void;
  enqueueSource(input: number, records: readonly SourceRecord<unknown>[]): void;
  /**
   * The latest known end of that input's log. Without it an empty input is waited for. For a bootstrap input: call it
   * only once what fills it is at its end, with the end after that, since the other inputs start when it is reached.
   */
  setEnd(input: number, endOffset: number): void;
  /**
   * Runs up to `recordsMax` records, the oldest of all inputs first, bootstrap inputs before the others. Returns how
   * many; fewer when there are no more, when an input must be waited for, or when `blocked`.
   *
   * @throws Fault `RECORD_FAILED`, `BAD_TIMESTAMP` and others; a task that has thrown throws it again at every call
   */
  process(recordsMax: number): number;
  /** A step has as much in flight as it may: await `ready()`. */
  readonly blocked: boolean;
  ready(): Promise<void>;
  /** Everything taken so far is entirely processed: answers of mapAsync are in, sinks written and flushed. */
  settle(): Promise<void>;
  /** Next offset of each topic input that has begun: only what is entirely processed lies below it. */
  positions(): { readonly input: number; readonly offset: number }[];
  /** Where that connector goes on; null when nothing of it was processed. Exact after `settle()`. */
  sourceOffset(input: number): SourceOffset | null;
  /** Bytes of batches that wait; about 256 a record for a connector. */
  bufferedBytes(input: number): number;
  /** Event time of the record of that input which is next, or was last; -1 before the first. */
  inputTimeMs(input: number): number;
  /** The highest event time it has seen, -1 for none. */
  readonly streamTimeMs: number;
  /** Wall-clock time has come to `nowMs`. Not while `blocked`. @throws as `process` */
  punctuate(nowMs: number): void;
  /**
   * The inputs are at their end for good: passes on the results of all windows that are open, as if stream time had
   * passed them, and with them what other steps still hold for want of a later record. Then settle and commit as ever.
   * False: a step has to wait before those behind it may end; await `ready()` and call again.
   *
   * @throws as `process`
   */
  closeWindows(): boolean;
  /** Something is to be committed that no offset tells of: time has closed windows since `committed` was last called. */
  readonly changedByTime: boolean;
  /** What `settle` saw is committed. */
  committed(): void;
  /** Gives up what is in flight; settle first to keep it. */
  close(): Promise<void>;
}

export interface TaskParts {
  readonly topology: Topology;
  readonly subTopology: SubTopology;
  readonly partition: number;
  readonly stores: TaskState;
  readonly output: TaskOutput;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly metrics: TaskMetrics;
  /** The task of a sink, already open; whoever opened it closes it after the task. */
  // biome-ignore lint/suspicious/noExplicitAny: erased, as the plan is
  openSink(connector: SinkConnector<any, any>): SinkTask<any, any>;
  /** Rows of a global table, by its topic; for jobs that have some. */
  globalRows?(topic: string): GlobalRows;
}

export function createTask(parts: TaskParts): Task {
  const { topology, subTopology, partition, stores, output, clock, random, logger, metrics } = parts;
  const { options } = topology;
  const record = new TaskRecord();
  const errors = createErrorHandler({ policies: options.onError, record, output, metrics, logger });
  const times = createStreamTimes(stores);
  const time = times.of('');
  const holding: HoldingStep[] = [];
  const timed: TimedStep[] = [];
  let changedByTime = false;
  let failure: { readonly error: unknown } | null = null;
  const fail = (error: unknown) => {
    failure ??= { error };
  };
  /** What failed first: a processor passes on as its record's failure what its `forward()` met. */
  const failedBy = (error: unknown): unknown => {
    fail(error);
    return failure?.error;
  };
  const check = () => {
    if (failure !== null) throw failure.error;
  };

  const chain = buildChain(
    subTopology,
    {
      record,
      errors,
      metrics,
      stores,
      times,
      output,
      clock,
      random,
      logger,
      openSink: (connector) => parts.openSink(connector),
      globalRows(topic) {
        const rows = parts.globalRows?.(topic);
        assert(rows !== undefined, `the global table '${topic}' is not there`);
        return rows;
      },
      fail,
      hold: (step) => holding.push(step),
      timed: (step) => timed.push(step),
    },
    options.updates,
  );
  // Built from the last step to the first, and settled the other way: what one lets go of the next one takes.
  holding.reverse();
  timed.reverse();

  const queues = openQueues(parts, { record, errors, metrics, negativeTimestamp: options.negativeTimestamp });
  const order = createInputOrder(
    subTopology.inputs.map((spec, input) => ({
      queue: queues[input]!,
      bootstrap: spec.kind === 'topic' && spec.bootstrap,
      table: spec.kind === 'topic' && spec.role === 'table',
    })),
    { maxTaskIdleMs: options.maxTaskIdleMs, clock },
  );
  const blocking = holding.filter((step) => step.blocked !== undefined);
  const isBlocked = () => blocking.some((step) => step.blocked);
  const loop = createRecordLoop({
    queues,
    chain,
    order,
    record,
    time,
    metrics,
    isBlocked: blocking.length === 0 ? null : isBlocked,
  });

  function heldOffset(input: number): number {
    let lowest = Number.POSITIVE_INFINITY;
    for (const step of holding) lowest = Math.min(lowest, step.heldOffset(input) ?? lowest);
    return lowest;
  }

  /** Without a record at hand. */
  function betweenRecords(work: (step: TimedStep) => boolean | undefined): void {
    check();
    record.origin = noOrigin;
    record.currentKey = undecoded;
    try {
      for (const step of timed) if (work(step) === true) changedByTime = true;
    } catch (error) {
      throw failedBy(error);
    }
  }

  const topicQueue = (input: number) => queues[input] as TopicQueue;
  const sourceQueue = (input: number) => queues[input] as SourceQueue;
  const settledSource = new Map<number, SourceOffset | null>();

  return {
    id: `${subTopology.id}_${partition}`,
    enqueue: (input, fetched) => topicQueue(input).enqueue(fetched),
    enqueueSource: (input, records) => sourceQueue(input).enqueue(records),
    setEnd: (input, endOffset) => order.setEnd(input, endOffset),
    process(recordsMax) {
      check();
      if (isBlocked()) return 0;
      try {
        const count = loop(recordsMax);
        check();
        return count;
      } catch (error) {
        throw failedBy(error);
      }
    },
    get blocked() {
      return isBlocked();
    },
    async ready() {
      check();
      for (const step of holding) await step.ready();
      check();
    },
    async settle() {
      check();
      for (const step of holding) await step.settle();
      check();
      times.save();
    },
    positions() {
      const begun = queues.filter((queue): queue is TopicQueue => queue instanceof TopicQueue && queue.position >= 0);
      return begun.map(({ input, position }) => ({ input, offset: Math.min(position, heldOffset(input)) }));
    },
    sourceOffset(input) {
      if (heldOffset(input) === Number.POSITIVE_INFINITY) settledSource.set(input, sourceQueue(input).sourceOffset);
      return settledSource.get(input) ?? null;
    },
    bufferedBytes: (input) => queues[input]!.bufferedBytes,
    inputTimeMs: (input) => queues[input]!.timestampMs,
    get streamTimeMs() {
      return time.nowMs;
    },
    punctuate(nowMs) {
      if (timed.length > 0 && !isBlocked()) betweenRecords((step) => step.punctuate?.(nowMs));
    },
    closeWindows() {
      let blocked = isBlocked();
      betweenRecords((step) => {
        if (blocked) return false;
        const changed = step.closeWindows?.() === true;
        blocked = changed && isBlocked();
        return changed;
      });
      return !blocked;
    },
    get changedByTime() {
      return changedByTime;
    },
    committed() {
      changedByTime = false;
    },
    async close() {
      for (const step of holding) await step.close();
    },
  };
}

function openQueues(
  { subTopology, partition, clock }: TaskParts,
  shared: Omit<QueueParts, 'input'>,
): readonly InputQueue[] {
  return subTopology.inputs.map((spec, input) =>
    spec.kind === 'topic'
      ? new TopicQueue({ ...shared, input }, spec.topic, partition)
      : new SourceQueue({ ...shared, input }, () => clock.now()),
  );
}

// The loop in which a task spends its life: the next record of the right input, through the chain, until it is done.
// Nothing in it waits, allocates or looks at what a record says.
import type { Forward } from '../steps/step.ts';
import type { InputOrder } from './input-order.ts';
import { type TaskRecord, undecoded } from './record-context.ts';
import { type InputQueue, unreadable } from './record-queue.ts';
import type { StreamTime } from './stream-time.ts';
import type { TaskMetrics } from './task-metrics.ts';

export interface LoopParts {
  readonly queues: readonly InputQueue[];
  readonly chain: readonly Forward[];
  readonly order: InputOrder;
  readonly record: TaskRecord;
  readonly time: StreamTime;
  readonly metrics: TaskMetrics;
  /** Whether a step can take no more; null where no step ever says so. */
  readonly isBlocked: (() => boolean) | null;
}

/** Processes up to so many records and says how many. */
export type RecordLoop = (recordsMax: number) => number;

export function createRecordLoop({ queues, chain, order, record, time, metrics, isBlocked }: LoopParts): RecordLoop {
  function run(queue: InputQueue, forward: Forward): void {
    const { timestampMs } = queue;
    record.origin = queue;
    record.currentKey = undecoded;
    record.timestampMs = timestampMs;
    const value = queue.take();
    if (value !== unreadable) {
      if (timestampMs > time.nowMs) time.nowMs = timestampMs;
      forward(undecoded, value, timestampMs);
    }
    queue.done();
    metrics.recordsProcessed += 1;
  }

  const [only] = queues;
  if (only !== undefined && queues.length === 1) {
    const forward = chain[0]!;
    return (recordsMax) => {
      let count = 0;
      while (count < recordsMax && only.ready()) {
        run(only, forward);
        count += 1;
        if (isBlocked?.()) break;
      }
      return count;
    };
  }
  return (recordsMax) => {
    let count = 0;
    while (count < recordsMax) {
      const queue = order.next();
      if (queue === null) break;
      run(queue, chain[queue.input]!);
      count += 1;
      if (isBlocked?.()) break;
    }
    return count;
  };
}

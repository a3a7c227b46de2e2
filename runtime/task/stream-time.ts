// Stream time: the highest event time seen so far, which decides what is late. It only goes forward, and it is kept
// over a restart, so that a late record stays late (KAFKA-7994). Each windowed operator has its own, moved only by the
// records that reach it, as in Kafka Streams; the task's own moves the time operators of rx.
import type { TaskState } from './task-state.ts';

export interface StreamTime {
  /** Milliseconds since the epoch; -1 before the first record. */
  nowMs: number;
}

export interface StreamTimes {
  /** The time of the task (scope '') or of one operator (the name of its store). */
  of(scope: string): StreamTime;
  /** Hands all times to the stores, to be written with the next commit. */
  save(): void;
}

export function createStreamTimes(stores: TaskState): StreamTimes {
  const times = new Map<string, StreamTime>();
  return {
    of(scope) {
      const known = times.get(scope) ?? { nowMs: stores.streamTimeMs(scope) ?? -1 };
      times.set(scope, known);
      return known;
    },
    save() {
      for (const [scope, { nowMs }] of times) if (nowMs >= 0) stores.setStreamTimeMs(scope, nowMs);
    },
  };
}

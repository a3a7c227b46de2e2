// A Clock that stands still until it is moved, for tests, the test driver and the simulator.
import { type Clock, nextTurn } from './clock.ts';

export interface ManualClock extends Clock {
  /** Moves time on by `ms`, firing due timers in the order of their deadlines. */
  advance(ms: number): void;
}

export function createManualClock(startMs = 0): ManualClock {
  let nowMs = startMs;
  let nextId = 0;
  const timers = new Map<number, { dueMs: number; callback: () => void }>();

  function earliestUntil(limitMs: number): number | undefined {
    let found: number | undefined;
    let foundDueMs = Number.POSITIVE_INFINITY;
    for (const [id, { dueMs }] of timers) {
      if (dueMs <= limitMs && dueMs < foundDueMs) {
        found = id;
        foundDueMs = dueMs;
      }
    }
    return found;
  }

  const clock: ManualClock = {
    nextTurn,
    now: () => nowMs,
    monotonicMs: () => nowMs - startMs,
    after(delayMs, callback) {
      const id = nextId++;
      timers.set(id, { dueMs: nowMs + Math.max(delayMs, 0), callback });
      return { cancel: () => void timers.delete(id) };
    },
    sleep: (delayMs, signal) =>
      new Promise((resolve, reject) => {
        if (signal?.aborted) return reject(signal.reason);
        const onAbort = () => {
          timer.cancel();
          reject(signal?.reason);
        };
        const timer = clock.after(delayMs, () => {
          signal?.removeEventListener('abort', onAbort);
          resolve();
        });
        signal?.addEventListener('abort', onAbort, { once: true });
      }),
    advance(ms) {
      const targetMs = nowMs + ms;
      for (let id = earliestUntil(targetMs); id !== undefined; id = earliestUntil(targetMs)) {
        const { dueMs, callback } = timers.get(id)!;
        timers.delete(id);
        nowMs = Math.max(nowMs, dueMs);
        callback();
      }
      nowMs = targetMs;
    },
  };
  return clock;
}

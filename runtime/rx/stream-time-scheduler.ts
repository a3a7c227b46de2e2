// The scheduler that rx() hands in: its clock is stream time, so that debounceTime() and bufferTime() act on the
// records' own times, emit while a record is pushed, and do the same again in a replay. Not rxjs's VirtualTimeScheduler:
// that one chains a new action to the old at each tick, so an interval keeps 300 bytes a tick and its unsubscribe
// overflows the stack (7.8).
import { type SchedulerAction, type SchedulerLike, Subscription } from 'rxjs';

export interface StreamTimeScheduler extends SchedulerLike {
  /** Runs what is due by then, in order, and stands there. Never goes back. */
  advanceTo(timestampMs: number): void;
}

interface Due {
  readonly dueMs: number;
  readonly run: () => void;
}

/** @param startMs stream time when the operators are subscribed: without it an interval would fire once per period since 1970 */
export function createStreamTimeScheduler(startMs: number): StreamTimeScheduler {
  let nowMs = startMs;
  /** By time; of one time in the order in which they were scheduled. */
  const queue: Due[] = [];

  function enqueue(due: Due): void {
    let at = queue.length;
    while (at > 0 && queue[at - 1]!.dueMs > due.dueMs) at -= 1;
    queue.splice(at, 0, due);
  }

  return {
    now: () => nowMs,
    schedule<T>(work: (this: SchedulerAction<T>, state?: T) => void, delayMs = 0, state?: T): Subscription {
      let pending: Due | null = null;
      const forget = () => {
        const at = pending === null ? -1 : queue.indexOf(pending);
        if (at >= 0) queue.splice(at, 1);
        pending = null;
      };
      const action = Object.assign(new Subscription(forget), {
        schedule(nextState?: T, nextDelayMs = 0): Subscription {
          if (action.closed) return action;
          forget();
          const run = () => {
            pending = null;
            work.call(action, nextState);
          };
          pending = { dueMs: nowMs + Math.max(0, nextDelayMs), run };
          enqueue(pending);
          return action;
        },
      }) as SchedulerAction<T>;
      return action.schedule(state, delayMs);
    },
    advanceTo(timestampMs) {
      for (let next = queue[0]; next !== undefined && next.dueMs <= timestampMs; next = queue[0]) {
        queue.shift();
        nowMs = Math.max(nowMs, next.dueMs);
        next.run();
      }
      nowMs = Math.max(nowMs, timestampMs);
    },
  };
}

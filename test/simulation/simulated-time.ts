// Time that moves by itself, and only when nothing else can happen: pending promises run to their end, then the next timer
// is due. Timers belong to a process, which can be killed (they never fire) or paused (they fire late, as after a long
// garbage collection or a laptop's sleep). Everything in a simulation waits here, so one seed gives one run.
import type { Clock, Timer } from '../../core/kernel/clock.ts';
import type { Random } from '../../core/kernel/random.ts';

export interface SimulatedProcess {
  readonly name: string;
  readonly clock: Clock;
  readonly alive: boolean;
  /** As the machine under it takes, which knows no smallest timer. */
  delay(forMs: number): Promise<void>;
  /** Nothing of it ever runs again. */
  kill(): void;
  /** Nothing of it runs for that long. */
  pause(forMs: number): void;
}

export interface SimulatedTime {
  readonly nowMs: number;
  /** Timers that have fired. */
  readonly events: number;
  /** @param skew of its clock. Default none */
  process(name: string, skew?: Skew): SimulatedProcess;
  /** Runs whatever is due within `forMs`. */
  advance(forMs: number): Promise<void>;
  /** Runs until the work is settled. @throws when that takes longer than `maxMs` of simulated time */
  within<T>(maxMs: number, what: string, work: Promise<T>): Promise<T>;
}

/** How a process's clock goes wrong. */
export interface Skew {
  /** Of the wall clock. */
  readonly offsetMs: number;
  /** Its milliseconds in one that passes. */
  readonly rate: number;
}

const noSkew: Skew = { offsetMs: 0, rate: 1 };

interface Event {
  readonly dueMs: number;
  readonly tie: number;
  readonly owner: Owner;
  callback: (() => void) | null;
}

interface Owner {
  alive: boolean;
  pausedUntilMs: number;
}

/** Any wall-clock time does. */
const epochMs = Date.UTC(2024, 0, 1);
const turnMs = 0.05;

/** Everything that promises can do without time has been done: they all settle before the next turn of the event loop. */
const idle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

export function createSimulatedTime(random: Random): SimulatedTime {
  const heap: Event[] = [];
  let nowMs = 0;
  let events = 0;

  function at(dueMs: number, owner: Owner, callback: () => void): Timer {
    const event: Event = { dueMs, tie: random.next(), owner, callback };
    push(heap, event);
    return {
      cancel: () => {
        event.callback = null;
      },
    };
  }

  /** Fires the next timer that is due by `limitMs`; false when there is none. */
  function step(limitMs: number): boolean {
    for (let event = heap[0]; event !== undefined && event.dueMs <= limitMs; event = heap[0]) {
      pop(heap);
      const { owner, callback } = event;
      if (callback === null || !owner.alive) continue;
      if (owner.pausedUntilMs > event.dueMs) {
        push(heap, { dueMs: owner.pausedUntilMs, tie: event.tie, owner, callback });
        continue;
      }
      nowMs = Math.max(nowMs, event.dueMs);
      events++;
      callback();
      return true;
    }
    return false;
  }

  async function advance(forMs: number): Promise<void> {
    const targetMs = nowMs + forMs;
    do await idle();
    while (step(targetMs));
    nowMs = targetMs;
  }

  function clockOf(owner: Owner, { offsetMs, rate }: Skew): Clock {
    const after = (delayMs: number, callback: () => void) =>
      at(nowMs + Math.max(delayMs, 1) / rate + random.next() * turnMs, owner, callback);
    return {
      now: () => epochMs + Math.floor(nowMs * rate + offsetMs),
      monotonicMs: () => nowMs * rate,
      after,
      sleep: (delayMs, signal) =>
        new Promise((resolve, reject) => {
          if (signal?.aborted) return reject(signal.reason);
          const onAbort = () => {
            timer.cancel();
            reject(signal?.reason);
          };
          const timer = after(delayMs, () => {
            signal?.removeEventListener('abort', onAbort);
            resolve();
          });
          signal?.addEventListener('abort', onAbort, { once: true });
        }),
      nextTurn: () => new Promise((resolve) => at(nowMs + turnMs, owner, resolve)),
    };
  }

  return {
    get nowMs() {
      return nowMs;
    },
    get events() {
      return events;
    },
    process(name, skew = noSkew) {
      const owner: Owner = { alive: true, pausedUntilMs: 0 };
      return {
        name,
        clock: clockOf(owner, skew),
        delay: (forMs) => new Promise((resolve) => at(nowMs + forMs, owner, resolve)),
        get alive() {
          return owner.alive;
        },
        kill() {
          owner.alive = false;
        },
        pause(forMs) {
          owner.pausedUntilMs = Math.max(owner.pausedUntilMs, nowMs + forMs);
        },
      };
    },
    advance,
    async within(maxMs, what, work) {
      const limitMs = nowMs + maxMs;
      let settled = false;
      const settle = () => {
        settled = true;
      };
      work.then(settle, settle);
      for (;;) {
        await idle();
        if (settled) return work;
        if (!step(limitMs)) throw new Error(`${what} took longer than ${maxMs} ms`);
      }
    },
  };
}

const before = (a: Event, b: Event): boolean => a.dueMs < b.dueMs || (a.dueMs === b.dueMs && a.tie < b.tie);

function push(heap: Event[], event: Event): void {
  let at = heap.push(event) - 1;
  while (at > 0) {
    const parent = (at - 1) >> 1;
    if (!before(event, heap[parent]!)) break;
    heap[at] = heap[parent]!;
    at = parent;
  }
  heap[at] = event;
}

function pop(heap: Event[]): void {
  const last = heap.pop()!;
  if (heap.length === 0) return;
  let at = 0;
  for (;;) {
    let child = 2 * at + 1;
    if (child >= heap.length) break;
    if (child + 1 < heap.length && before(heap[child + 1]!, heap[child]!)) child++;
    if (!before(heap[child]!, last)) break;
    heap[at] = heap[child]!;
    at = child;
  }
  heap[at] = last;
}

// A node whose quota was used up says for how long to ask it nothing (KIP-219): it answers at once and reads nothing more
// of the connection until then. What waits here goes afterwards in the order it came, and its time to be answered begins
// then: behind the node's back it would run out.
import type { Clock, Timer } from '../kernel/clock.ts';
import { createLatch, type Latch } from '../kernel/latch.ts';

export interface Throttle {
  /** Resolves when the node may be asked again; null: it may be now. */
  readonly over: Promise<void> | null;
  /** As an answer says; 0: nothing. A longer one that is under way goes on. */
  begin(throttleMs: number): void;
  end(): void;
}

export function createThrottle(clock: Clock): Throttle {
  let over: Promise<void> | null = null;
  let waiting: Latch<void> | null = null;
  let timer: Timer | null = null;
  let untilMs = 0;

  function end(): void {
    if (over === null) return;
    timer?.cancel();
    timer = null;
    waiting?.resolve();
    waiting = null;
    const passed = over;
    // Until those who waited have gone, whoever comes takes the same way behind them.
    void clock.nextTurn().then(() => {
      if (over === passed) over = null;
    });
  }

  return {
    get over() {
      return over;
    },
    begin(throttleMs) {
      if (!(throttleMs > 0)) return;
      const endMs = clock.monotonicMs() + throttleMs;
      if (waiting !== null && endMs <= untilMs) return;
      untilMs = endMs;
      if (waiting === null) {
        waiting = createLatch();
        over = waiting.promise;
      }
      timer?.cancel();
      timer = clock.after(throttleMs, end);
    },
    end,
  };
}

/** @throws the signal's reason */
export async function unlessAborted(over: Promise<void>, signal: AbortSignal | undefined): Promise<void> {
  signal?.throwIfAborted();
  const aborted = createLatch<void>();
  const onAbort = () => aborted.resolve();
  signal?.addEventListener('abort', onAbort, { once: true });
  await Promise.race([over, aborted.promise]);
  signal?.removeEventListener('abort', onAbort);
  signal?.throwIfAborted();
}

// Time as a parameter. This is the only file that may read a clock or set a timer; everything else is handed a Clock,
// so that a test moves time by hand and a simulation owns it.

export interface Timer {
  cancel(): void;
}

export interface Clock {
  /** Milliseconds since the Unix epoch. */
  now(): number;
  /** Milliseconds that only go forward, for durations. */
  monotonicMs(): number;
  /** Calls back once after `delayMs`, unless cancelled. */
  after(delayMs: number, callback: () => void): Timer;
  /** Resolves after `delayMs`; rejects with the signal's reason when it aborts first. */
  sleep(delayMs: number, signal?: AbortSignal): Promise<void>;
  /** Resolves once pending I/O callbacks have run: a loop that works without pause lets the rest of the process live with it. */
  nextTurn(): Promise<void>;
}

const timerMsMax = 2 ** 31 - 1; // setTimeout fires at once above this

export const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

export const systemClock: Clock = {
  nextTurn,
  now: () => Date.now(),
  monotonicMs: () => performance.now(),
  after(delayMs, callback) {
    const handle = setTimeout(callback, Math.min(Math.max(delayMs, 0), timerMsMax));
    return { cancel: () => clearTimeout(handle) };
  },
  sleep: (delayMs, signal) =>
    new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      const onAbort = () => {
        clearTimeout(handle);
        reject(signal?.reason);
      };
      const handle = setTimeout(
        () => {
          signal?.removeEventListener('abort', onAbort);
          resolve();
        },
        Math.min(delayMs, timerMsMax),
      );
      signal?.addEventListener('abort', onAbort, { once: true });
    }),
};

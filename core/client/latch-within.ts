// Waiting for a latch or a promise, but not for ever. Nothing here keeps a latch.
import type { Clock } from '../kernel/clock.ts';
import { createLatch, type Latch } from '../kernel/latch.ts';

/** Resolves the latch itself when the time is up, or when aborted. */
export async function latchWithin(
  clock: Clock,
  latch: Latch<void>,
  waitMs: number,
  signal?: AbortSignal,
): Promise<void> {
  const stop = () => latch.resolve();
  const wait = clock.after(Math.ceil(waitMs), stop);
  signal?.addEventListener('abort', stop, { once: true });
  await latch.promise;
  wait.cancel();
  signal?.removeEventListener('abort', stop);
}

/** Until the work is over or the time is up; what becomes of it then is the caller's. */
export async function within(clock: Clock, work: Promise<unknown>, limitMs: number): Promise<void> {
  const over = createLatch<void>();
  const timer = clock.after(limitMs, () => over.resolve());
  try {
    await Promise.race([work, over.promise]);
  } finally {
    timer.cancel();
  }
}

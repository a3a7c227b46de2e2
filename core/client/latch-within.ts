// Waiting for a latch, but not for ever. Nothing here keeps a latch.
import type { Clock } from '../kernel/clock.ts';
import type { Latch } from '../kernel/latch.ts';

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

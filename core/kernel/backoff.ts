// How long to wait before trying again: exponential, jittered, bounded (KIP-580).
import type { Random } from './random.ts';

export interface BackoffOptions {
  readonly firstMs: number;
  readonly maxMs: number;
}

/** Delay before attempt `attempt` (0 is the first retry): doubles, ±20 %, at most `maxMs`. */
export function backoffMs(attempt: number, { firstMs, maxMs }: BackoffOptions, random: Random): number {
  const jitter = 0.8 + random.next() * 0.4;
  return Math.min(maxMs, firstMs * 2 ** Math.min(attempt, 30) * jitter);
}

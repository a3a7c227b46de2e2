// What may be tried again, and how: one rule for the whole client. Nothing here knows an API; whoever calls decides what
// to refresh between two attempts.
import { backoffMs } from '../kernel/backoff.ts';
import type { Clock } from '../kernel/clock.ts';
import { Fault, isFault } from '../kernel/fault.ts';
import type { Random } from '../kernel/random.ts';
import { errorOf, errors } from '../protocol/error-code.ts';

/** As Kafka's `retry.backoff.ms` and `retry.backoff.max.ms` (KIP-580). */
export const retryBackoff = { firstMs: 20, maxMs: 1_000 } as const;

/** An error code of an answer as a Fault that names what was asked. `subject` is a topic, a partition, a group. */
export function refusal(api: string, errorCode: number, subject?: string, message?: string | null): Fault {
  const { name } = errorOf(errorCode);
  return new Fault('BROKER_ERROR', {
    api,
    error: name,
    ...(subject === undefined ? {} : { subject }),
    ...(message ? { message } : {}),
  });
}

/** The Kafka name of the error that a node answered with, or undefined for another failure. */
export const refusedWith = (error: unknown): string | undefined =>
  isFault(error, 'BROKER_ERROR') ? error.detail.error : undefined;

/** Whether the same request may succeed later: a lost connection, or an error that Kafka calls retriable. */
export function isRetriable(error: unknown): boolean {
  const name = refusedWith(error);
  if (name !== undefined) return (errors as Record<string, { retriable: boolean }>)[name]?.retriable ?? false;
  return error instanceof Fault && error.retriable;
}

export interface RetryOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** No attempt begins later. */
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
  /** Default `isRetriable`. */
  readonly retriable?: (error: unknown) => boolean;
}

/** Runs `attempt` until it succeeds, fails for good, or the time is over: then it rejects with the last failure. */
export async function retrying<T>(options: RetryOptions, attempt: (tries: number) => Promise<T>): Promise<T> {
  const { clock, random, signal, retriable = isRetriable } = options;
  const startedMs = clock.monotonicMs();
  for (let tries = 0; ; tries++) {
    signal?.throwIfAborted();
    try {
      return await attempt(tries);
    } catch (error) {
      const waitMs = backoffMs(tries, retryBackoff, random);
      if (!retriable(error) || clock.monotonicMs() + waitMs - startedMs > options.timeoutMs) throw error;
      await clock.sleep(waitMs, signal);
    }
  }
}

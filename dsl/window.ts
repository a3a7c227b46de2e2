// Time windows as data. Windows are of event time, start at multiples of their step since 1970-01-01T00:00Z and never
// before it; they hold their start and not their end. Grace is always said: an implicit one delayed results by a day (KIP-633).
import type { Duration } from '../core/kernel/duration.ts';
import { durationMs } from '../core/kernel/duration.ts';
import { Fault } from '../core/kernel/fault.ts';
import type { WindowSpec } from './plan.ts';

/** How long after its end, in stream time, a window still takes late records; later ones are dropped and counted. */
export interface GraceOption {
  readonly grace: Duration;
}

/**
 * Windows of one size that follow one another: every record is in exactly one.
 *
 * @throws Fault `BAD_DURATION`, or `BAD_WINDOW` for a size of nothing
 * @example
 * const perMinute = tumbling('1 minute', { grace: '10 seconds' });
 */
export function tumbling(size: Duration, options: GraceOption): WindowSpec {
  return { kind: 'tumbling', sizeMs: sizeOf(size, 'size'), graceMs: graceOf(options) };
}

/**
 * Windows of one size of which one starts every so often: a record is in size / every of them.
 *
 * @param options.every distance of two starts; at most the size, or records would fall between two windows
 * @throws Fault `BAD_DURATION`, or `BAD_WINDOW` for a size or step of nothing, or a step over the size
 * @example
 * const lastFiveMinutes = hopping('5 minutes', { every: '1 minute', grace: 0 });
 */
export function hopping(size: Duration, options: GraceOption & { readonly every: Duration }): WindowSpec {
  const sizeMs = sizeOf(size, 'size');
  const advanceMs = sizeOf(options?.every, 'every');
  if (advanceMs > sizeMs) {
    throw new Fault('BAD_WINDOW', { reason: `every (${advanceMs} ms) is longer than the window (${sizeMs} ms)` });
  }
  return { kind: 'hopping', sizeMs, advanceMs, graceMs: graceOf(options) };
}

function sizeOf(duration: Duration | undefined, what: string): number {
  const ms = duration === undefined ? 0 : durationMs(duration);
  if (ms < 1) throw new Fault('BAD_WINDOW', { reason: `${what} must be 1 ms or more, not '${duration}'` });
  return ms;
}

/** The compiler asks for it; a program it didn't see may leave it out. */
function graceOf(options: GraceOption | undefined): number {
  if (options?.grace === undefined)
    throw new Fault('BAD_WINDOW', { reason: 'say how late records may be, { grace: 0 } for not at all' });
  return durationMs(options.grace);
}

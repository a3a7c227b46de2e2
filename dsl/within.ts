// within: how far apart in time two records may be to meet in a join of streams. Data only. Grace is always said: an
// implicit one delayed results by a day (KIP-633).
import type { Duration } from '../core/kernel/duration.ts';
import { durationMs } from '../core/kernel/duration.ts';
import { Fault } from '../core/kernel/fault.ts';
import type { JoinWindowSpec } from './plan.ts';
import type { GraceOption } from './window.ts';

/** Different spans before and after, for sides that come one after the other. */
export interface WithinSpan extends GraceOption {
  /** How long before the left record the right one may be, at most. */
  readonly before: Duration;
  /** How long after the left record the right one may be, at most. */
  readonly after: Duration;
}

/**
 * The window of a join of streams, in event time: the right record's time is from `before` before to `after` after the
 * left record's, both ends included; one duration stands for both. Grace is how far behind the end of its window a
 * record may come, in stream time: unmatched rows wait that much longer, and later records are dropped and counted.
 *
 * @throws Fault `BAD_DURATION`, or `BAD_WINDOW` without a grace
 * @example
 * const near = within('5 minutes', { grace: '30 seconds' });
 * const paidWithinAnHour = within({ before: 0, after: '1 hour', grace: '5 minutes' });
 */
// The one that most mistakes are made in comes last, because the compiler speaks of that.
export function within(span: WithinSpan): JoinWindowSpec;
export function within(span: Duration, options: GraceOption): JoinWindowSpec;
export function within(span: Duration | WithinSpan, options?: GraceOption): JoinWindowSpec {
  const { before, after, grace } =
    typeof span === 'object' ? span : { before: span, after: span, grace: options?.grace };
  if (grace === undefined) {
    throw new Fault('BAD_WINDOW', { reason: 'say how late records may be, { grace: 0 } for not at all' });
  }
  if (before === undefined || after === undefined) {
    throw new Fault('BAD_WINDOW', { reason: 'a join needs both before and after, 0 for none' });
  }
  return { beforeMs: durationMs(before), afterMs: durationMs(after), graceMs: durationMs(grace) };
}

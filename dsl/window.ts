// Time windows as data. Windows are of event time and aligned to a fixed moment, 1970-01-01T00:00Z unless another is said,
// never to the start of the process. Grace is always said: an implicit one delayed results by a day (KIP-633).
import { type CalendarUnit, calendarOf } from '../core/kernel/calendar.ts';
import type { Duration } from '../core/kernel/duration.ts';
import { durationMs } from '../core/kernel/duration.ts';
import { Fault } from '../core/kernel/fault.ts';
import type { WindowSpec } from './plan.ts';

/** How long after its end, in stream time, a window still takes late records; later ones are dropped and counted. */
export interface GraceOption {
  readonly grace: Duration;
}

/** A moment at which a window starts. */
export interface OriginOption {
  /**
   * Milliseconds since the epoch, or a time as `Date.parse` reads it: '1970-01-01T06:00Z' makes days that begin at six.
   * The others are whole steps away from it, in both directions. Default 0: the epoch, before which no window starts.
   */
  readonly origin?: number | string;
}

type Spec<Kind extends WindowSpec['kind']> = Extract<WindowSpec, { readonly kind: Kind }>;

/**
 * Windows [start, end) of one size that follow one another: every record is in exactly one.
 *
 * @throws Fault `BAD_DURATION`, or `BAD_WINDOW` for a size of nothing or an origin that is no time
 * @example
 * const perMinute = tumbling('1 minute', { grace: '10 seconds' });
 */
export function tumbling(size: Duration, options: GraceOption & OriginOption): Spec<'tumbling'> {
  const sizeMs = sizeOf(size, 'size');
  return { kind: 'tumbling', sizeMs, graceMs: graceOf(options), ...originOf(options, sizeMs) };
}

/**
 * Windows [start, end) of one size of which one starts every so often: a record is in size / every of them.
 *
 * @param options.every distance of two starts; at most the size, or records would fall between two windows
 * @throws Fault `BAD_DURATION`, or `BAD_WINDOW` for a size or step of nothing, or a step over the size
 * @example
 * const lastFiveMinutes = hopping('5 minutes', { every: '1 minute', grace: 0 });
 */
export function hopping(
  size: Duration,
  options: GraceOption & OriginOption & { readonly every: Duration },
): Spec<'hopping'> {
  const sizeMs = sizeOf(size, 'size');
  const advanceMs = sizeOf(options?.every, 'every');
  if (advanceMs > sizeMs) {
    throw new Fault('BAD_WINDOW', { reason: `every (${advanceMs} ms) is longer than the window (${sizeMs} ms)` });
  }
  return { kind: 'hopping', sizeMs, advanceMs, graceMs: graceOf(options), ...originOf(options, advanceMs) };
}

/**
 * Windows around the records themselves (Kafka Streams' SlidingWindows, KIP-450): one ends at each record and one starts
 * just after it, so that every set of a key's records within `difference` of each other is a window. Both ends are in
 * it: [start, start + difference]. Records before `difference` share the window that starts at 0. What a hopping window
 * with a step of 1 ms would say, without the windows in which nothing changes.
 *
 * @param options.difference the most that two records of one window are apart
 * @throws Fault `BAD_DURATION`, `BAD_WINDOW`
 * @example
 * const anyFiveMinutes = sliding({ difference: '5 minutes', grace: '1 minute' });
 */
export function sliding(options: GraceOption & { readonly difference: Duration }): Spec<'sliding'> {
  return { kind: 'sliding', differenceMs: sizeOf(options?.difference, 'difference'), graceMs: graceOf(options) };
}

/**
 * Windows of activity: the records of a key of which none is further than `gap` from the next. The window is
 * [first record, last record], both in it, and grows; a record between two sessions makes one of them. Then what stood
 * for the old windows is deleted (a change with null) before the new result comes. A session is closed once stream time
 * is past its end by more than gap and grace.
 *
 * An aggregation over sessions combines two results: `aggregate()` takes `merge` for it, the others know how.
 *
 * @param options.gap the longest pause within a session, itself included
 * @throws Fault `BAD_DURATION`, `BAD_WINDOW`
 * @example
 * const visits = session({ gap: '30 minutes', grace: '5 minutes' });
 */
export function session(options: GraceOption & { readonly gap: Duration }): Spec<'session'> {
  return { kind: 'session', gapMs: sizeOf(options?.gap, 'gap'), graceMs: graceOf(options) };
}

/**
 * Days, weeks (from Monday), months or years as the clocks of a place have them: [start, end), so that a day is 23, 24
 * or 25 hours long. By the time zone rules of the Node that runs it.
 *
 * @param options.timeZone IANA name, 'UTC' for UTC
 * @throws Fault `BAD_DURATION`, or `BAD_WINDOW` for an unknown zone or unit
 * @example
 * const daysInParis = calendar('day', { timeZone: 'Europe/Paris', grace: '1 hour' });
 */
export function calendar(unit: CalendarUnit, options: GraceOption & { readonly timeZone: string }): Spec<'calendar'> {
  const { timeZone } = options;
  calendarOf({ unit, timeZone });
  return { kind: 'calendar', unit, timeZone, graceMs: graceOf(options) };
}

/** Options of `customWindows()`. */
export interface CustomWindowOptions extends GraceOption {
  /** Start of the window that holds the moment, both in milliseconds since the epoch. */
  readonly startOf: (timeMs: number) => number;
  /** Where that window ends, which is where the next one starts. */
  readonly endOf: (timeMs: number) => number;
  /** No window is longer: so long the state keeps one, with the grace. */
  readonly longest: Duration;
}

/**
 * Windows [start, end) of your own that follow one another: shifts, fiscal months, school terms. Each moment is in exactly
 * one. The functions must be pure, since a restart asks them again; a window that doesn't hold the moment it was asked for,
 * or is longer than `longest`, stops the job as any function that throws does.
 *
 * @param name of the kind of windows: state that was made of windows of another name is refused
 * @throws Fault `BAD_DURATION`, or `BAD_WINDOW` for a name or length of nothing
 * @example
 * const hourMs = 3_600_000;
 * const shifts = customWindows('shifts', {
 *   startOf: (ms) => Math.floor((ms - 6 * hourMs) / (8 * hourMs)) * 8 * hourMs + 6 * hourMs,
 *   endOf: (ms) => Math.floor((ms - 6 * hourMs) / (8 * hourMs)) * 8 * hourMs + 14 * hourMs,
 *   longest: '8 hours',
 *   grace: '5 minutes',
 * });
 */
export function customWindows(name: string, options: CustomWindowOptions): Spec<'custom'> {
  if (name === '') throw new Fault('BAD_WINDOW', { reason: 'windows of your own need a name' });
  const longestMs = sizeOf(options?.longest, 'longest');
  const checked = (timeMs: number): { readonly startMs: number; readonly endMs: number } => {
    const [startMs, endMs] = [options.startOf(timeMs), options.endOf(timeMs)];
    const holds = Number.isSafeInteger(startMs) && Number.isSafeInteger(endMs) && startMs <= timeMs && timeMs < endMs;
    if (holds && endMs - startMs <= longestMs) return { startMs, endMs };
    const why = holds ? `is longer than ${longestMs} ms` : 'does not hold it';
    throw new Fault('BAD_WINDOW', { reason: `of ${timeMs} '${name}' gives [${startMs}, ${endMs}), which ${why}` });
  };
  const startOf = (timeMs: number) => checked(timeMs).startMs;
  const endOf = (timeMs: number) => checked(timeMs).endMs;
  return { kind: 'custom', name, startOf, endOf, longestMs, graceMs: graceOf(options) };
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

/** Of all the starts the first one from the epoch on. Left out where it is the epoch. */
function originOf({ origin = 0 }: OriginOption, stepMs: number): { readonly originMs?: number } {
  const givenMs = typeof origin === 'number' ? origin : Date.parse(origin);
  if (!Number.isSafeInteger(givenMs)) throw new Fault('BAD_WINDOW', { reason: `'${origin}' is no time to start from` });
  const originMs = ((givenMs % stepMs) + stepMs) % stepMs;
  return originMs === 0 ? {} : { originMs };
}

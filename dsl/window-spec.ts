// What follows from a window's kind alone: its end, and how far stream time has to be past it. Asked by the compiler, the
// steps and the stores, so that no two of them differ.
import { type Calendar, calendarOf } from '../core/kernel/calendar.ts';
import type { WindowSpec } from './plan.ts';

/** Windows of which one holds each moment, and whose lengths differ. */
type SpanSpec = Extract<WindowSpec, { readonly kind: 'calendar' | 'custom' }>;

export const isSpans = (spec: WindowSpec): spec is SpanSpec => spec.kind === 'calendar' || spec.kind === 'custom';

export const spansOf = (spec: SpanSpec): Calendar => (spec.kind === 'calendar' ? calendarOf(spec) : spec);

/** End of the window that starts there. A session's end isn't known by its start: asking for one is refused by the type. */
export function windowEnds(spec: Exclude<WindowSpec, { readonly kind: 'session' }>): (startMs: number) => number {
  if (isSpans(spec)) {
    const spans = spansOf(spec);
    return (startMs) => spans.endOf(startMs);
  }
  const lengthMs = spec.kind === 'sliding' ? spec.differenceMs : spec.sizeMs;
  return (startMs) => startMs + lengthMs;
}

/** A window is closed once stream time has come to its end plus this. Where the end is in the window that is 1 ms more. */
export function closingLagMs(spec: WindowSpec): number {
  if (spec.kind === 'session') return spec.gapMs + spec.graceMs + 1;
  return spec.kind === 'sliding' ? spec.graceMs + 1 : spec.graceMs;
}

/** Whether all windows have one size and start in step, so that a store finds a key's windows by counting. */
export const isAligned = (spec: WindowSpec): spec is Extract<WindowSpec, { readonly kind: 'tumbling' | 'hopping' }> =>
  spec.kind === 'tumbling' || spec.kind === 'hopping';

const hourMs = 3_600_000;
/** With the hour that clocks are put back. */
const longestMs = { day: 25, week: 7 * 24 + 1, month: 31 * 24 + 1, year: 366 * 24 + 1 } as const;

/** How long after its start, of a session after its end, a window can still change. */
export function changesForMs(spec: WindowSpec): number {
  switch (spec.kind) {
    case 'session':
      return spec.gapMs + spec.graceMs;
    case 'sliding':
      return spec.differenceMs + spec.graceMs;
    case 'calendar':
      return longestMs[spec.unit] * hourMs + spec.graceMs;
    case 'custom':
      return spec.longestMs + spec.graceMs;
    default:
      return spec.sizeMs + spec.graceMs;
  }
}

// Which windows a time falls into. Aligned to the epoch, never starting below it: Kafka Streams' TimeWindows.windowsFor. With
// an origin of its own a window may start below, because one of a place's days does.
import type { WindowSpec } from '../../dsl/plan.ts';

export type AlignedWindow = Extract<WindowSpec, { readonly kind: 'tumbling' | 'hopping' }>;

export const advanceMsOf = (window: AlignedWindow): number =>
  window.kind === 'tumbling' ? window.sizeMs : window.advanceMs;

/** Start of the first window that holds `timestampMs`; the others begin every `advanceMs` up to it. */
export function firstWindowStartMs(timestampMs: number, sizeMs: number, advanceMs: number, originMs = 0): number {
  if (originMs !== 0) {
    return Math.floor((timestampMs - sizeMs + advanceMs - originMs) / advanceMs) * advanceMs + originMs;
  }
  const earliest = Math.max(0, timestampMs - sizeMs + advanceMs);
  return earliest - (earliest % advanceMs);
}

/** `[start, end)` of every window that holds `timestampMs`, earliest first. */
export function windowsFor(timestampMs: number, window: AlignedWindow): (readonly [startMs: number, endMs: number])[] {
  const advanceMs = advanceMsOf(window);
  const windows: (readonly [number, number])[] = [];
  for (
    let start = firstWindowStartMs(timestampMs, window.sizeMs, advanceMs, window.originMs);
    start <= timestampMs;
    start += advanceMs
  ) {
    windows.push([start, start + window.sizeMs]);
  }
  return windows;
}

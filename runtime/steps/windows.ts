// Which windows a time falls into. Aligned to the epoch, never starting below it: Kafka Streams' TimeWindows.windowsFor.
import type { WindowSpec } from '../../dsl/plan.ts';

export const advanceMsOf = (window: WindowSpec): number =>
  window.kind === 'tumbling' ? window.sizeMs : window.advanceMs;

/** Start of the first window that holds `timestampMs`; the others begin every `advanceMs` up to it. */
export function firstWindowStartMs(timestampMs: number, sizeMs: number, advanceMs: number): number {
  const earliest = Math.max(0, timestampMs - sizeMs + advanceMs);
  return earliest - (earliest % advanceMs);
}

/** `[start, end)` of every window that holds `timestampMs`, earliest first. */
export function windowsFor(timestampMs: number, window: WindowSpec): (readonly [startMs: number, endMs: number])[] {
  const advanceMs = advanceMsOf(window);
  const windows: (readonly [number, number])[] = [];
  for (
    let start = firstWindowStartMs(timestampMs, window.sizeMs, advanceMs);
    start <= timestampMs;
    start += advanceMs
  ) {
    windows.push([start, start + window.sizeMs]);
  }
  return windows;
}

// aggregate over sessions. As Kafka Streams' KStreamSessionWindowAggregate: a record joins every session of its key that it
// is within the gap of, at both ends; those are deleted, each with a change of null, and the session they have become is
// passed on. It is late when that session would be closed. The stamp of a stored session is its end.
import type { WindowSpec } from '../../dsl/plan.ts';
import type { OpenWindow } from '../state/open-windows.ts';
import type { AddToWindows, WindowParts, WindowStep } from './window-parts.ts';

export function sessionAggregate(
  { name, merge, initial, emit, window: { gapMs, graceMs } }: WindowStep<Extract<WindowSpec, { kind: 'session' }>>,
  { record, errors, store, time, wantsOld, update, shown, fold }: WindowParts,
): AddToWindows {
  const accumulatorOf = (key: unknown, { startMs }: OpenWindow): unknown => store.get(key, startMs)?.value ?? null;

  /** The accumulators of sessions in order, on top of the initial one where there is one. */
  function merged(key: unknown, sessions: readonly OpenWindow[]): unknown {
    if (sessions.length === 0) return undefined;
    let accumulator: unknown = initial === null ? undefined : initial(key);
    for (const session of sessions) {
      const stored = accumulatorOf(key, session);
      accumulator = accumulator === undefined ? stored : merge!(accumulator, stored);
    }
    return accumulator;
  }

  /** A session whose result has gone on is only looked at: nothing joins it any more. */
  const openSinceMs = emit === 'windowCloses' ? () => time.nowMs - graceMs - gapMs : () => Number.NEGATIVE_INFINITY;

  return (key, value, timestampMs) => {
    const sinceMs = Math.max(timestampMs - gapMs, openSinceMs());
    const joined = store.open
      .of(key)
      .filter(({ startMs, endMs }) => endMs >= sinceMs && startMs <= timestampMs + gapMs);
    const startMs = Math.min(timestampMs, joined[0]?.startMs ?? timestampMs);
    const endMs = Math.max(timestampMs, joined.at(-1)?.endMs ?? timestampMs);
    if (endMs < time.nowMs - graceMs - gapMs) return 1;

    let accumulator: unknown;
    let newValue: unknown;
    let oldValues: readonly unknown[] = [];
    record.currentKey = key;
    record.timestampMs = timestampMs;
    try {
      if (wantsOld) oldValues = joined.map((session) => shown(accumulatorOf(key, session)));
      accumulator = fold(merged(key, joined), key, value);
      newValue = shown(accumulator);
    } catch (error) {
      errors.process(name, value, error);
      return 0;
    }
    // More records at the one moment of a session change it and replace nothing.
    const replaces = startMs !== endMs;
    // One that grows keeps its place in the store, and needs no tombstone there.
    for (const { startMs: start, endMs: end } of joined) if (start !== startMs) store.delete(key, start, end);
    if (accumulator === null) store.delete(key, startMs, endMs);
    else store.put(key, startMs, accumulator, endMs);
    if (replaces) {
      for (const [index, { startMs: start, endMs: end }] of joined.entries())
        update({ key, startMs: start, endMs: end }, null, oldValues[index] ?? null, end);
    }
    update({ key, startMs, endMs }, newValue, replaces ? null : (oldValues[0] ?? null), endMs);
    return 0;
  };
}

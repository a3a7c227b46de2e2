// aggregate over sliding windows, both ends inclusive. As Kafka Streams' KStreamSlidingWindowAggregate (KIP-450): every record
// has a left window that ends at it and a right one that starts 1 ms after it, made when there is a record in it; all
// other windows of the key that hold the record's time are changed. Records nearer to 0 than the difference share
// [0, difference] as their left window, since no window starts below 0.
import type { WindowSpec } from '../../dsl/plan.ts';
import type { Stamped } from '../state/store.ts';
import type { AddToWindows, WindowParts, WindowStep } from './window-parts.ts';

/** What the windows of a key say about those that a record needs. */
interface Found {
  /** Start of each that was looked at. */
  readonly starts: Set<number>;
  /** Latest time in the windows before the record: that of the record before it. */
  previousMs: number | null;
  /** Holds what is before the record. */
  before: Stamped<unknown> | null;
  /** Holds what is after the record. */
  after: Stamped<unknown> | null;
  /** The left window is there. */
  left: boolean;
}

export function slidingAggregate(
  { name, window: { differenceMs, graceMs } }: WindowStep<Extract<WindowSpec, { kind: 'sliding' }>>,
  { record, errors, store, time, wantsOld, update, shown, fold }: WindowParts,
): AddToWindows {
  /** Adds the value to what the window has, or begins with. False: it is closed. */
  function add(key: unknown, value: unknown, timestampMs: number, startMs: number, soFar: Stamped<unknown> | null) {
    if (startMs + differenceMs < time.nowMs - graceMs) return false;
    let newValue: unknown;
    let oldValue: unknown = null;
    const newestMs = Math.max(timestampMs, soFar?.timestampMs ?? timestampMs);
    record.currentKey = key;
    record.timestampMs = timestampMs;
    try {
      if (wantsOld) oldValue = shown(store.get(key, startMs)?.value ?? null);
      const accumulator = fold(soFar?.value, key, value);
      newValue = shown(accumulator);
      if (accumulator === null) store.delete(key, startMs, newestMs);
      else store.put(key, startMs, accumulator, newestMs);
    } catch (error) {
      errors.process(name, value, error);
      return true;
    }
    update({ key, startMs, endMs: startMs + differenceMs }, newValue, oldValue, newestMs);
    return true;
  }

  /** The record's right window, of what is after it already. */
  function makeRight(key: unknown, timestampMs: number, { starts, after }: Found): void {
    const startMs = timestampMs + 1;
    if (starts.has(startMs) || after === null || after.timestampMs <= timestampMs) return;
    store.put(key, startMs, after.value, after.timestampMs);
    update({ key, startMs, endMs: startMs + differenceMs }, shown(after.value), null, after.timestampMs);
  }

  function windowsBetween(key: unknown, fromMs: number, toMs: number) {
    return [...store.open.of(key)]
      .filter(({ startMs }) => startMs >= fromMs && startMs <= toMs)
      .map(({ startMs }) => ({ startMs, stamped: store.get(key, startMs)! }));
  }

  const nothingFound = (): Found => ({ starts: new Set(), previousMs: null, before: null, after: null, left: false });

  /** A record whose left window would start below 0. */
  function addEarly(key: unknown, value: unknown, timestampMs: number): number {
    const found = nothingFound();
    let shared: Stamped<unknown> | null = null;
    let lateFor = 0;
    for (const { startMs, stamped } of windowsBetween(key, 0, timestampMs + 1)) {
      found.starts.add(startMs);
      if (startMs === 0) {
        shared = stamped;
        if (stamped.timestampMs < timestampMs) found.previousMs = stamped.timestampMs;
      } else if (startMs <= timestampMs) {
        found.after = stamped;
        if (!add(key, value, timestampMs, startMs, stamped)) lateFor += 1;
      }
    }
    if (found.after === null && shared !== null && shared.timestampMs > timestampMs) found.after = shared;
    makeRight(key, timestampMs, found);
    const { previousMs } = found;
    if (previousMs !== null && !found.starts.has(previousMs + 1)) {
      if (!add(key, value, timestampMs, previousMs + 1, null)) lateFor += 1;
    }
    if (!add(key, value, timestampMs, 0, shared)) lateFor += 1;
    return lateFor;
  }

  return (key, value, timestampMs) => {
    if (timestampMs + differenceMs < time.nowMs - graceMs) return 1;
    if (timestampMs < differenceMs) return addEarly(key, value, timestampMs);
    const found = nothingFound();
    let lateFor = 0;
    for (const { startMs, stamped } of windowsBetween(key, timestampMs - 2 * differenceMs, timestampMs + 1)) {
      found.starts.add(startMs);
      const endMs = startMs + differenceMs;
      if (endMs < timestampMs) {
        found.before = stamped;
        found.previousMs = stamped.timestampMs;
      } else if (startMs <= timestampMs) {
        if (endMs === timestampMs) {
          found.left = true;
          if (stamped.timestampMs < timestampMs) found.previousMs = stamped.timestampMs;
        } else found.after = stamped;
        if (!add(key, value, timestampMs, startMs, stamped)) lateFor += 1;
      }
    }
    const { previousMs, before } = found;
    if (previousMs !== null && !found.starts.has(previousMs + 1) && previousMs + 1 + differenceMs >= timestampMs) {
      if (!add(key, value, timestampMs, previousMs + 1, null)) lateFor += 1;
    }
    if (!found.left) {
      const holdsPrevious = previousMs !== null && timestampMs - differenceMs <= previousMs;
      const soFar = holdsPrevious && before !== null ? { value: before.value, timestampMs } : null;
      if (!add(key, value, timestampMs, timestampMs - differenceMs, soFar)) lateFor += 1;
    }
    makeRight(key, timestampMs, found);
    return lateFor;
  };
}

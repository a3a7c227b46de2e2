// dedupe: a record passes unless one of its key that passed is less than `withinMs` away. Of the records that pass at most one
// a key is in each window of that length, so three looks tell: the window's, and those of its neighbours.
import type { WindowStore } from '../state/store.ts';
import { undecoded } from '../task/record-context.ts';
import type { Forward, StepOf, StepParts } from './step.ts';
import { createExpiry } from './window-closing.ts';

export function dedupeStep(
  { name, store: storeName, withinMs }: StepOf<'dedupe'>,
  { record, errors, metrics, stores, times }: StepParts,
  next: Forward,
): Forward {
  const store = stores.store(storeName) as WindowStore<unknown, number>;
  const time = times.of(storeName);
  const expire = createExpiry(store, time, { retentionMs: 3 * withinMs, everyMs: withinMs });

  function isNew(key: unknown, timestampMs: number): boolean {
    const startMs = Math.floor(timestampMs / withinMs) * withinMs;
    for (const at of [startMs, startMs - withinMs, startMs + withinMs]) {
      const passed = store.get(key, at);
      if (passed !== undefined && Math.abs(passed.value - timestampMs) < withinMs) return false;
    }
    store.put(key, startMs, timestampMs, timestampMs);
    return true;
  }

  return (key, value, timestampMs) => {
    let passes: boolean;
    record.currentKey = key;
    record.timestampMs = timestampMs;
    if (timestampMs > time.nowMs) time.nowMs = timestampMs;
    try {
      const known = key === undecoded ? record.key : key;
      if (known === null) {
        metrics.dropped.nullKey += 1;
        return;
      }
      passes = isNew(known, timestampMs);
    } catch (error) {
      errors.process(name, value, error);
      return;
    }
    expire();
    if (passes) next(key, value, timestampMs);
  };
}

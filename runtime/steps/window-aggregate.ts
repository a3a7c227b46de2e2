// aggregate in time windows. As Kafka Streams' KStreamWindowAggregate with emission on every update: a window is closed
// once its end plus grace is not after stream time; a record that is late for one of its windows may be on time for the
// next, and is counted once per closed window; the result's time is the latest of all that went into it.
import type { WindowSpec } from '../../dsl/plan.ts';
import type { WindowStore } from '../state/store.ts';
import { undecoded } from '../task/record-context.ts';
import type { StreamTime } from '../task/stream-time.ts';
import type { Forward, ForwardChange, StepOf, StepParts } from './step.ts';
import { advanceMsOf, firstWindowStartMs } from './windows.ts';

export function windowAggregateStep(
  step: StepOf<'aggregate'> & { readonly window: WindowSpec },
  parts: StepParts,
  wantsOld: boolean,
  next: ForwardChange,
): Forward {
  const { record, errors, metrics, stores, times } = parts;
  const { sizeMs, graceMs } = step.window;
  const advanceMs = advanceMsOf(step.window);
  const store = stores.store(step.store) as WindowStore;
  const time = times.of(step.store);
  const expire = createExpiry(store, time, { retentionMs: sizeMs + graceMs, everyMs: advanceMs });
  const update = createUpdate(step, parts, store, wantsOld, next);
  return (key, value, timestampMs) => {
    let known: unknown;
    record.currentKey = key;
    record.timestampMs = timestampMs;
    try {
      known = key === undecoded ? record.key : key;
    } catch (error) {
      errors.process(step.name, value, error);
      return;
    }
    if (known === null || value === null || value === undefined) {
      metrics.dropped[known === null ? 'nullKey' : 'nullValue'] += 1;
      return;
    }
    if (timestampMs > time.nowMs) time.nowMs = timestampMs;
    const closedMs = time.nowMs - graceMs;
    for (let start = firstWindowStartMs(timestampMs, sizeMs, advanceMs); start <= timestampMs; start += advanceMs) {
      if (start + sizeMs > closedMs) update(known, value, timestampMs, start);
      else metrics.dropped.late += 1;
    }
    expire();
  };
}

/** Adds one value to one window and passes on the change. */
function createUpdate(
  { name, initial, add, result, window: { sizeMs } }: StepOf<'aggregate'> & { readonly window: WindowSpec },
  { record, errors }: StepParts,
  store: WindowStore,
  wantsOld: boolean,
  next: ForwardChange,
): (key: unknown, value: unknown, timestampMs: number, startMs: number) => void {
  const shown = (accumulator: unknown): unknown =>
    accumulator === null ? null : result === null ? accumulator : result(accumulator);
  return (key, value, timestampMs, startMs) => {
    let newValue: unknown;
    let oldValue: unknown = null;
    let newestMs = timestampMs;
    record.currentKey = key;
    record.timestampMs = timestampMs;
    try {
      const stored = store.get(key, startMs);
      let accumulator: unknown;
      if (stored !== undefined) {
        if (stored.timestampMs > timestampMs) newestMs = stored.timestampMs;
        if (wantsOld) oldValue = shown(stored.value);
        accumulator = add(stored.value, value, record) ?? null;
      } else {
        accumulator = (initial === null ? value : add(initial(key), value, record)) ?? null;
      }
      newValue = shown(accumulator);
      if (accumulator === null) store.delete(key, startMs, newestMs);
      else store.put(key, startMs, accumulator, newestMs);
    } catch (error) {
      errors.process(name, value, error);
      return;
    }
    next({ key, startMs, endMs: startMs + sizeMs }, newValue, oldValue, newestMs);
  };
}

/** Lets go of windows that no record can reach any more: at most once per new window, since each asks the store to look. */
function createExpiry(
  store: WindowStore,
  time: StreamTime,
  { retentionMs, everyMs }: { readonly retentionMs: number; readonly everyMs: number },
): () => void {
  let nextMs = time.nowMs < 0 ? retentionMs : time.nowMs;
  return () => {
    if (time.nowMs < nextMs) return;
    store.expireBefore(time.nowMs - retentionMs + 1);
    nextMs = time.nowMs + everyMs;
  };
}

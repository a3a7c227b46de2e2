// aggregate without a window (count, reduce, aggregate, aggregateAll). As Kafka Streams' KStreamAggregate and
// KStreamReduce: a record without key or value is dropped and counted; the result's time is the latest of all that went
// into it; every update goes on, or at each commit the latest of each key, which is then read from the store.
import type { KeyValueStore } from '../state/store.ts';
import { undecoded } from '../task/record-context.ts';
import { latestUpdates } from './latest-updates.ts';
import { type ChangesTo, type Forward, noChanges, type StepOf, type StepParts } from './step.ts';

export function aggregateStep(
  { name, store: storeName, initial, add, result }: StepOf<'aggregate'>,
  parts: StepParts,
  { updates, wantsOld, next }: ChangesTo,
): Forward {
  const { record, errors, metrics, stores } = parts;
  const store = stores.store(storeName) as KeyValueStore;
  const shown = (accumulator: unknown): unknown =>
    accumulator === null ? null : result === null ? accumulator : result(accumulator);
  const update = updates === 'every' ? next : noChanges;
  if (updates === 'latest') latestUpdates({ name, store, keyOf: (key) => key, shown, next }, parts);
  return (key, value, timestampMs) => {
    let newValue: unknown;
    let oldValue: unknown = null;
    let newestMs = timestampMs;
    record.currentKey = key;
    record.timestampMs = timestampMs;
    try {
      const known = key === undecoded ? record.key : key;
      if (known === null || value === null || value === undefined) {
        metrics.dropped[known === null ? 'nullKey' : 'nullValue'] += 1;
        return;
      }
      const stored = store.get(known);
      let accumulator: unknown;
      if (stored !== undefined) {
        if (stored.timestampMs > timestampMs) newestMs = stored.timestampMs;
        if (wantsOld) oldValue = shown(stored.value);
        accumulator = add(stored.value, value, record) ?? null;
      } else {
        accumulator = (initial === null ? value : add(initial(known), value, record)) ?? null;
      }
      if (updates === 'every') newValue = shown(accumulator);
      if (accumulator === null) store.delete(known, newestMs);
      else store.put(known, accumulator, newestMs);
    } catch (error) {
      errors.process(name, value, error);
      return;
    }
    update(key, newValue, oldValue, newestMs);
  };
}

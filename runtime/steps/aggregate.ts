// aggregate without a window (count, reduce, aggregate, aggregateAll). As Kafka Streams' KStreamAggregate and
// KStreamReduce: a record without key or value is dropped and counted; the result's time is the latest of all that went
// into it; every update goes on.
import type { KeyValueStore } from '../state/store.ts';
import { undecoded } from '../task/record-context.ts';
import type { Forward, ForwardChange, StepOf, StepParts } from './step.ts';

export function aggregateStep(
  { name, store: storeName, initial, add, result }: StepOf<'aggregate'>,
  { record, errors, metrics, stores }: StepParts,
  wantsOld: boolean,
  next: ForwardChange,
): Forward {
  const store = stores.store(storeName) as KeyValueStore;
  const shown = (accumulator: unknown): unknown =>
    accumulator === null ? null : result === null ? accumulator : result(accumulator);
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
      newValue = shown(accumulator);
      if (accumulator === null) store.delete(known, newestMs);
      else store.put(known, accumulator, newestMs);
    } catch (error) {
      errors.process(name, value, error);
      return;
    }
    next(key, newValue, oldValue, newestMs);
  };
}

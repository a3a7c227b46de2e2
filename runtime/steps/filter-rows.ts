// filterRows: rows for which the predicate doesn't hold are deleted. As Kafka Streams' KTableFilter: without a store nobody
// knows whether a row was there before, so its deletion is passed on each time, unless a step behind asks for old values
// and there is none.
import type { KeyValueStore } from '../state/store.ts';
import { undecoded } from '../task/record-context.ts';
import type { ForwardChange, StepOf, StepParts } from './step.ts';

export function filterRowsStep(
  { name, predicate, store: storeName }: StepOf<'filterRows'>,
  { record, errors, stores }: StepParts,
  wantsOld: boolean,
  next: ForwardChange,
): ForwardChange {
  const store = storeName === null ? null : (stores.store(storeName) as KeyValueStore);
  const kept = (value: unknown): unknown => (value !== null && predicate(value, record) ? value : null);
  return (key, newValue, oldValue, timestampMs) => {
    let keptValue: unknown;
    let keptBefore: unknown = null;
    record.currentKey = key;
    record.timestampMs = timestampMs;
    try {
      keptValue = kept(newValue);
      if (wantsOld) {
        keptBefore = kept(oldValue);
        if (keptValue === null && keptBefore === null) return;
      }
      if (store !== null) {
        const known = key === undecoded ? record.key : key;
        if (keptValue === null) store.delete(known, timestampMs);
        else store.put(known, keptValue, timestampMs);
      }
    } catch (error) {
      errors.process(name, newValue, error);
      return;
    }
    next(key, keptValue, keptBefore, timestampMs);
  };
}

// mapRows: another value for each row, old ones too where a step behind asks for them.
import type { KeyValueStore } from '../state/store.ts';
import { undecoded } from '../task/record-context.ts';
import type { ForwardChange, StepOf, StepParts } from './step.ts';

export function mapRowsStep(
  { name, project, store: storeName }: StepOf<'mapRows'>,
  { record, errors, stores }: StepParts,
  wantsOld: boolean,
  next: ForwardChange,
): ForwardChange {
  const store = storeName === null ? null : (stores.store(storeName) as KeyValueStore);
  const mapped = (value: unknown): unknown => (value === null ? null : (project(value, record) ?? null));
  return (key, newValue, oldValue, timestampMs) => {
    let mappedValue: unknown;
    let mappedBefore: unknown = null;
    record.currentKey = key;
    record.timestampMs = timestampMs;
    try {
      mappedValue = mapped(newValue);
      if (wantsOld) mappedBefore = mapped(oldValue);
      if (store !== null) {
        const known = key === undecoded ? record.key : key;
        if (mappedValue === null) store.delete(known, timestampMs);
        else store.put(known, mappedValue, timestampMs);
      }
    } catch (error) {
      errors.process(name, newValue, error);
      return;
    }
    next(key, mappedValue, mappedBefore, timestampMs);
  };
}

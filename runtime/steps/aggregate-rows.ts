// aggregateRows: the rows of each group folded. As Kafka Streams' KTableAggregate: what is gone is subtracted, if there is a
// state to subtract it from, then what is there now is added; one change for both. The time is the latest of all.
import type { KeyValueStore } from '../state/store.ts';
import { undecoded } from '../task/record-context.ts';
import type { RowChange } from './group-rows.ts';
import type { Forward, ForwardChange, StepOf, StepParts } from './step.ts';

export function aggregateRowsStep(
  { name, store: storeName, initial, add, subtract }: StepOf<'aggregateRows'>,
  { record, errors, metrics, stores }: StepParts,
  wantsOld: boolean,
  next: ForwardChange,
): Forward {
  const store = stores.store(storeName) as KeyValueStore;

  function folded(key: unknown, stored: unknown, change: RowChange): unknown {
    let state = stored;
    if (change.subtract !== null && state !== null) state = subtract(state, change.subtract, record) ?? null;
    if (change.add === null) return state;
    if (state !== null) return add(state, change.add, record) ?? null;
    return (initial === null ? change.add : add(initial(key), change.add, record)) ?? null;
  }

  return (key, change: RowChange, timestampMs) => {
    let newValue: unknown;
    let oldValue: unknown = null;
    let newestMs = timestampMs;
    record.currentKey = key;
    record.timestampMs = timestampMs;
    try {
      const known = key === undecoded ? record.key : key;
      if (known === null || change === null) {
        metrics.dropped[known === null ? 'nullKey' : 'nullValue'] += 1;
        return;
      }
      const stored = store.get(known);
      oldValue = stored?.value ?? null;
      if (stored !== undefined && stored.timestampMs > timestampMs) newestMs = stored.timestampMs;
      newValue = folded(known, oldValue, change);
      if (newValue === null) store.delete(known, newestMs);
      else store.put(known, newValue, newestMs);
    } catch (error) {
      errors.process(name, change, error);
      return;
    }
    next(key, newValue, wantsOld ? oldValue : null, newestMs);
  };
}

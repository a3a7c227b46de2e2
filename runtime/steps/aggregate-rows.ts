// aggregateRows: the rows of each group folded. As Kafka Streams' KTableAggregate: what is gone is subtracted, if there is a
// state to subtract it from, then what is there now is added; one change for both. The time is the latest of all.
import type { KeyValueStore } from '../state/store.ts';
import { undecoded } from '../task/record-context.ts';
import type { RowChange } from './group-rows.ts';
import { latestUpdates } from './latest-updates.ts';
import { type ChangesTo, type Forward, noChanges, type StepOf, type StepParts } from './step.ts';

export function aggregateRowsStep(
  { name, store: storeName, initial, add, subtract }: StepOf<'aggregateRows'>,
  parts: StepParts,
  { updates, wantsOld, next }: ChangesTo,
): Forward {
  const { record, errors, metrics, stores } = parts;
  const store = stores.store(storeName) as KeyValueStore;
  const same = (value: unknown) => value;
  if (updates === 'latest') latestUpdates({ name, store, keyOf: same, shown: same, next }, parts);
  const update = updates === 'every' ? next : noChanges;

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
    update(key, newValue, wantsOld ? oldValue : null, newestMs);
  };
}

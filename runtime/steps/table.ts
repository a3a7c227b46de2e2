// toTable and tableSource: what comes in is the newest value of its key, null a deletion; the store takes it and the
// change goes on. As Kafka Streams' KTableSource: in offset order whatever the timestamps say, and a record without a
// key is dropped and counted.
import type { KeyValueStore } from '../state/store.ts';
import { undecoded } from '../task/record-context.ts';
import type { Forward, ForwardChange, StepOf, StepParts } from './step.ts';

export function tableStep(
  { name, store: storeName }: StepOf<'toTable'> | StepOf<'tableSource'>,
  { record, errors, metrics, stores }: StepParts,
  wantsOld: boolean,
  next: ForwardChange,
): Forward {
  const store = stores.store(storeName) as KeyValueStore;
  return (key, value, timestampMs) => {
    let old: unknown = null;
    record.currentKey = key;
    record.timestampMs = timestampMs;
    try {
      const known = key === undecoded ? record.key : key;
      if (known === null) {
        metrics.dropped.nullKey += 1;
        return;
      }
      if (wantsOld) old = store.get(known)?.value ?? null;
      if (value === null || value === undefined) store.delete(known, timestampMs);
      else store.put(known, value, timestampMs);
    } catch (error) {
      errors.process(name, value, error);
      return;
    }
    next(key, value ?? null, old, timestampMs);
  };
}

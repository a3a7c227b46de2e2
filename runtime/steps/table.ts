// toTable and tableSource: what comes in is the newest value of its key, null a deletion; the store takes it and the
// change goes on. As Kafka Streams' KTableSource: in offset order whatever the timestamps say, and a record without a
// key is dropped and counted. A table that keeps history passes on what is the newest row of its key; what comes out of
// order takes its place in the history alone, and what is older than that is dropped and counted as late (KIP-914).
import type { KeyValueStore } from '../state/store.ts';
import { openVersionedRows } from '../state/versions.ts';
import { type TaskRecord, undecoded } from '../task/record-context.ts';
import { countLate } from '../task/task-metrics.ts';
import type { Forward, ForwardChange, StepOf, StepParts } from './step.ts';

export function tableStep(
  { name, kind, store: storeName }: StepOf<'toTable'> | StepOf<'tableSource'>,
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
      else store.put(known, value, timestampMs, kind === 'tableSource' ? ownBytes(record) : null);
    } catch (error) {
      errors.process(name, value, error);
      return;
    }
    next(key, value ?? null, old, timestampMs);
  };
}

/** A topic's rows are kept as the topic has them, as when they are restored from it. */
function ownBytes({ origin }: TaskRecord): Uint8Array | null {
  const bytes = origin.valueBytes();
  return bytes === null ? null : new Uint8Array(bytes);
}

export function versionedTableStep(
  { name, store }: StepOf<'toTable'> | StepOf<'tableSource'>,
  { record, errors, metrics, stores, times }: StepParts,
  historyMs: number,
  wantsOld: boolean,
  next: ForwardChange,
): Forward {
  const rows = openVersionedRows({ store: stores.store(store) as KeyValueStore, historyMs, time: times.of(store) });
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
      if (wantsOld) old = rows.get(known)?.value ?? null;
      const put = rows.put(known, value, timestampMs);
      if (put === 'refused') countLate(metrics, name);
      if (put !== 'newest') return;
    } catch (error) {
      errors.process(name, value, error);
      return;
    }
    next(key, value ?? null, old, timestampMs);
  };
}

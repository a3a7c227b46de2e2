// joinTable: looks the record's key up in a table, as the table is at that moment; a change of the table triggers
// nothing. As Kafka Streams' KStreamKTableJoinProcessor: a null value is dropped; a null key is dropped by an inner
// join and joined with nothing by a left join (KIP-962); the result has the stream record's time.
import type { KeyValueStore } from '../state/store.ts';
import { undecoded } from '../task/record-context.ts';
import type { Forward, StepOf, StepParts } from './step.ts';

export function joinTableStep(
  { name, store: storeName, join, joiner }: StepOf<'joinTable'>,
  { record, errors, metrics, stores }: StepParts,
  result: ((accumulator: unknown) => unknown) | null,
  next: Forward,
): Forward {
  const store = stores.store(storeName) as KeyValueStore;
  const inner = join === 'inner';
  return (key, value, timestampMs) => {
    let joined: unknown;
    record.currentKey = key;
    record.timestampMs = timestampMs;
    try {
      const known = key === undecoded ? record.key : key;
      if (value === null || value === undefined) {
        metrics.dropped.nullValue += 1;
        return;
      }
      if (known === null && inner) {
        metrics.dropped.nullKey += 1;
        return;
      }
      const found = known === null ? undefined : store.get(known);
      if (found === undefined && inner) return;
      const right = found === undefined ? null : result === null ? found.value : result(found.value);
      joined = joiner(value, right, record);
    } catch (error) {
      errors.process(name, value, error);
      return;
    }
    next(key, joined, timestampMs);
  };
}

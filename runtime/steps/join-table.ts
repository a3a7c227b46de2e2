// joinTable: looks the record's key up in a table, as the table is at that moment; a change of the table triggers
// nothing. As Kafka Streams' KStreamKTableJoinProcessor: a null value is dropped; a null key is dropped by an inner
// join and joined with nothing by a left join (KIP-962); the result has the stream record's time.
import { undecoded } from '../task/record-context.ts';
import type { TableLookup } from '../task/table-lookup.ts';
import type { Forward, StepOf, StepParts } from './step.ts';

export function joinTableStep(
  { name, join, joiner }: StepOf<'joinTable'>,
  { record, errors, metrics }: StepParts,
  table: TableLookup,
  next: Forward,
): Forward {
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
      const found = known === null ? undefined : table.getAsOf(known, timestampMs);
      if (found === undefined && inner) return;
      joined = joiner(value, found?.value ?? null, record);
    } catch (error) {
      errors.process(name, value, error);
      return;
    }
    next(key, joined, timestampMs);
  };
}

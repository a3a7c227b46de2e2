// joinGlobal: looks up a key of the stream's own value in a table that every process has whole. As Kafka Streams'
// KStreamGlobalKTableJoin of 4.1: the record's key may be null, the one that is looked up may be in a left join.
import type { Forward, StepOf, StepParts } from './step.ts';

export function joinGlobalStep(
  { name, global, join, keyOf, joiner }: StepOf<'joinGlobal'>,
  { record, errors, metrics, globalRows }: StepParts,
  next: Forward,
): Forward {
  const rows = globalRows(global);
  const inner = join === 'inner';
  return (key, value, timestampMs) => {
    let joined: unknown;
    record.currentKey = key;
    record.timestampMs = timestampMs;
    try {
      if (value === null || value === undefined) {
        metrics.dropped.nullValue += 1;
        return;
      }
      const wanted = keyOf(value, record) ?? null;
      if (wanted === null && inner) {
        metrics.dropped.nullKey += 1;
        return;
      }
      const found = wanted === null ? undefined : rows.get(wanted);
      if (found === undefined && inner) return;
      joined = joiner(value, found?.value ?? null, record);
    } catch (error) {
      errors.process(name, value, error);
      return;
    }
    next(key, joined, timestampMs);
  };
}

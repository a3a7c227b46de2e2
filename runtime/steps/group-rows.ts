// groupRows: what a change of a row means for the groups, as records by the groups' keys. As Kafka Streams'
// KTableRepartitionMap: one record where the group stays, two where it changes, the old one's first. Keys are the same when
// their bytes are.
import type { Serde } from '../../core/schema/serde.ts';
import type { Forward, ForwardChange, StepOf, StepParts } from './step.ts';

/** What travels through the repartition topic; null for no value. */
export interface RowChange {
  readonly subtract: unknown;
  readonly add: unknown;
}

export function groupRowsStep(
  { name, keyOf, key: serde }: StepOf<'groupRows'>,
  { record, errors, metrics }: StepParts,
  next: Forward,
): ForwardChange {
  function groupOf(value: unknown): unknown {
    if (value === null) return null;
    const group = keyOf(value, record) ?? null;
    if (group === null) metrics.dropped.nullKey += 1;
    return group;
  }
  return (key, newValue, oldValue, timestampMs) => {
    let oldGroup: unknown;
    let newGroup: unknown;
    record.currentKey = key;
    record.timestampMs = timestampMs;
    try {
      oldGroup = groupOf(oldValue);
      newGroup = groupOf(newValue);
    } catch (error) {
      errors.process(name, newValue ?? oldValue, error);
      return;
    }
    if (oldGroup !== null && newGroup !== null && sameKey(serde, oldGroup, newGroup)) {
      next(newGroup, { subtract: oldValue, add: newValue } satisfies RowChange, timestampMs);
      return;
    }
    if (oldGroup !== null) next(oldGroup, { subtract: oldValue, add: null } satisfies RowChange, timestampMs);
    if (newGroup !== null) next(newGroup, { subtract: null, add: newValue } satisfies RowChange, timestampMs);
  };
}

function sameKey(serde: Serde<unknown>, a: unknown, b: unknown): boolean {
  if (a === b) return true;
  // An encoder may give out the same memory twice.
  const bytes = Uint8Array.from(serde.encode(a));
  return Buffer.compare(bytes, serde.encode(b)) === 0;
}

// filter: passes on the records for which the predicate holds.
import type { Forward, StepOf, StepParts } from './step.ts';

export function filterStep(
  { name, predicate }: StepOf<'filter'>,
  { record, errors }: StepParts,
  next: Forward,
): Forward {
  return (key, value, timestampMs) => {
    let passes: boolean;
    record.currentKey = key;
    record.timestampMs = timestampMs;
    try {
      passes = predicate(value, record);
    } catch (error) {
      errors.process(name, value, error);
      return;
    }
    if (passes) next(key, value, timestampMs);
  };
}

// selectKey: another key, the same value.
import type { Forward, StepOf, StepParts } from './step.ts';

export function selectKeyStep(
  { name, keyOf }: StepOf<'selectKey'>,
  { record, errors }: StepParts,
  next: Forward,
): Forward {
  return (key, value, timestampMs) => {
    let selected: unknown;
    record.currentKey = key;
    record.timestampMs = timestampMs;
    try {
      selected = keyOf(value, record);
    } catch (error) {
      errors.process(name, value, error);
      return;
    }
    next(selected ?? null, value, timestampMs);
  };
}

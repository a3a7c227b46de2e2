// flatMap: any number of values for one, all with its key and time.
import type { Forward, StepOf, StepParts } from './step.ts';

export function flatMapStep(
  { name, project }: StepOf<'flatMap'>,
  { record, errors }: StepParts,
  next: Forward,
): Forward {
  return (key, value, timestampMs) => {
    let items: readonly unknown[];
    record.currentKey = key;
    record.timestampMs = timestampMs;
    try {
      const projected = project(value, record);
      // A generator that throws halfway must not have let out its first half.
      items = Array.isArray(projected) ? projected : [...projected];
    } catch (error) {
      errors.process(name, value, error);
      return;
    }
    for (let i = 0; i < items.length; i++) next(key, items[i], timestampMs);
  };
}

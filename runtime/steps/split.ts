// split: each record goes to the first branch whose predicate holds, or to the rest.
import type { Forward, StepOf, StepParts } from './step.ts';

/** @param branches what follows each branch, by its index; the last is the rest */
export function splitStep(
  { name, predicates }: StepOf<'split'>,
  { record, errors }: StepParts,
  branches: readonly Forward[],
): Forward {
  return (key, value, timestampMs) => {
    let index = 0;
    record.currentKey = key;
    record.timestampMs = timestampMs;
    try {
      while (index < predicates.length && !predicates[index]!(value, record)) index++;
    } catch (error) {
      errors.process(name, value, error);
      return;
    }
    branches[index]!(key, value, timestampMs);
  };
}

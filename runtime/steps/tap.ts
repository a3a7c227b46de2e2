// tap: looks at a record and passes it on as it is (Kafka Streams' peek).
import type { Forward, StepOf, StepParts } from './step.ts';

export function tapStep({ name, look }: StepOf<'tap'>, { record, errors }: StepParts, next: Forward): Forward {
  return (key, value, timestampMs) => {
    record.currentKey = key;
    record.timestampMs = timestampMs;
    try {
      look(value, record);
    } catch (error) {
      errors.process(name, value, error);
      return;
    }
    next(key, value, timestampMs);
  };
}

// map: another value, the same key (Kafka Streams' mapValues), so it never causes a repartition.
import type { Forward, StepOf, StepParts } from './step.ts';

export function mapStep({ name, project }: StepOf<'map'>, { record, errors }: StepParts, next: Forward): Forward {
  return (key, value, timestampMs) => {
    let projected: unknown;
    record.currentKey = key;
    record.timestampMs = timestampMs;
    try {
      projected = project(value, record);
    } catch (error) {
      errors.process(name, value, error);
      return;
    }
    next(key, projected, timestampMs);
  };
}

// mapRecord: another key and value, and another time where the function gives one.
import { Fault } from '../../core/kernel/fault.ts';
import type { Forward, StepOf, StepParts } from './step.ts';

export function mapRecordStep(
  { name, project }: StepOf<'mapRecord'>,
  { record, errors }: StepParts,
  next: Forward,
): Forward {
  return (key, value, timestampMs) => {
    let projected: { key: unknown; value: unknown; timestampMs?: number };
    let projectedMs: number;
    record.currentKey = key;
    record.timestampMs = timestampMs;
    try {
      projected = project(value, record);
      projectedMs = Math.floor(projected.timestampMs ?? timestampMs);
      if (!(projectedMs >= 0 && projectedMs < Number.POSITIVE_INFINITY)) {
        throw new Fault('BAD_TIMESTAMP', { where: name, timestampMs: projectedMs });
      }
    } catch (error) {
      errors.process(name, value, error);
      return;
    }
    next(projected.key ?? null, projected.value, projectedMs);
  };
}

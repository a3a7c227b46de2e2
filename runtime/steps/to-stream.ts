// toStream: the changes of a table as records: the new value, null where the key is gone.
import type { Forward, ForwardChange } from './step.ts';

export const toStreamStep =
  (next: Forward): ForwardChange =>
  (key, newValue, _oldValue, timestampMs) =>
    next(key, newValue, timestampMs);

// topicSink: encodes and hands the record to the output. Where the key is still the input's and both topics have one
// serde, its bytes go on as they came.
import { isFault } from '../../core/kernel/fault.ts';
import { lentEncoder } from '../../core/schema/lent.ts';
import { utf8 } from '../../core/schema/primitive.ts';
import { undecoded } from '../task/record-context.ts';
import type { Forward, StepOf, StepParts } from './step.ts';

export function topicSinkStep(
  { name, topic, internal }: StepOf<'topicSink'>,
  { record, errors, metrics, output }: StepParts,
): Forward {
  const { name: topicName, key: keySerde, value: valueSerde } = topic;
  const isText = valueSerde === utf8;
  // The output copies at once.
  const [lentKey, lentValue] = [lentEncoder(keySerde), lentEncoder(valueSerde)];
  return (key, value, timestampMs) => {
    record.currentKey = key;
    record.timestampMs = timestampMs;
    let keyBytes: Uint8Array | null;
    let valueBytes: Uint8Array | string | null;
    try {
      if (key === undecoded && record.origin.keySerde === keySerde) keyBytes = record.origin.lentKeyBytes();
      else {
        const known = key === undecoded ? record.key : key;
        keyBytes = known === null ? null : lentKey(known);
      }
      if (value === null || value === undefined) valueBytes = null;
      else valueBytes = isText && typeof value === 'string' ? value : lentValue(value);
    } catch (error) {
      errors.produce(name, value, error);
      return;
    }
    if (internal && keyBytes === null) {
      metrics.dropped.nullKey += 1;
      return;
    }
    try {
      output.write(topicName, null, keyBytes, valueBytes, timestampMs, record.headers);
      metrics.recordsWritten += 1;
    } catch (error) {
      // Any other refusal is the producer's trouble and not the record's.
      if (!isFault(error, 'RECORD_TOO_LARGE')) throw error;
      errors.produce(name, value, error);
    }
  };
}

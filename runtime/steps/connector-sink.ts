// connectorSink: gives records to a sink in batches, one call at a time. While the sink takes its time records collect
// up to a bound, and then the task stops: that is the back-pressure.
import type { SinkRecord } from '../../dsl/connector.ts';
import { undecoded } from '../task/record-context.ts';
import type { Forward, HoldingStep, StepOf, StepParts } from './step.ts';

/** Records that may wait for a sink, and the most that it gets at once. */
const recordsMax = 1000;

export function connectorSinkStep({ name, connector }: StepOf<'connectorSink'>, parts: StepParts): Forward {
  const { record, errors, metrics } = parts;
  const sink = parts.openSink(connector);
  let collected: SinkRecord<unknown, unknown>[] = [];
  let writing: Promise<void> | null = null;
  let failure: { readonly error: unknown } | null = null;
  /** Lowest offset by input of what isn't flushed. */
  const unflushed = new Map<number, number>();

  /** Begins after the task's turn, so that the sink gets what the whole turn made. */
  async function write(): Promise<void> {
    await null;
    try {
      while (collected.length > 0) {
        const records = collected;
        collected = [];
        await sink.write(records);
      }
    } catch (error) {
      failure = { error };
      parts.fail(error);
    } finally {
      writing = null;
    }
  }

  async function drained(): Promise<void> {
    while (writing !== null) await writing;
    if (failure !== null) throw failure.error;
  }

  const holding: HoldingStep = {
    get blocked() {
      return collected.length >= recordsMax;
    },
    async ready() {
      if (holding.blocked) await drained();
    },
    async settle() {
      await drained();
      if (unflushed.size === 0) return;
      await sink.flush();
      unflushed.clear();
    },
    heldOffset: (input) => unflushed.get(input) ?? null,
    // Whoever opened the sink closes it.
    close: async () => {},
  };
  parts.hold(holding);

  return (key, value, timestampMs) => {
    const { origin } = record;
    record.currentKey = key;
    record.timestampMs = timestampMs;
    let known: unknown;
    try {
      known = key === undecoded ? record.key : key;
    } catch (error) {
      errors.process(name, value, error);
      return;
    }
    const { topic, partition, offset } = origin;
    collected.push({ key: known, value, timestampMs, topic, partition, offset, headers: origin.readHeaders() });
    metrics.recordsWritten += 1;
    unflushed.set(origin.input, Math.min(offset, unflushed.get(origin.input) ?? offset));
    writing ??= write();
  };
}

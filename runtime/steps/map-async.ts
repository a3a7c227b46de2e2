// mapAsync: another value that is waited for, `concurrency` at a time. The task goes on with other records meanwhile and
// stops when the limit is reached; its offsets wait for the answers. An answer goes on with its own record's key, time,
// headers and place, whatever the task has moved to.
import { createLatch, type Latch } from '../../core/kernel/latch.ts';
import { HeldRecord } from '../task/record-context.ts';
import type { Forward, HoldingStep, StepOf, StepParts } from './step.ts';

interface Entry {
  readonly held: HeldRecord;
  readonly value: unknown;
  answer:
    | { readonly kind: 'value'; readonly value: unknown }
    | { readonly kind: 'error'; readonly error: unknown }
    | null;
}

export function mapAsyncStep(step: StepOf<'mapAsync'>, parts: StepParts, next: Forward): Forward {
  const { name, project, concurrency, order } = step;
  const { record, errors } = parts;
  /** In the order in which they came; with order 'kept' an answered one stays until those before it are answered. */
  const entries = new Set<Entry>();
  /** Came in the middle of a record that makes many, when the limit was reached: few, since the task stops. */
  const waiting: Entry[] = [];
  let running = 0;
  let failure: { readonly error: unknown } | null = null;
  let closed = false;
  let changed: Latch<void> | null = null;

  function start(entry: Entry): void {
    running += 1;
    let promise: Promise<unknown>;
    try {
      promise = Promise.resolve(project(entry.value, entry.held));
    } catch (error) {
      promise = Promise.reject(error);
    }
    promise.then(
      (value) => answered(entry, { kind: 'value', value }),
      (error: unknown) => answered(entry, { kind: 'error', error }),
    );
  }

  function answered(entry: Entry, answer: NonNullable<Entry['answer']>): void {
    if (closed) return;
    running -= 1;
    entry.answer = answer;
    try {
      if (order === 'any') pass(entry);
      else
        for (const first of entries)
          if (first.answer === null) break;
          else pass(first);
    } catch (error) {
      failure ??= { error };
      parts.fail(error);
    }
    const following = failure === null ? waiting.shift() : undefined;
    if (following !== undefined) start(following);
    changed?.resolve();
    changed = null;
  }

  function pass(entry: Entry): void {
    const { held, value, answer } = entry;
    record.origin = held;
    record.currentKey = held.stepKey;
    record.timestampMs = held.timestampMs;
    if (answer!.kind === 'error') errors.process(name, value, answer!.error);
    else next(held.stepKey, answer!.value, held.timestampMs);
    entries.delete(entry);
  }

  async function until(holds: () => boolean): Promise<void> {
    for (;;) {
      if (failure !== null) throw failure.error;
      if (closed || holds()) return;
      changed ??= createLatch();
      await changed.promise;
    }
  }

  const holding: HoldingStep = {
    get blocked() {
      return entries.size >= concurrency;
    },
    ready: () => until(() => !holding.blocked),
    settle: () => until(() => entries.size === 0),
    heldOffset(input) {
      let lowest: number | null = null;
      for (const { held } of entries) {
        if (held.input === input && (lowest === null || held.offset < lowest)) lowest = held.offset;
      }
      return lowest;
    },
    async close() {
      closed = true;
      changed?.resolve();
    },
  };
  parts.hold(holding);

  return (key, value, timestampMs) => {
    const entry: Entry = { held: new HeldRecord(record.origin, key, timestampMs), value, answer: null };
    entries.add(entry);
    if (running < concurrency) start(entry);
    else waiting.push(entry);
  };
}

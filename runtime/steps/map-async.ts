// mapAsync: another value that is waited for, `concurrency` at a time. The task goes on with other records meanwhile and
// stops when the limit is reached; its offsets wait for the answers. An answer goes on with its own record's key, time,
// headers and place, whatever the task has moved to.
import { backoffMs } from '../../core/kernel/backoff.ts';
import { Fault } from '../../core/kernel/fault.ts';
import { createLatch, type Latch } from '../../core/kernel/latch.ts';
import type { AsyncRetry } from '../../dsl/plan.ts';
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
  const { name, project, concurrency, order, timeoutMs = null, retry = null } = step;
  const { record, errors, clock, random } = parts;
  /** In the order in which they came; with order 'kept' an answered one stays until those before it are answered. */
  const entries = new Set<Entry>();
  /** Came in the middle of a record that makes many, when the limit was reached: few, since the task stops. */
  const waiting: Entry[] = [];
  let running = 0;
  let failure: { readonly error: unknown } | null = null;
  let closed = false;
  let changed: Latch<void> | null = null;
  /** Of calls that are out and of waits for another try: what ends them when the task closes. */
  const endings = new Set<() => void>();

  function start(entry: Entry): void {
    running += 1;
    call(entry, 0);
  }

  /** @param attempt 0 is the first */
  function call(entry: Entry, attempt: number): void {
    const aborting = new AbortController();
    const end = () => {
      timer?.cancel();
      aborting.abort(new Fault('CLOSED', { what: 'the task' }));
    };
    endings.add(end);
    let over = false;
    const settled = (answer: NonNullable<Entry['answer']>) => {
      if (over) return;
      over = true;
      timer?.cancel();
      endings.delete(end);
      if (answer.kind === 'value' || !tryAgain(entry, attempt, answer.error)) answered(entry, answer);
    };
    const timer =
      timeoutMs === null
        ? null
        : clock.after(timeoutMs, () => {
            const error = new Fault('TIMED_OUT', { what: 'its call', afterMs: timeoutMs });
            settled({ kind: 'error', error });
            aborting.abort(error);
          });
    let promise: Promise<unknown>;
    try {
      promise = Promise.resolve(project(entry.value, entry.held, aborting.signal));
    } catch (error) {
      promise = Promise.reject(error);
    }
    promise.then(
      (value) => settled({ kind: 'value', value }),
      (error: unknown) => settled({ kind: 'error', error }),
    );
  }

  function tryAgain(entry: Entry, attempt: number, error: unknown): boolean {
    if (retry === null || attempt >= retry.times || closed || failure !== null || !isWorthIt(retry, error))
      return false;
    const timer = clock.after(backoffMs(attempt, retry, random), () => {
      endings.delete(timer.cancel);
      call(entry, attempt + 1);
    });
    endings.add(timer.cancel);
    return true;
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
      for (const end of [...endings]) end();
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

/** What asks may fail itself: then the error that it was asked about is the one to tell. */
function isWorthIt({ when }: AsyncRetry, error: unknown): boolean {
  try {
    return when(error);
  } catch {
    return false;
  }
}

// rx: RxJS operators over the values of one partition, in offset order. What they emit while a record is pushed is that
// record's output, with its key, time and headers. They are subscribed at the first record, because their clock starts
// at its time; an error of theirs goes to the error policy and, where that goes on, they begin again with no memory.
import { type Observable, type OperatorFunction, Subject, type Subscription } from 'rxjs';
import { Fault } from '../../core/kernel/fault.ts';
import type { Forward, HoldingStep, StepOf, StepParts } from '../steps/step.ts';
import { createStreamTimeScheduler, type StreamTimeScheduler } from './stream-time-scheduler.ts';

interface Pipeline {
  readonly values: Subject<unknown>;
  readonly scheduler: StreamTimeScheduler;
  readonly subscription: Subscription;
}

export function rxStep({ name, make }: StepOf<'rx'>, parts: StepParts, next: Forward): Forward {
  const { record, errors, times } = parts;
  const time = times.of('');
  let pipeline: Pipeline | null = null;
  let pushing = false;
  let outputs: unknown[] = [];
  let failure: { readonly error: unknown } | null = null;

  function emitted(value: unknown): void {
    if (pushing) outputs.push(value);
    else parts.fail(new Fault('RX_ASYNC_EMISSION', { operator: name }));
  }

  function ended(error: unknown): void {
    failure ??= { error };
    if (!pushing) parts.fail(error);
  }

  function subscribe(): Pipeline {
    const scheduler = createStreamTimeScheduler(time.nowMs);
    const values = new Subject<unknown>();
    const operators = make(scheduler) as readonly OperatorFunction<unknown, unknown>[];
    const piped = operators.reduce<Observable<unknown>>((source, operator) => operator(source), values);
    const subscription = piped.subscribe({
      next: emitted,
      error: ended,
      complete: () => ended(new Fault('RX_COMPLETED', { operator: name })),
    });
    return { values, scheduler, subscription };
  }

  function push(value: unknown): void {
    pushing = true;
    try {
      pipeline ??= subscribe();
      pipeline.scheduler.advanceTo(time.nowMs);
      pipeline.values.next(value);
    } catch (error) {
      failure ??= { error };
    } finally {
      pushing = false;
    }
  }

  const holding: HoldingStep = {
    blocked: false,
    ready: async () => {},
    settle: async () => {},
    heldOffset: () => null,
    close: async () => pipeline?.subscription.unsubscribe(),
  };
  parts.hold(holding);

  return (key, value, timestampMs) => {
    record.currentKey = key;
    record.timestampMs = timestampMs;
    push(value);
    const emissions = outputs;
    if (failure !== null) {
      const { error } = failure;
      failure = null;
      outputs = [];
      pipeline?.subscription.unsubscribe();
      pipeline = null;
      errors.process(name, value, error);
      return;
    }
    if (emissions.length === 0) return;
    outputs = [];
    for (let i = 0; i < emissions.length; i++) next(key, emissions[i], timestampMs);
  };
}

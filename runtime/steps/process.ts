// process: a person's own code over the records. What it forwards goes through the steps behind it before the call returns,
// as in Kafka Streams. A timer may wait; the task takes no record meanwhile, so that its code is never at work twice.
import { Fault } from '../../core/kernel/fault.ts';
import type { ForwardOptions } from '../../dsl/operators/process.ts';
import type { ProcessTimer, RecordContext } from '../../dsl/plan.ts';
import type { KeyValueStore } from '../state/store.ts';
import { noOrigin, type Origin } from '../task/record-context.ts';
import { openProcessState } from './process-stores.ts';
import { createTimers, type Timers } from './process-timers.ts';
import type { Forward, HoldingStep, StepOf, StepParts } from './step.ts';

type OnRecord = (value: unknown, record: RecordContext) => unknown;
type OnTimer = (nowMs: number) => unknown;
type Handlers = OnRecord | { readonly process: OnRecord; readonly every: Readonly<Record<string, OnTimer>> };

/** What is at work: the function for a record, or that of a timer with the time it was given. */
type AtWork = { readonly kind: 'record' } | { readonly kind: 'timer'; readonly nowMs: number };

const recordAtWork: AtWork = { kind: 'record' };

const isPromise = (given: unknown): given is PromiseLike<unknown> =>
  typeof (given as PromiseLike<unknown> | undefined)?.then === 'function';

/** @param outputs what takes the records of each output; of one without a name there is one */
export function processStep(step: StepOf<'process'>, parts: StepParts, outputs: readonly Forward[]): Forward {
  const { name, schedule } = step;
  const { record, errors, stores, times, clock } = parts;
  // Of a store that is stamped with it, since a restore raises it so; a session's stamp is its end.
  const stamped = step.stores.find(({ kind }) => kind !== 'session') ?? step.stores[0];
  const time = times.of(schedule ?? stamped?.store ?? name);
  let atWork: AtWork | null = null;
  let closed = false;

  const state = openProcessState(step.stores, {
    stores,
    time,
    nowMs: () => (atWork?.kind === 'record' ? record.timestampMs : Math.max(0, time.nowMs)),
  });

  function forwardTo(next: Forward) {
    return (value: unknown, options: ForwardOptions & { readonly key?: unknown } = {}): void => {
      if (closed) throw new Fault('CLOSED', { what: name });
      if (atWork === null) throw new Fault('FORWARD_OUTSIDE', { operator: name, what: 'forward()' });
      const { origin, currentKey, timestampMs } = record;
      const own = atWork.kind === 'record' ? origin : noOrigin;
      record.origin = options.headers === undefined ? own : withHeaders(own, options.headers);
      try {
        const key = 'key' in options ? options.key : keyAtHand(currentKey);
        next(key, value, options.timestampMs ?? (atWork.kind === 'record' ? timestampMs : atWork.nowMs));
      } catch (error) {
        // The code may catch it, and go on as if nothing were.
        parts.fail(error);
        throw error;
      } finally {
        record.origin = origin;
        record.currentKey = currentKey;
        record.timestampMs = timestampMs;
      }
    };
  }

  function keyAtHand(currentKey: unknown): unknown {
    if (atWork?.kind === 'record') return currentKey;
    throw new Fault('BAD_OPERATOR', { operator: name, reason: 'a timer has no record, so forward() needs { key }' });
  }

  const forward =
    step.outputs.length === 0
      ? forwardTo(outputs[0]!)
      : Object.fromEntries(step.outputs.map((output, index) => [output, forwardTo(outputs[index]!)]));

  const handlers: Handlers = step.setup({
    stores: state.stores,
    forward,
    streamTimeMs: () => time.nowMs,
    wallClockMs: () => clock.now(),
  });
  const onRecord = typeof handlers === 'function' ? handlers : handlers?.process;
  const onTimers = typeof handlers === 'function' ? {} : (handlers?.every ?? {});
  const missing = step.timers.find((timer) => typeof onTimers[timer.name] !== 'function');
  if (typeof onRecord !== 'function' || missing !== undefined) {
    const what = missing === undefined ? 'a function for the records' : `a function for the timer '${missing.name}'`;
    throw new Fault('BAD_OPERATOR', { operator: name, reason: `its setup must return ${what}` });
  }

  const timers = schedule === null ? null : startTimers(stores.store(schedule) as KeyValueStore);

  function startTimers(kept: KeyValueStore<string, number>): Timers {
    let waiting: Promise<void> | null = null;

    function failed(timer: ProcessTimer, error: unknown): void {
      record.origin = noOrigin;
      record.currentKey = null;
      errors.process(`${name}, timer ${timer.name}`, null, error);
    }

    async function until(answer: PromiseLike<unknown>, timer: ProcessTimer): Promise<void> {
      try {
        await answer;
      } catch (error) {
        if (closed) return;
        try {
          failed(timer, error);
        } catch (refused) {
          parts.fail(refused);
        }
      } finally {
        atWork = null;
        waiting = null;
        if (!closed) created.streamMoved();
      }
    }

    function call(timer: ProcessTimer, nowMs: number): boolean {
      if (waiting !== null) return false;
      const { origin } = record;
      record.origin = noOrigin;
      record.currentKey = null;
      record.timestampMs = nowMs;
      atWork = { kind: 'timer', nowMs };
      let answer: unknown;
      try {
        answer = onTimers[timer.name]!(nowMs);
        if (isPromise(answer)) waiting = until(answer, timer);
      } catch (error) {
        failed(timer, error);
      } finally {
        if (waiting === null) atWork = null;
        record.origin = origin;
      }
      return true;
    }

    const created = createTimers({ timers: step.timers, schedule: kept, time, startedMs: clock.now(), call });
    const done = async () => {
      while (waiting !== null) await waiting;
    };
    const holding: HoldingStep = {
      get blocked() {
        return waiting !== null;
      },
      ready: done,
      settle: done,
      heldOffset: () => null,
      async close() {
        closed = true;
      },
    };
    parts.hold(holding);
    parts.timed({ punctuate: (nowMs) => created.wallMoved(nowMs), closeWindows: () => created.end() });
    return created;
  }

  return (key, value, timestampMs) => {
    record.currentKey = key;
    record.timestampMs = timestampMs;
    if (timestampMs > time.nowMs) {
      time.nowMs = timestampMs;
      state.expire();
    }
    atWork = recordAtWork;
    let answer: unknown;
    try {
      answer = onRecord(value, record);
    } catch (error) {
      errors.process(name, value, error);
    } finally {
      atWork = null;
    }
    if (isPromise(answer)) refuse(answer);
    timers?.streamMoved();
  };

  /** Its end would come when another record is at hand. */
  function refuse(promise: PromiseLike<unknown>): never {
    promise.then(undefined, () => {});
    const reason = 'its function for records returned a promise; wait with mapAsync() before it, or in a timer';
    throw new Fault('BAD_OPERATOR', { operator: name, reason });
  }
}

function withHeaders(origin: Origin, headers: RecordContext['headers']): Origin {
  return {
    input: origin.input,
    topic: origin.topic,
    partition: origin.partition,
    offset: origin.offset,
    keySerde: origin.keySerde,
    readHeaders: () => headers,
    keyBytes: () => origin.keyBytes(),
    valueBytes: () => origin.valueBytes(),
    readKey: () => origin.readKey(),
  };
}

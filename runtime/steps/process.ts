// process: a person's own code over the records. What it forwards goes through the steps behind it before the call returns,
// as in Kafka Streams. A timer may wait; the task takes no record meanwhile, so that its code is never at work twice.
import { Fault } from '../../core/kernel/fault.ts';
import type { ForwardOptions } from '../../dsl/operators/process.ts';
import type { RecordContext } from '../../dsl/plan.ts';
import type { KeyValueStore, WindowStore } from '../state/store.ts';
import { noOrigin, type Origin } from '../task/record-context.ts';
import { createTimerCalls, isPromise } from './process-calls.ts';
import { createOnceTimer } from './process-once.ts';
import { openProcessState } from './process-stores.ts';
import { createTimers } from './process-timers.ts';
import type { Forward, StepOf, StepParts } from './step.ts';

type OnRecord = (value: unknown, record: RecordContext) => unknown;
type OnTimer = (nowMs: number) => unknown;
type OnOnce = (key: unknown, whenMs: number) => unknown;
interface ByName {
  readonly process?: OnRecord;
  readonly every?: Readonly<Record<string, OnTimer>>;
  readonly once?: Readonly<Record<string, OnOnce>>;
}
type Handlers = OnRecord | ByName | undefined;

/** What is at work: the function for a record, or that of a timer with the time it was given. */
type AtWork = { readonly kind: 'record' } | { readonly kind: 'timer'; readonly nowMs: number };

const recordAtWork: AtWork = { kind: 'record' };

/** What setup gave, of which a program that the compiler didn't see may have left something out. */
function checked(handlers: Handlers, { name, timers, once: onceTimers }: StepOf<'process'>) {
  const given: ByName = typeof handlers === 'function' ? { process: handlers } : (handlers ?? {});
  const { process: onRecord, every = {}, once = {} } = given;
  const missing = [
    ...(typeof onRecord === 'function' ? [] : ['a function for the records']),
    ...timers.flatMap((timer) => (typeof every[timer.name] === 'function' ? [] : [`a function for '${timer.name}'`])),
    ...onceTimers.flatMap((timer) =>
      typeof once[timer.name] === 'function' ? [] : [`a function for '${timer.name}'`],
    ),
  ];
  if (onRecord !== undefined && missing.length === 0) return { onRecord, every, once };
  throw new Fault('BAD_OPERATOR', { operator: name, reason: `its setup must return ${missing.join(' and ')}` });
}

/** @param outputs what takes the records of each output; of one without a name there is one */
export function processStep(step: StepOf<'process'>, parts: StepParts, outputs: readonly Forward[]): Forward {
  const { name, schedule, needsKey } = step;
  const { record, errors, metrics, stores, times, clock } = parts;
  const stamped = step.stores.filter(({ kind }) => kind !== 'session');
  const time = times.of(schedule ?? (stamped[0] ?? step.stores[0])?.store ?? step.once[0]?.store ?? name);
  // What is stamped with it is restored each by itself; a session's stamp is its end.
  for (const store of [schedule, ...[...stamped, ...step.once].map((each) => each.store)]) {
    if (store !== null) time.nowMs = Math.max(time.nowMs, stores.streamTimeMs(store) ?? -1);
  }
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

  let onFree = (): void => {};
  const startCalls = () =>
    createTimerCalls({
      name,
      parts,
      atWork(nowMs) {
        atWork = nowMs === null ? null : { kind: 'timer', nowMs };
      },
      onFree: () => onFree(),
      onClose() {
        closed = true;
      },
    });
  // A step that may hold its task up is asked after every record.
  const calls = step.timers.length + step.once.length === 0 ? null : startCalls();
  const onceTimers = step.once.map(({ name: timer, time: by, store }) => ({
    name: timer,
    time: by,
    timer: createOnceTimer({
      name: timer,
      time: by,
      store: stores.store(store) as WindowStore<unknown, number>,
      streamTime: time,
      calls: calls!,
      run: (key, whenMs) => once[timer]!(key, whenMs),
    }),
  }));
  const handlers: Handlers = step.setup({
    stores: state.stores,
    once: Object.fromEntries(onceTimers.map(({ name: timer, timer: { handle } }) => [timer, handle])),
    forward,
    streamTimeMs: () => time.nowMs,
    wallClockMs: () => clock.now(),
  });
  const { onRecord, every, once } = checked(handlers, step);
  const timers = startTimers();

  function startTimers(): { streamMoved(): void } | null {
    if (calls === null) return null;
    const regular =
      schedule === null
        ? null
        : createTimers({
            timers: step.timers,
            schedule: stores.store(schedule) as KeyValueStore,
            time,
            startedMs: clock.now(),
            call(timer, nowMs) {
              if (!calls.free) return false;
              calls.call(timer.name, nowMs, () => every[timer.name]!(nowMs));
              return true;
            },
          });
    const ofStream = onceTimers.filter((timer) => timer.time === 'stream');
    const ofWall = onceTimers.filter((timer) => timer.time === 'wall');
    function streamMoved(): void {
      for (const { timer } of ofStream) timer.goOff(time.nowMs);
      regular?.streamMoved();
    }
    onFree = streamMoved;
    parts.timed({
      punctuate(nowMs) {
        const any = ofWall.map(({ timer }) => timer.goOff(nowMs)).includes(true);
        return regular?.wallMoved(nowMs) === true || any;
      },
      closeWindows() {
        const any = onceTimers.map(({ timer }) => timer.end()).includes(true);
        return regular?.end() === true || any;
      },
    });
    return { streamMoved };
  }

  return (key, value, timestampMs) => {
    record.currentKey = key;
    record.timestampMs = timestampMs;
    if (needsKey && !hasKey(value)) return;
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

  function hasKey(value: unknown): boolean {
    try {
      if (record.key !== null) return true;
      metrics.dropped.nullKey += 1;
    } catch (error) {
      errors.process(name, value, error);
    }
    return false;
  }

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
    lentKeyBytes: () => origin.lentKeyBytes(),
    valueBytes: () => origin.valueBytes(),
    readKey: () => origin.readKey(),
  };
}

// aggregate in windows: what the kinds of windows share. A record without key or value is dropped and counted, one that is
// late is counted once per window it was late for, and goes to the late records once. Which windows a record changes is
// each kind's own file.

import type { WindowSpec } from '../../dsl/plan.ts';
import { spansOf } from '../../dsl/window-spec.ts';
import type { WindowStore } from '../state/store.ts';
import { undecoded } from '../task/record-context.ts';
import { countLate } from '../task/task-metrics.ts';
import { latestUpdates } from './latest-updates.ts';
import { sessionAggregate } from './session-aggregate.ts';
import { slidingAggregate } from './sliding-aggregate.ts';
import { type ChangesTo, type Forward, noChanges, nowhere, type StepParts } from './step.ts';
import { createExpiry, createWindowClosing, lateTime } from './window-closing.ts';
import type { AddToWindows, WindowParts, WindowStep } from './window-parts.ts';
import { advanceMsOf, firstWindowStartMs } from './windows.ts';

/** @param late takes records that were late */
export function windowAggregateStep(
  step: WindowStep,
  parts: StepParts,
  { updates, wantsOld, next }: ChangesTo,
  late: Forward = nowhere,
): Forward {
  const { record, errors, metrics } = parts;
  const { emit = 'update', idleMs = null, keptMs = 0, initial, add, result, window } = step;
  const store = parts.stores.store(step.store) as WindowStore;
  const time = parts.times.of(step.store);
  const shown = (accumulator: unknown): unknown =>
    accumulator === null ? null : result === null ? accumulator : result(accumulator);
  const fold = (accumulator: unknown, key: unknown, value: unknown): unknown =>
    (accumulator !== undefined
      ? add(accumulator, value, record)
      : initial === null
        ? value
        : add(initial(key), value, record)) ?? null;
  const aligned = window.kind === 'tumbling' || window.kind === 'hopping' ? window : null;
  const held = emit === 'update' && updates === 'latest' && aligned !== null;
  const keyOf = (key: unknown, startMs: number) => ({ key, startMs, endMs: startMs + aligned!.sizeMs });
  const passOn = held ? latestUpdates({ name: step.name, store, keyOf, shown, next }, parts) : undefined;
  const update = emit === 'update' && !held ? next : noChanges;
  const closingTime = lateTime({ window, emit, store, time }, parts);
  const windowParts = { ...parts, store, time: closingTime, wantsOld, update, shown, fold };
  const addToWindows = adderOf(step, windowParts);
  const close =
    emit === 'update' && aligned !== null
      ? createExpiry(store, time, {
          retentionMs: aligned.sizeMs + aligned.graceMs + keptMs,
          everyMs: advanceMsOf(aligned),
          passOn,
        })
      : createWindowClosing(
          { window, emit, idleMs, keepMs: Math.max(keptMs, neededMs(window, emit)), store, time, shown, next },
          parts,
        );
  return (key, value, timestampMs) => {
    let known: unknown;
    record.currentKey = key;
    record.timestampMs = timestampMs;
    try {
      known = key === undecoded ? record.key : key;
    } catch (error) {
      errors.process(step.name, value, error);
      return;
    }
    if (known === null || value === null || value === undefined) {
      metrics.dropped[known === null ? 'nullKey' : 'nullValue'] += 1;
      return;
    }
    if (timestampMs > time.nowMs) time.nowMs = timestampMs;
    const lateFor = addToWindows(known, value, timestampMs);
    if (lateFor > 0) {
      for (let i = 0; i < lateFor; i++) countLate(metrics, step.name);
      late(key, value, timestampMs);
    }
    close();
  };
}

/**
 * How long closed windows are still looked at: a sliding window is made of the one before it, and with every update passed
 * on, a session may still be joined by a record that is on time itself.
 */
function neededMs(window: WindowSpec, emit: 'update' | 'windowCloses'): number {
  if (window.kind === 'sliding') return window.differenceMs;
  return window.kind === 'session' && emit === 'update' ? window.gapMs : 0;
}

function adderOf(step: WindowStep, parts: WindowParts): AddToWindows {
  const { window } = step;
  switch (window.kind) {
    case 'sliding':
      return slidingAggregate({ ...step, window }, parts);
    case 'session':
      return sessionAggregate({ ...step, window }, parts);
    case 'calendar':
    case 'custom': {
      const spans = spansOf(window);
      const update = createUpdate(step, parts);
      return (key, value, timestampMs) => {
        const startMs = spans.startOf(timestampMs);
        const endMs = spans.endOf(timestampMs);
        if (endMs <= parts.time.nowMs - window.graceMs) return 1;
        update(key, value, timestampMs, startMs, endMs);
        return 0;
      };
    }
    default:
      return alignedAggregate({ ...step, window }, parts);
  }
}

/**
 * As Kafka Streams' KStreamWindowAggregate: a window is closed once its end plus grace is not after stream time, and a
 * record that is late for one of its windows may be on time for the next.
 */
function alignedAggregate(
  step: WindowStep<Extract<WindowSpec, { kind: 'tumbling' | 'hopping' }>>,
  parts: WindowParts,
): AddToWindows {
  const { sizeMs, graceMs, originMs } = step.window;
  const advanceMs = advanceMsOf(step.window);
  const { time } = parts;
  const update = createUpdate(step, parts);
  return (key, value, timestampMs) => {
    let lateFor = 0;
    const closedMs = time.nowMs - graceMs;
    const first = firstWindowStartMs(timestampMs, sizeMs, advanceMs, originMs);
    for (let start = first; start <= timestampMs; start += advanceMs) {
      if (start + sizeMs > closedMs) update(key, value, timestampMs, start, start + sizeMs);
      else lateFor += 1;
    }
    return lateFor;
  };
}

/** Adds one value to one window and passes on the change. The result's time is the latest of all that went into it. */
function createUpdate(
  { name }: WindowStep,
  { record, errors, store, wantsOld, update, shown, fold }: WindowParts,
): (key: unknown, value: unknown, timestampMs: number, startMs: number, endMs: number) => void {
  return (key, value, timestampMs, startMs, endMs) => {
    let newValue: unknown;
    let oldValue: unknown = null;
    let newestMs = timestampMs;
    record.currentKey = key;
    record.timestampMs = timestampMs;
    try {
      const stored = store.get(key, startMs);
      if (stored !== undefined) {
        if (stored.timestampMs > timestampMs) newestMs = stored.timestampMs;
        if (wantsOld) oldValue = shown(stored.value);
      }
      const accumulator = fold(stored?.value, key, value);
      newValue = shown(accumulator);
      if (accumulator === null) store.delete(key, startMs, newestMs);
      else store.put(key, startMs, accumulator, newestMs);
    } catch (error) {
      errors.process(name, value, error);
      return;
    }
    update({ key, startMs, endMs }, newValue, oldValue, newestMs);
  };
}

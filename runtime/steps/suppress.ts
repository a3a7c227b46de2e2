// suppress: a buffer of changes by the time until which they wait, one a key. As Kafka Streams' KTableSuppressProcessor: a key
// keeps the place of its first change that waits; what goes on is the newest, with its own time; order is that of the times,
// then of the keys' bytes. Unlike there, the old value that goes with it is the last one that was passed on, which is what
// a step behind has to subtract.
import { Fault } from '../../core/kernel/fault.ts';
import type { Windowed } from '../../core/schema/windowed-key.ts';
import { closingLagMs } from '../../dsl/window-spec.ts';
import type { OpenWindow } from '../state/open-windows.ts';
import type { WindowStore } from '../state/store.ts';
import { undecoded } from '../task/record-context.ts';
import type { ForwardChange, StepOf, StepParts } from './step.ts';
import { idling } from './window-closing.ts';

/** What waits. `undefined` can't be written, so null is no value. */
export interface Waiting {
  readonly value: unknown;
  /** Last passed on. */
  readonly old: unknown;
  /** As encoded; 0 where nothing asks for it. */
  readonly bytes: number;
}

/** @param measure bytes of a key and what waits for it, as the store encodes them */
export function suppressStep(
  step: StepOf<'suppress'>,
  parts: StepParts,
  measure: (key: unknown, waiting: Waiting) => number,
  next: ForwardChange,
): ForwardChange {
  const { name, until, window, recordsMax, bytesMax, whenFull, idleMs } = step;
  const { record, errors, stores, times, timed } = parts;
  const store = stores.store(step.store) as WindowStore<unknown, Waiting>;
  const { open } = store;
  const time = times.of(step.store);
  const activity = { any: false };
  const waitMs = until === 'windowCloses' ? closingLagMs(window!) : until;
  let bytesHeld = 0;
  if (bytesMax !== null)
    for (const { key, startMs } of open.all()) bytesHeld += store.get(key, startMs)?.value.bytes ?? 0;

  function hold(key: unknown, newValue: unknown, oldValue: unknown, timestampMs: number): void {
    const before = open.of(key)[0];
    const waiting = before === undefined ? undefined : store.get(key, before.startMs)?.value;
    const atMs = before?.startMs ?? (until === 'windowCloses' ? (key as Windowed<unknown>).endMs : timestampMs);
    const held = { value: newValue, old: waiting === undefined ? oldValue : waiting.old, bytes: 0 };
    const bytes = bytesMax === null ? 0 : measure(key, held);
    bytesHeld += bytes - (waiting?.bytes ?? 0);
    store.put(key, atMs, { ...held, bytes }, timestampMs);
  }

  function release({ key, startMs }: OpenWindow): void {
    const stamped = store.get(key, startMs);
    if (stamped === undefined) return;
    const { value, old, bytes } = stamped.value;
    bytesHeld -= bytes;
    store.delete(key, startMs, stamped.timestampMs);
    // A window whose result was deleted has none.
    if (value === null && until === 'windowCloses') return;
    record.currentKey = key;
    record.timestampMs = stamped.timestampMs;
    next(key, value, old, stamped.timestampMs);
  }

  const isFull = () => (recordsMax !== null && open.size > recordsMax) || (bytesMax !== null && bytesHeld > bytesMax);

  function run(): void {
    for (const due of open.takeUntil(time.nowMs - waitMs)) release(due);
    while (isFull()) {
      if (whenFull === 'fail') {
        const limit =
          recordsMax !== null && open.size > recordsMax ? `recordsMax ${recordsMax}` : `bytesMax ${bytesMax}`;
        throw new Fault('BUFFER_FULL', { operator: name, records: open.size, bytes: bytesHeld, limit });
      }
      release(open.takeFirst()!);
    }
  }

  function advanceTo(nowMs: number): boolean {
    if (nowMs <= time.nowMs) return false;
    time.nowMs = nowMs;
    run();
    return true;
  }

  timed({
    ...(idleMs === null ? {} : idling(idleMs, { waits: () => open.pending, time, activity, advanceTo })),
    closeWindows() {
      const lastMs = open.lastEndMs();
      return lastMs !== Number.NEGATIVE_INFINITY && advanceTo(lastMs + waitMs);
    },
  });

  return (key, newValue, oldValue, timestampMs) => {
    record.currentKey = key;
    record.timestampMs = timestampMs;
    activity.any = true;
    if (timestampMs > time.nowMs) time.nowMs = timestampMs;
    try {
      hold(key === undecoded ? record.key : key, newValue, oldValue, timestampMs);
    } catch (error) {
      errors.process(name, newValue, error);
      return;
    }
    run();
  };
}

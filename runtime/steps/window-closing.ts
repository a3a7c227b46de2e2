// What happens when windows close: with emit 'windowCloses' their results go on, in the order of their ends, then of their
// starts, then of the keys' bytes (Kafka Streams' emit strategy, KIP-825), and they leave the store, each with its
// tombstone: what is in the store has not been passed on, also after a restart.
import type { WindowSpec } from '../../dsl/plan.ts';
import { closingLagMs, isAligned } from '../../dsl/window-spec.ts';
import type { OpenWindow } from '../state/open-windows.ts';
import type { ChangeVisitor, WindowStore } from '../state/store.ts';
import type { StreamTime } from '../task/stream-time.ts';
import type { ForwardChange, StepParts } from './step.ts';

export interface ClosingOptions {
  readonly window: WindowSpec;
  readonly emit: 'update' | 'windowCloses';
  readonly idleMs: number | null;
  /** How long windows are kept after they are closed, for those that follow from them. */
  readonly keepMs: number;
  readonly store: WindowStore;
  readonly time: StreamTime;
  /** Stored to passed on. */
  readonly shown: (accumulator: unknown) => unknown;
  readonly next: ForwardChange;
}

const passedOnScope = ({ name }: WindowStore): string => `${name} closed`;

/** The time by which records are late: where windows stay open for longer now, those that have gone stay closed. */
export function lateTime(
  { window, emit, store, time }: Pick<ClosingOptions, 'window' | 'emit' | 'store' | 'time'>,
  { times }: StepParts,
): Readonly<StreamTime> {
  const untilMs =
    emit === 'windowCloses'
      ? timeWhenClosed(times.of(passedOnScope(store)).nowMs)
      : isAligned(window)
        ? timeWhenClosed(store.expiredBeforeMs - 1 + window.sizeMs)
        : -1;
  if (untilMs <= time.nowMs) return time;
  return {
    get nowMs() {
      return Math.max(time.nowMs, untilMs);
    },
  };

  function timeWhenClosed(endMs: number): number {
    return endMs < 0 ? -1 : endMs + closingLagMs(window);
  }
}

/** Closes what stream time has passed; called after every record. */
export function createWindowClosing(options: ClosingOptions, { timed, times, record }: StepParts): () => void {
  const { window, emit, idleMs, keepMs, store, time, shown, next } = options;
  const { open } = store;
  const lagMs = closingLagMs(window);
  const final = emit === 'windowCloses';
  /** Windows that end by then have been passed on. */
  const passedOn = times.of(passedOnScope(store));
  let closedAtMs = -1;
  /** Whether a record has come since time was last looked at. */
  const activity = { any: false };
  /** Passed on, and kept for a while; the first so many have gone. */
  let kept: OpenWindow[] = [];
  let gone = 0;

  function run(): void {
    activity.any = true;
    if (time.nowMs === closedAtMs) return;
    closedAtMs = time.nowMs;
    if (!final) {
      for (const { key, startMs } of open.takeUntil(time.nowMs - lagMs - keepMs)) store.delete(key, startMs);
      return;
    }
    passedOn.nowMs = Math.max(passedOn.nowMs, time.nowMs - lagMs);
    for (const closed of open.takeUntil(time.nowMs - lagMs, keepMs > 0 ? 'keep' : undefined)) {
      emitFinal(closed);
      if (keepMs > 0) kept.push(closed);
      else store.delete(closed.key, closed.startMs);
    }
    dropKept();
  }

  function emitFinal({ key, startMs, endMs }: OpenWindow): void {
    const stored = store.get(key, startMs);
    if (stored === undefined) return;
    const windowed = { key, startMs, endMs };
    record.currentKey = windowed;
    record.timestampMs = stored.timestampMs;
    next(windowed, shown(stored.value), null, stored.timestampMs);
  }

  function dropKept(): void {
    const until = time.nowMs - lagMs - keepMs;
    while (gone < kept.length && kept[gone]!.endMs <= until) {
      store.delete(kept[gone]!.key, kept[gone]!.startMs);
      gone += 1;
    }
    if (gone < 1_000 || gone < kept.length / 2) return;
    kept = kept.slice(gone);
    gone = 0;
  }

  // What was passed on before the task stopped is so no more, also where windows are kept no longer. State that comes from
  // the changelog alone says only which of those that are kept it must have been.
  const closedMs = passedOn.nowMs >= 0 ? passedOn.nowMs : keepMs > 0 ? time.nowMs - lagMs : -1;
  if (final && closedMs >= 0) {
    for (const closed of open.takeUntil(closedMs, 'keep')) kept.push(closed);
    dropKept();
  }

  /** As if a record of that time had come. */
  function advanceTo(nowMs: number): boolean {
    if (nowMs <= time.nowMs) return false;
    time.nowMs = nowMs;
    run();
    return true;
  }

  if (final)
    timed({
      ...(idleMs === null ? {} : idling(idleMs, { waits: () => open.pending, time, activity, advanceTo })),
      closeWindows,
    });

  function closeWindows(): boolean {
    const lastMs = open.lastEndMs();
    return lastMs !== Number.NEGATIVE_INFINITY && advanceTo(lastMs + lagMs);
  }

  return run;
}

export interface IdlingParts {
  /** Whether anything waits for time: a window that is open, a row without its partner. */
  readonly waits: () => boolean;
  readonly time: StreamTime;
  /** Set by whoever takes a record, and taken back here. */
  readonly activity: { any: boolean };
  readonly advanceTo: (nowMs: number) => boolean;
}

/** Stream time goes on with the wall clock when no record has come for so long, as long as something waits for it. */
export function idling(idleMs: number, { waits, time, activity, advanceTo }: IdlingParts) {
  let idleSinceMs: number | null = null;
  let timeThenMs = -1;
  return {
    punctuate(nowMs: number): boolean {
      if (activity.any || idleSinceMs === null) {
        activity.any = false;
        idleSinceMs = nowMs;
        timeThenMs = time.nowMs;
      }
      if (nowMs - idleSinceMs < idleMs || !waits()) return false;
      const moved = advanceTo(timeThenMs + nowMs - idleSinceMs);
      activity.any = false;
      return moved;
    },
  };
}

export interface ExpiryOptions {
  readonly retentionMs: number;
  readonly everyMs: number;
  /** Of updates that wait for the commit: takes those of windows that go before it. */
  readonly passOn?: ChangeVisitor<unknown, unknown> | undefined;
}

/** Lets go of aligned windows that no record can reach any more: at most once per new window, since each asks the store to look. */
export function createExpiry(
  store: WindowStore,
  time: StreamTime,
  { retentionMs, everyMs, passOn }: ExpiryOptions,
): () => void {
  let nextMs = time.nowMs < 0 ? retentionMs : time.nowMs;
  return () => {
    if (time.nowMs < nextMs) return;
    store.expireBefore(time.nowMs - retentionMs + 1, passOn);
    nextMs = time.nowMs + everyMs;
  };
}

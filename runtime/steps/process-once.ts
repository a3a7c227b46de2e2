// The timers of a processor that are set for a key and go off once. What is set is state, by key and time; what is due goes
// off in the order of its times, then of the keys' bytes.
import type { OnceTimer } from '../../dsl/operators/process.ts';
import type { OpenWindow } from '../state/open-windows.ts';
import type { WindowStore } from '../state/store.ts';
import type { StreamTime } from '../task/stream-time.ts';
import type { TimerCalls } from './process-calls.ts';

export interface OnceTimerOptions {
  readonly name: string;
  readonly time: 'stream' | 'wall';
  /** When each key's is due, under that time. */
  readonly store: WindowStore<unknown, number>;
  readonly streamTime: StreamTime;
  readonly calls: TimerCalls;
  readonly run: (key: unknown, whenMs: number) => unknown;
}

export interface OnceTimers {
  /** As the code sees it. */
  readonly handle: OnceTimer<unknown>;
  /** Lets those go off that are due at a time, as far as none has to wait. Whether any has. */
  goOff(untilMs: number): boolean;
  /** No record will come: all of stream time that are set now. */
  end(): boolean;
}

export function createOnceTimer({ name, time, store, streamTime, calls, run }: OnceTimerOptions): OnceTimers {
  const { open } = store;
  /** Due, and not gone off: a timer before them waits. */
  let due: readonly OpenWindow[] = [];
  let ended = false;

  function clear(key: unknown): void {
    for (const { startMs } of [...open.of(key)]) store.delete(key, startMs, Math.max(0, streamTime.nowMs));
  }

  function goOff(untilMs: number): boolean {
    let any = false;
    while (calls.free) {
      if (due.length === 0) due = open.takeUntil(untilMs, 'keep');
      const [first, ...rest] = due;
      if (first === undefined) break;
      due = rest;
      const { key, startMs: whenMs } = first;
      // Cleared, or set for another time, by what went off before.
      if (store.get(key, whenMs) === undefined) continue;
      store.delete(key, whenMs, Math.max(0, streamTime.nowMs));
      any = true;
      calls.call(name, whenMs, () => run(key, whenMs));
    }
    return any;
  }

  return {
    handle: {
      set(key, whenMs) {
        clear(key);
        store.put(key, whenMs, whenMs, Math.max(0, streamTime.nowMs));
      },
      clear,
      get: (key) => open.of(key)[0]?.startMs,
    },
    goOff,
    end() {
      if (time === 'wall' || (ended && due.length === 0)) return false;
      const lastMs = ended ? Number.NEGATIVE_INFINITY : open.lastEndMs();
      ended = true;
      return goOff(lastMs);
    },
  };
}

// When the timers of a processor are due. As Kafka Streams' PunctuationQueue: by stream time at multiples of the interval
// from 0 on, and first with the first record; by wall clock from where the task first started; what was missed is one.
// Unlike there, where each stood is state, so that a restart neither repeats nor delays one.
import type { ProcessTimer } from '../../dsl/plan.ts';
import type { KeyValueStore } from '../state/store.ts';
import type { StreamTime } from '../task/stream-time.ts';

export interface TimersOptions {
  readonly timers: readonly ProcessTimer[];
  /** Of names to when each was last due. */
  readonly schedule: KeyValueStore<string, number>;
  readonly time: StreamTime;
  /** Wall clock at the start of the task. */
  readonly startedMs: number;
  /** False: it can't be called now, and stays due. */
  readonly call: (timer: ProcessTimer, nowMs: number) => boolean;
}

export interface Timers {
  /** After a record: those of stream time. */
  streamMoved(): void;
  /** Those of the wall clock. Whether anything has changed. */
  wallMoved(nowMs: number): boolean;
  /** No record will come: those of stream time once more, if any came since. */
  end(): boolean;
}

export function createTimers({ timers, schedule, time, startedMs, call }: TimersOptions): Timers {
  const ofStream = timers.filter((timer) => timer.time === 'stream');
  const ofWall = timers.filter((timer) => timer.time === 'wall');
  // The stamp is stream time, because what is restored raises that.
  const note = (timer: ProcessTimer, dueMs: number) => schedule.put(timer.name, dueMs, Math.max(0, time.nowMs));
  const lastDue = (timer: ProcessTimer): number | undefined => schedule.get(timer.name)?.value;

  function nextDueMs(timer: ProcessTimer): number {
    const last = lastDue(timer);
    return last === undefined ? 0 : (Math.floor(last / timer.everyMs) + 1) * timer.everyMs;
  }
  let earliestMs = 0;

  return {
    streamMoved() {
      if (time.nowMs < earliestMs) return;
      for (const timer of ofStream) {
        if (time.nowMs >= nextDueMs(timer) && call(timer, time.nowMs)) note(timer, time.nowMs);
      }
      earliestMs = Math.min(...ofStream.map(nextDueMs));
    },
    wallMoved(nowMs) {
      let changed = false;
      for (const timer of ofWall) {
        const known = lastDue(timer);
        const last = known ?? startedMs;
        const missed = Math.floor((nowMs - last) / timer.everyMs);
        if (missed >= 1 ? !call(timer, nowMs) : known !== undefined) continue;
        note(timer, last + Math.max(0, missed) * timer.everyMs);
        changed = true;
      }
      return changed;
    },
    end() {
      let called = false;
      for (const timer of ofStream) {
        const last = lastDue(timer) ?? -1;
        if (time.nowMs <= last || !call(timer, time.nowMs)) continue;
        note(timer, time.nowMs);
        called = true;
      }
      return called;
    },
  };
}

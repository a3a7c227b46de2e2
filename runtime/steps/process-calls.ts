// Calls of a processor's timers, one at a time: while one waits, its task takes no record and no other timer is called, so
// that the code is never at work twice.
import { noOrigin } from '../task/record-context.ts';
import type { HoldingStep, StepParts } from './step.ts';

export interface TimerCalls {
  /** Nothing waits. */
  readonly free: boolean;
  /**
   * Calls a function of a timer; what it throws is dealt with. Only while `free`.
   *
   * @param what the timer, for messages
   * @param nowMs the time that it is given
   */
  call(what: string, nowMs: number, run: () => unknown): void;
}

export interface TimerCallsOptions {
  readonly name: string;
  readonly parts: StepParts;
  /** Told what time a timer that is at work was given, and null when it is done. */
  readonly atWork: (nowMs: number | null) => void;
  /** When what waited is done: others may be due. */
  readonly onFree: () => void;
  readonly onClose: () => void;
}

export const isPromise = (given: unknown): given is PromiseLike<unknown> =>
  typeof (given as PromiseLike<unknown> | undefined)?.then === 'function';

export function createTimerCalls({ name, parts, atWork, onFree, onClose }: TimerCallsOptions): TimerCalls {
  const { record, errors } = parts;
  let waiting: Promise<void> | null = null;
  let closed = false;

  function failed(what: string, error: unknown): void {
    record.origin = noOrigin;
    record.currentKey = null;
    errors.process(`${name}, timer ${what}`, null, error);
  }

  /** Between calls of the task: what can't be dealt with here fails its next one. */
  function orFail(work: () => void): void {
    try {
      work();
    } catch (error) {
      parts.fail(error);
    }
  }

  async function until(answer: PromiseLike<unknown>, what: string): Promise<void> {
    try {
      await answer;
    } catch (error) {
      if (!closed) orFail(() => failed(what, error));
    }
    atWork(null);
    waiting = null;
    if (!closed) orFail(onFree);
  }

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
      onClose();
    },
  };
  parts.hold(holding);

  return {
    get free() {
      return waiting === null;
    },
    call(what, nowMs, run) {
      const { origin } = record;
      record.origin = noOrigin;
      record.currentKey = null;
      record.timestampMs = nowMs;
      atWork(nowMs);
      try {
        const answer = run();
        if (isPromise(answer)) waiting = until(answer, what);
      } catch (error) {
        failed(what, error);
      } finally {
        if (waiting === null) atWork(null);
        record.origin = origin;
      }
    },
  };
}

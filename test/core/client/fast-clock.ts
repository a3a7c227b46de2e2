// The system's clock run faster, for tests whose time is spent in back-off.
import { type Clock, systemClock } from '../../../core/kernel/clock.ts';

export const fastClock = (factor: number): Clock => ({
  now: () => systemClock.now() * factor,
  monotonicMs: () => systemClock.monotonicMs() * factor,
  after: (delayMs, callback) => systemClock.after(delayMs / factor, callback),
  sleep: (delayMs, signal) => systemClock.sleep(delayMs / factor, signal),
  nextTurn: () => systemClock.nextTurn(),
});

import { expect, test } from 'vitest';
import { createShardTimers } from '../../../core/coordinator/shard-timers.ts';
import { createManualClock } from '../../../core/kernel/manual-clock.ts';

function rig() {
  const clock = createManualClock(500);
  const fired: string[] = [];
  const timers = createShardTimers<string>({
    clock,
    run: (command) => void fired.push(`${command} at ${clock.monotonicMs()}`),
  });
  return { clock, fired, timers };
}

test('a deadline fires once, at its last time, with its last command', () => {
  const { clock, fired, timers } = rig();
  timers.schedule('a', 10, 'first');
  timers.schedule('a', 30, 'later');
  clock.advance(20);
  timers.schedule('a', 40, 'last');
  expect(timers.has('a')).toBe(true);
  clock.advance(100);
  expect(fired).toEqual(['last at 60']);
  expect(timers.has('a')).toBe(false);
});

test('a deadline can be moved nearer and cancelled', () => {
  const { clock, fired, timers } = rig();
  timers.schedule('a', 100, 'far');
  timers.schedule('a', 10, 'near');
  timers.schedule('b', 20, 'never');
  timers.cancel('b');
  timers.schedule('c', 30, 'nor this');
  clock.advance(15);
  timers.cancelAll();
  clock.advance(1_000);
  expect(fired).toEqual(['near at 10']);
});

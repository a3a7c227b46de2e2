import { expect, test } from 'vitest';
import { seededRandom } from '../../core/kernel/random.ts';
import { createSimulatedTime } from './simulated-time.ts';

const time = () => createSimulatedTime(seededRandom(1));

test('timers fire in the order of their times, and time stands where it was told to', async () => {
  const own = time();
  const { clock } = own.process('a');
  const fired: string[] = [];
  clock.after(50, () => fired.push('later'));
  clock.after(5, () => {
    fired.push('first');
    clock.after(10, () => fired.push('second'));
  });
  await own.advance(40);
  expect(fired).toEqual(['first', 'second']);
  expect(own.nowMs).toBe(40);
  await own.advance(40);
  expect(fired).toEqual(['first', 'second', 'later']);
});

test('a day passes in no time', async () => {
  const own = time();
  const { clock } = own.process('a');
  await own.within(25 * 3_600_000, 'a sleep', clock.sleep(24 * 3_600_000));
  expect(own.nowMs).toBeGreaterThan(24 * 3_600_000);
});

test('the timers of a killed process never fire, those of a paused one fire when it goes on', async () => {
  const own = time();
  const [killed, paused] = [own.process('killed'), own.process('paused')];
  const fired: number[] = [];
  killed.clock.after(10, () => fired.push(-1));
  paused.clock.after(10, () => fired.push(own.nowMs));
  killed.kill();
  paused.pause(100);
  await own.advance(1_000);
  expect(fired).toEqual([100]);
});

test('what takes longer than it may is said', async () => {
  await expect(time().within(1_000, 'waiting for ever', new Promise(() => {}))).rejects.toThrow(
    'waiting for ever took longer than 1000 ms',
  );
});

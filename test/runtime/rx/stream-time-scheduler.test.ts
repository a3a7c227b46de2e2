import {
  auditTime,
  bufferTime,
  debounceTime,
  delay,
  interval,
  type Observable,
  type SchedulerLike,
  Subject,
  throttleTime,
  timer,
  VirtualTimeScheduler,
} from 'rxjs';
import { expect, test } from 'vitest';
import { createStreamTimeScheduler } from '../../../runtime/rx/stream-time-scheduler.ts';

test('runs what is due in the order of its time, and of one time in the order of scheduling', () => {
  const time = createStreamTimeScheduler(1_000);
  const seen: string[] = [];
  const note = (name: string) => () => void seen.push(`${name}@${time.now()}`);
  time.schedule(note('b'), 20);
  time.schedule(note('a'), 10);
  time.schedule(note('c'), 20);
  const cancelled = time.schedule(note('never'), 15);
  cancelled.unsubscribe();
  time.advanceTo(1_009);
  expect(seen).toEqual([]);
  time.advanceTo(1_100);
  expect(seen).toEqual(['a@1010', 'b@1020', 'c@1020']);
  time.advanceTo(50);
  expect(time.now()).toBe(1_100);
});

test('what is scheduled again while it runs runs at its next times, until it is unsubscribed', () => {
  const time = createStreamTimeScheduler(0);
  const ticks: number[] = [];
  const ticking = time.schedule(function (this: { schedule(state: undefined, delay: number): unknown }) {
    ticks.push(time.now());
    this.schedule(undefined, 10);
  }, 10);
  time.advanceTo(35);
  ticking.unsubscribe();
  time.advanceTo(100);
  expect(ticks).toEqual([10, 20, 30]);
});

/** rxjs's own, where the time operators are known to work; it leaks, but not in a test. */
function virtual(): SchedulerLike & { advanceTo(ms: number): void } {
  const scheduler = new VirtualTimeScheduler();
  return Object.assign(scheduler, {
    advanceTo(ms: number) {
      scheduler.maxFrames = ms;
      scheduler.flush();
      scheduler.frame = ms;
    },
  });
}

const operators: Readonly<
  Record<string, (time: SchedulerLike) => (source: Observable<number>) => Observable<unknown>>
> = {
  debounceTime: (time) => debounceTime(7, time),
  auditTime: (time) => auditTime(7, time),
  throttleTime: (time) => throttleTime(7, time, { leading: true, trailing: true }),
  bufferTime: (time) => bufferTime(9, 4, time),
  delay: (time) => delay(5, time),
  interval: (time) => () => interval(6, time),
  timer: (time) => () => timer(3, 8, time),
};

test.each(Object.keys(operators))('%s does as it does with the scheduler of rxjs', (name) => {
  let seed = 3;
  const next = (below: number) => (seed = (seed * 1103515245 + 12345) & 0x7fffffff) % below;
  const gaps = Array.from({ length: 300 }, () => next(12));
  const run = (time: SchedulerLike & { advanceTo(ms: number): void }) => {
    const source = new Subject<number>();
    const seen: unknown[] = [];
    const subscription = operators[name]!(time)(source).subscribe((value) => seen.push([time.now(), value]));
    let atMs = 0;
    gaps.forEach((gap, i) => {
      time.advanceTo((atMs += gap));
      source.next(i);
    });
    subscription.unsubscribe();
    time.advanceTo(atMs + 1_000);
    return seen;
  };
  const seen = run(createStreamTimeScheduler(0));
  expect(seen.length).toBeGreaterThan(50);
  expect(seen).toEqual(run(virtual()));
});

test('an interval may tick for ever: nothing is kept of a tick, where the scheduler of rxjs overflows the stack at its end', () => {
  const tick = (time: SchedulerLike & { advanceTo(ms: number): void }) => {
    let ticks = 0;
    const subscription = interval(1, time).subscribe(() => (ticks += 1));
    time.advanceTo(100_000);
    return { ticks, subscription };
  };
  expect(() => tick(virtual()).subscription.unsubscribe()).toThrow();
  const { ticks, subscription } = tick(createStreamTimeScheduler(0));
  expect(ticks).toBe(100_000);
  subscription.unsubscribe();
});

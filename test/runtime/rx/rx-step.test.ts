import {
  bufferTime,
  debounceTime,
  delay,
  interval,
  merge,
  mergeMap,
  of,
  pairwise,
  map as rxMap,
  take,
  tap,
  throwError,
} from 'rxjs';
import { describe, expect, test, vi } from 'vitest';
import { fail, job, json, rx, skip, topic } from '../../../dsl/index.ts';
import { createDriver } from '../../../runtime/testing/index.ts';

const numbers = topic('numbers', json<number>());
const out = topic('out', json<unknown>());

describe('rx()', () => {
  test('what operators emit while a record is pushed is its output, with its key, time and headers', () => {
    const driver = createDriver(
      job('rx', [
        numbers
          .pipe(
            rx(
              pairwise(),
              mergeMap(([a, b]) => [a + b, b - a]),
            ),
          )
          .to(out),
      ]),
    );
    driver.in(numbers).send('a', 1, { timestampMs: 5 });
    driver.in(numbers).send('b', 4, { timestampMs: 3 });
    expect(driver.out(out).readAll()).toEqual([
      { key: 'b', value: 5, timestampMs: 3 },
      { key: 'b', value: 3, timestampMs: 3 },
    ]);
  });

  test('any number of inner completions at once leave the stack alone (C61)', () => {
    const count = 50_000;
    const driver = createDriver(job('rx', [numbers.pipe(rx(mergeMap((n) => of(n, -n), 1))).to(out)]));
    for (let n = 1; n <= count; n++) driver.in(numbers).send('k', n);
    const values = driver
      .out(out)
      .readAll()
      .map(({ value }) => value);
    expect(values.length).toBe(2 * count);
    expect(values.slice(-2)).toEqual([count, -count]);
  });

  test('time operators act on stream time and do the same at every run', () => {
    const run = () => {
      const driver = createDriver(job('rx', [numbers.pipe(rx((time) => debounceTime(1_000, time))).to(out)]));
      const start = 1_700_000_000_000;
      for (const [n, atMs] of [
        [1, 0],
        [2, 500],
        [3, 1_499],
        [4, 2_499],
        [5, 9_000],
        [6, 9_001],
      ] as const) {
        driver.in(numbers).send('k', n, { timestampMs: start + atMs });
      }
      return driver
        .out(out)
        .readAll()
        .map(({ value, timestampMs }) => [value, timestampMs - start]);
    };
    expect(run()).toEqual([
      [3, 2_499],
      [4, 9_000],
    ]);
    expect(run()).toEqual(run());
  });

  test('a buffer by time begins with the first record, and a late one does not turn time back', () => {
    const driver = createDriver(job('rx', [numbers.pipe(rx((time) => bufferTime(10, time))).to(out)]));
    for (const [n, timestampMs] of [
      [1, 100],
      [2, 105],
      [3, 90],
      [4, 112],
      [5, 125],
    ] as const)
      driver.in(numbers).send('k', n, { timestampMs });
    expect(
      driver
        .out(out)
        .readAll()
        .map(({ value }) => value),
    ).toEqual([[1, 2, 3], [4]]);
  });

  test('an emission when no record is pushed is RX_ASYNC_EMISSION, whatever the policy', async () => {
    const driver = createDriver(job('rx', [numbers.pipe(rx(delay(0))).to(out)], { onError: skip() }));
    driver.in(numbers).send('k', 1);
    await vi.waitFor(() => {
      expect(() => driver.in(numbers).send('k', 2)).toThrowError(
        expect.objectContaining({ code: 'RX_ASYNC_EMISSION' }),
      );
    });
  });

  test('completing is RX_COMPLETED, whatever the policy', () => {
    const driver = createDriver(job('rx', [numbers.pipe(rx(take(1))).to(out)], { onError: skip() }));
    expect(() => driver.in(numbers).send('k', 1)).toThrowError(expect.objectContaining({ code: 'RX_COMPLETED' }));
  });

  test('an error goes to the policy, the record’s outputs are dropped, and the operators begin again', () => {
    const operators = () =>
      rx<string, number, number, number>(
        mergeMap((n) =>
          n === 13
            ? merge(
                of(n),
                throwError(() => new Error('unlucky')),
              )
            : of(n),
        ),
        (source) =>
          source.pipe(
            pairwise(),
            rxMap(([a, b]) => a * 100 + b),
          ),
      );
    const skipping = createDriver(job('rx', [numbers.pipe(operators()).to(out)], { onError: skip() }));
    for (const n of [1, 2, 13, 3, 4]) skipping.in(numbers).send('k', n);
    expect(
      skipping
        .out(out)
        .readAll()
        .map(({ value }) => value),
    ).toEqual([102, 304]);
    expect(skipping.metrics.skipped.process).toBe(1);
    const failing = createDriver(job('rx', [numbers.pipe(operators()).to(out)], { onError: fail() }));
    expect(() => failing.in(numbers).send('k', 13)).toThrowError(
      /'rx' could not process the record at numbers-0 offset 0: unlucky/,
    );
  });

  test('a step behind it that fails is not an error of the operators', () => {
    const seen: number[] = [];
    const steps = numbers.pipe(
      rx<string, number, number, number>(
        tap((n) => seen.push(n)),
        rxMap((n) => n),
      ),
      (stream) =>
        stream.pipe(
          rx(
            rxMap((n) => {
              if (n === 1) throw new Error('behind');
              return n;
            }),
          ),
        ),
    );
    const driver = createDriver(job('rx', [steps.to(out)], { onError: skip() }));
    for (const n of [1, 2]) driver.in(numbers).send('k', n);
    expect(seen).toEqual([1, 2]);
    expect(
      driver
        .out(out)
        .readAll()
        .map(({ value }) => value),
    ).toEqual([2]);
  });

  test('an interval of its own ticks with stream time and stops with the task', async () => {
    const driver = createDriver(
      job('rx', [
        numbers
          .pipe(rx((time) => (source) => merge(source, interval(10, time).pipe(rxMap((i) => `tick ${i}`)))))
          .to(out),
      ]),
    );
    driver.in(numbers).send('k', 1, { timestampMs: 1_700_000_000_000 });
    driver.in(numbers).send('k', 2, { timestampMs: 1_700_000_000_025 });
    expect(
      driver
        .out(out)
        .readAll()
        .map(({ value }) => value),
    ).toEqual([1, 'tick 0', 'tick 1', 2]);
    await driver.end();
  });
});

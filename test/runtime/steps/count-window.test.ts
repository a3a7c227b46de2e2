// Windows by count, through the test driver and over restarts.
import { describe, expect, test } from 'vitest';
import {
  type CountWindowOptions,
  count,
  countWindow,
  flatMap,
  groupByKey,
  job,
  json,
  map,
  safeInt64,
  skip,
  topic,
  toStream,
  tumbling,
  utf8,
  window,
  windowedKey,
} from '../../../dsl/index.ts';
import { createDriver } from '../../../runtime/testing/index.ts';
import { startRig } from './restart-rig.ts';

const records = topic('in', utf8);
const groups = topic('groups', json<readonly string[]>());

function started(size: number, options: Partial<CountWindowOptions<string>> = {}) {
  const driver = createDriver(
    job('counted', [records.pipe(countWindow(size, { as: 'groups-of', ...options })).to(groups)]),
  );
  return {
    driver,
    send: (key: string | null, value: string, timestampMs: number) =>
      driver.in(records).send(key as string, value, { timestampMs }),
    take: () =>
      driver
        .out(groups)
        .readAll()
        .map(({ key, value, timestampMs }) => `${key}=${value?.join('')}@${timestampMs}`),
  };
}

describe('a window by count', () => {
  test('is passed on when it is full, with the latest time of its records', () => {
    const { send, take } = started(3);
    send('a', '1', 10);
    send('b', '4', 11);
    send('a', '2', 30);
    expect(take()).toEqual([]);
    send('a', '3', 20);
    expect(take()).toEqual(['a=123@30']);
    send('a', '5', 40);
    send('b', '6', 12);
    send('b', '7', 13);
    expect(take()).toEqual(['b=467@13']);
  });

  test('that slides has the last records, fewer while there are no more', () => {
    const { send, take } = started(3, { every: 2 });
    for (const [i, value] of ['1', '2', '3', '4', '5', '6'].entries()) send('a', value, i);
    expect(take()).toEqual(['a=12@1', 'a=234@3', 'a=456@5']);
  });

  test('of one record passes each on', () => {
    const { send, take } = started(1);
    send('a', '1', 5);
    send('a', '2', 4);
    expect(take()).toEqual(['a=1@5', 'a=2@4']);
  });

  test('that is not full is passed on at the end, and then begins anew', () => {
    const { driver, send, take } = started(3);
    send('a', '1', 10);
    send('a', '2', 11);
    driver.closeWindows();
    expect(take()).toEqual(['a=12@11']);
    send('a', '3', 12);
    expect(take()).toEqual([]);
  });

  test('has no records without a key: they are counted', () => {
    const { driver, send, take } = started(1);
    send(null, '1', 10);
    expect([take(), driver.metrics.dropped.nullKey]).toEqual([[], 1]);
  });

  test('leaves a key that can’t be read to the error policy', async () => {
    const numbered = topic('in', utf8, { key: safeInt64 });
    const program = job(
      'counted',
      [
        numbered
          .pipe(
            countWindow(1, { as: 'groups-of' }),
            map((values) => values.join('')),
          )
          .to(topic('out', utf8, { key: safeInt64 })),
      ],
      { onError: skip() },
    );
    const rig = await startRig(program, 'database');
    rig.send('in', 'no number', 'a', 1);
    expect(rig.metrics.skipped.decode).toBe(1);
  });

  test('gives windows of time the records’ times, not the count (C19)', () => {
    const perSecond = tumbling('1 second', { grace: 0 });
    const counts = topic('counts', json<number>(), { key: windowedKey(utf8, perSecond) });
    const program = records.pipe(
      countWindow(2, { as: 'pairs' }),
      flatMap((pair) => pair),
      groupByKey(),
      window(perSecond),
      count({ as: 'per-second' }),
      toStream(),
    );
    const driver = createDriver(job('counted', [program.to(counts)]));
    for (const at of [61_000, 61_500, 3_600_000, 3_600_900]) driver.in(records).send('k', 'x', { timestampMs: at });
    expect(
      driver
        .out(counts)
        .readAll()
        .map(({ key, value }) => [key.startMs, value]),
    ).toEqual([
      [61_000, 1],
      [61_000, 2],
      [3_600_000, 1],
      [3_600_000, 2],
    ]);
  });

  test.each(['database', 'changelog'] as const)('goes on over a restart from its %s', async (comeback) => {
    const program = job('counted', [
      records
        .pipe(
          countWindow(3, { as: 'groups-of' }),
          map((values) => values.join('')),
        )
        .to(topic('out', utf8)),
    ]);
    const rig = await startRig(program, comeback);
    rig.send('in', 'a', '1', 10);
    rig.send('in', 'a', '2', 12);
    await rig.restart();
    rig.send('in', 'a', '3', 11);
    expect(rig.take()).toEqual(['a=123@12']);
    await rig.restart();
    rig.send('in', 'a', '4', 20);
    await rig.closeWindows();
    expect(rig.take()).toEqual(['a=4@20']);
  });

  test.each([
    [0, {}, 'the size must be a whole number from 1 on, not 0'],
    [1.5, {}, 'the size must be a whole number from 1 on, not 1.5'],
    [3, { every: 4 }, 'every must be a whole number from 1 to 3, not 4'],
    [3, { every: 0 }, 'every must be a whole number from 1 to 3, not 0'],
  ])('of %o with %o is refused', (size, options, why) => {
    expect(() => countWindow(size, { as: 'x', ...options })).toThrow(why);
  });
});

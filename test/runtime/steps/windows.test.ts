// Sessions, sliding and calendar windows, and when windows close, through the test driver.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  aggregate,
  calendar,
  customWindows,
  groupByKey,
  hopping,
  job,
  reduce,
  selectKey,
  session,
  sliding,
  topic,
  toStream,
  tumbling,
  utf8,
  type WindowOptions,
  type WindowSpec,
  window,
  windowedKey,
} from '../../../dsl/index.ts';
import { createDriver } from '../../../runtime/testing/index.ts';

const records = topic('in', utf8);
const late = topic('late', utf8);

function started(spec: WindowSpec, options: WindowOptions<string, string> = {}) {
  const out = topic('out', utf8, { key: windowedKey(utf8, spec) });
  const driver = createDriver(
    job('windows', [
      records
        .pipe(
          groupByKey(),
          window(spec as Extract<WindowSpec, { kind: 'tumbling' }>, options),
          reduce((a, b) => `${a}${b}`, { as: 'store', value: utf8 }),
          toStream(),
        )
        .to(out),
    ]),
  );
  return {
    driver,
    send: (key: string, value: string, timestampMs: number) => driver.in(records).send(key, value, { timestampMs }),
    take: () =>
      driver
        .out(out)
        .readAll()
        .map(({ key, value, timestampMs }) => `${key.key}[${key.startMs},${key.endMs}]=${value}@${timestampMs}`),
  };
}

describe('sessions', () => {
  test('grow at both ends, and take back what they were', () => {
    const { send, take } = started(session({ gap: 10, grace: 100 }));
    send('k', 'a', 20);
    send('k', 'b', 30);
    send('k', 'c', 10);
    expect(take()).toEqual([
      'k[20,20]=a@20',
      'k[20,20]=null@20',
      'k[20,30]=ab@30',
      'k[20,30]=null@30',
      'k[10,30]=abc@30',
    ]);
  });

  test('are apart where the gap is passed by 1 ms, and apart by key', () => {
    const { send, take } = started(session({ gap: 10, grace: 100 }));
    send('k', 'a', 20);
    send('k', 'b', 31);
    send('l', 'c', 25);
    expect(take()).toEqual(['k[20,20]=a@20', 'k[31,31]=b@31', 'l[25,25]=c@25']);
  });

  test('a record between two makes one of them, in the order of their times (C17)', () => {
    const { send, take } = started(session({ gap: 10, grace: 100 }));
    send('k', 'later', 40);
    send('k', 'earlier', 20);
    take();
    send('k', '-', 30);
    expect(take()).toEqual(['k[20,20]=null@20', 'k[40,40]=null@40', 'k[20,40]=earlierlater-@40']);
  });

  test('more records of one moment change a session and take nothing back', () => {
    const { send, take } = started(session({ gap: 10, grace: 0 }));
    send('k', 'a', 20);
    send('k', 'b', 20);
    expect(take()).toEqual(['k[20,20]=a@20', 'k[20,20]=ab@20']);
  });

  test('close once stream time is past end, gap and grace (C11)', () => {
    const { driver, send, take } = started(session({ gap: 10, grace: 5 }), { emit: 'windowCloses', late });
    send('k', 'a', 0);
    send('l', '-', 15);
    expect(take()).toEqual([]);
    send('l', '-', 16);
    expect(take()).toEqual(['k[0,0]=a@0']);
    send('k', 'too late', 0);
    expect(driver.metrics.dropped.late).toBe(1);
    expect(driver.out(late).readAll()).toEqual([{ key: 'k', value: 'too late', timestampMs: 0 }]);
  });

  test('are those of all records together, whatever the order', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.constantFrom('a', 'b'), fc.nat(200)), { maxLength: 40 }), (given) => {
        const { driver, send } = started(session({ gap: 10, grace: 1_000 }));
        for (const [key, at] of given) send(key, '.', at);
        const wanted: unknown[] = [];
        for (const key of ['a', 'b']) {
          const times = given.flatMap(([k, at]) => (k === key ? [at] : [])).sort((x, y) => x - y);
          let start = 0;
          times.forEach((at, i) => {
            if (i > 0 && at - times[i - 1]! > 10) start = i;
            if (i === times.length - 1 || times[i + 1]! - at > 10)
              wanted.push([{ key, startMs: times[start]!, endMs: at }, '.'.repeat(i - start + 1)]);
          });
        }
        const byKey = (x: unknown, y: unknown) => (JSON.stringify(x) < JSON.stringify(y) ? -1 : 1);
        expect(driver.store('store').entries().sort(byKey)).toEqual(wanted.sort(byKey));
      }),
    );
  });
});

describe('sliding windows', () => {
  test('end at each record and start after each, both ends in them (C15)', () => {
    const { send, take } = started(sliding({ difference: 10, grace: 100 }));
    send('k', 'a', 20);
    send('k', 'b', 30);
    expect(take()).toEqual(['k[10,20]=a@20', 'k[21,31]=b@30', 'k[20,30]=ab@30']);
    send('k', 'c', 42);
    expect(take()).toEqual(['k[32,42]=c@42']);
  });

  test('close although all values of the key are in one window (C16)', () => {
    const { send, take } = started(sliding({ difference: 10, grace: 0 }), { emit: 'windowCloses' });
    send('k', 'a', 20);
    send('k', 'b', 20);
    send('other', '-', 21);
    expect(take()).toEqual(['k[10,20]=ab@20']);
  });

  test('hold what is within the difference, whatever the order', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(60), { maxLength: 12 }), (times) => {
        const difference = 10;
        const { driver, send } = started(sliding({ difference, grace: 1_000 }));
        for (const at of times) send('k', '.', at);
        const holds = (start: number) => times.filter((at) => at >= start && at <= start + difference).length;
        const starts = new Set(
          times.flatMap((at) => [Math.max(0, at - difference), at + 1]).filter((s) => holds(s) > 0),
        );
        const wanted = [...starts].sort((a, b) => a - b).map((startMs) => [startMs, holds(startMs)]);
        const found = driver.store('store').entries() as [{ startMs: number }, string][];
        expect(found.map(([{ startMs }, value]) => [startMs, value.length])).toEqual(wanted);
      }),
    );
  });

  test('are made of a window that is closed already, where the record itself is on time', () => {
    const { send, take } = started(sliding({ difference: 10, grace: 50 }), { emit: 'windowCloses' });
    send('k', 'a', 45);
    send('other', '-', 100);
    expect(take()).toEqual(['k[35,45]=a@45']);
    send('k', 'b', 52);
    send('other', '-', 200);
    expect(take()).toContain('k[42,52]=ab@52');
  });
});

describe('calendar windows', () => {
  const local = (zone: string, iso: string) => ({ zone, ms: Date.parse(iso) });

  test('a day in Paris has 23 hours in spring and 25 in autumn (C13)', () => {
    const { driver, send } = started(calendar('day', { timeZone: 'Europe/Paris', grace: 0 }));
    for (const at of [1774738800000, 1774741200000, 1774821599999, 1774821600000]) send('k', '.', at);
    for (const at of [1792879200000, 1792969199999, 1792969200000]) send('k', '.', at);
    expect(
      driver
        .store('store')
        .entries()
        .map(([{ startMs, endMs }, value]) => [startMs, endMs, value]),
    ).toEqual([[1792969200000, 1793055600000, '.']]);
    expect(driver.out('out').readAll()).toHaveLength(7);
  });

  test.each([
    ['day', local('Europe/Paris', '2026-03-29T10:00Z'), '2026-03-28T23:00Z', '2026-03-29T22:00Z'],
    ['day', local('Europe/Paris', '2026-10-25T00:30Z'), '2026-10-24T22:00Z', '2026-10-25T23:00Z'],
    ['week', local('Europe/Paris', '2026-03-29T10:00Z'), '2026-03-22T23:00Z', '2026-03-29T22:00Z'],
    ['month', local('America/New_York', '2026-02-28T23:59Z'), '2026-02-01T05:00Z', '2026-03-01T05:00Z'],
    ['year', local('Asia/Kolkata', '2026-07-01T00:00Z'), '2025-12-31T18:30Z', '2026-12-31T18:30Z'],
    // Clocks that jump over midnight: the day starts at one o'clock.
    ['day', local('America/Sao_Paulo', '2018-11-04T12:00Z'), '2018-11-04T03:00Z', '2018-11-05T02:00Z'],
    // A date that never was: Samoa went from the 29th to the 31st of December 2011.
    ['day', local('Pacific/Apia', '2011-12-30T09:59Z'), '2011-12-29T10:00Z', '2011-12-30T10:00Z'],
    ['day', local('UTC', '1970-01-01T00:00Z'), '1970-01-01T00:00Z', '1970-01-02T00:00Z'],
  ] as const)('%s of %o', (unit, { zone, ms }, start, end) => {
    const { send, take } = started(calendar(unit, { timeZone: zone, grace: 0 }));
    send('k', 'a', ms);
    expect(take()).toEqual([`k[${Date.parse(start)},${Date.parse(end)}]=a@${ms}`]);
  });

  test('pass on a day when it is over', () => {
    const { send, take } = started(calendar('day', { timeZone: 'Europe/Paris', grace: '1 hour' }), {
      emit: 'windowCloses',
    });
    for (const at of [1774738800000, 1774741200000, 1774821599999]) send('k', '.', at);
    send('l', '.', 1774821600000 + 3_599_999);
    expect(take()).toEqual([]);
    send('l', '.', 1774821600000 + 3_600_000);
    expect(take()).toEqual(['k[1774738800000,1774821600000]=...@1774821599999']);
  });

  test('an unknown zone is refused', () => {
    expect(() => calendar('day', { timeZone: 'Europe/Pariss', grace: 0 })).toThrowError(
      "no such window: 'Europe/Pariss' is no time zone; write it as 'Europe/Paris'",
    );
  });
});

describe('an origin', () => {
  test('moves the starts, and only that (C18)', () => {
    const { send, take } = started(tumbling('1 day', { grace: 0, origin: '2026-01-05T06:00Z' }));
    send('k', 'a', Date.parse('2026-03-01T05:59Z'));
    send('k', 'b', Date.parse('2026-03-01T06:00Z'));
    const [feb28, mar1, mar2] = ['2026-02-28', '2026-03-01', '2026-03-02'].map((day) => Date.parse(`${day}T06:00Z`));
    expect(take()).toEqual([
      `k[${feb28},${mar1}]=a@${Date.parse('2026-03-01T05:59Z')}`,
      `k[${mar1},${mar2}]=b@${Date.parse('2026-03-01T06:00Z')}`,
    ]);
  });

  test('of hopping windows', () => {
    const { driver, send, take } = started(hopping(10, { every: 5, grace: 100, origin: 3 }));
    send('k', 'a', 12);
    expect(take()).toEqual(['k[3,13]=a@12', 'k[8,18]=a@12']);
    expect(driver.store('store').get('k', 8)).toBe('a');
    expect(() => tumbling(10, { grace: 0, origin: 'noon' })).toThrowError("'noon' is no time to start from");
  });
});

test('a hopping window holds its own records and none of a window that is yet to come (C14)', () => {
  const { send, take } = started(hopping(10, { every: 5, grace: 0 }));
  for (let at = 0; at < 40; at += 2) send('k', '.', at);
  const largest = Math.max(...take().map((line) => line.split('=')[1]!.split('@')[0]!.length));
  expect(largest).toBe(5);
});

describe('closing windows', () => {
  const minute = tumbling('1 minute', { grace: '10 seconds' });

  test('the last ones give their results when the inputs end (C9), upstream first', () => {
    const spec = tumbling(10, { grace: 0 });
    const totals = topic('totals', utf8, { key: windowedKey(utf8, spec) });
    const driver = createDriver(
      job('two', [
        records
          .pipe(
            groupByKey(),
            window(spec, { emit: 'windowCloses' }),
            reduce((a, b) => a + b, { as: 'first', value: utf8 }),
            toStream(),
            selectKey((_, { key }) => key.key),
            groupByKey(),
            window(tumbling(20, { grace: 0 }), { emit: 'windowCloses' }),
            reduce((a, b) => `${a},${b}`, { as: 'second', value: utf8 }),
            toStream(),
          )
          .to(totals),
      ]),
    );
    const take = () =>
      driver
        .out(totals)
        .readAll()
        .map(({ key, value }) => `${key.key}@${key.startMs}=${value}`);
    driver.in(records).send('k', 'a', { timestampMs: 3 });
    driver.in(records).send('k', 'b', { timestampMs: 12 });
    driver.in(records).send('l', 'c', { timestampMs: 11 });
    driver.in(records).send('l', 'd', { timestampMs: 25 });
    expect(take()).toEqual([]);
    driver.closeWindows();
    expect(take()).toEqual(['k@0=a,b', 'l@0=c', 'l@20=d']);
    driver.closeWindows();
    expect(take()).toEqual([]);
    driver.in(records).send('k', 'late', { timestampMs: 25 });
    expect(driver.metrics.lateBy).toEqual({ 'reduce first': 1 });
  });

  test('with idle, stream time goes on with the wall clock after a while without records', () => {
    const { driver, send, take } = started(minute, { emit: 'windowCloses', idle: '30 seconds' });
    driver.advanceWallClock(0);
    send('k', 'a', 40_000);
    driver.advanceWallClock('1 second');
    driver.advanceWallClock('29 seconds');
    // 40 s and 29 s of wall clock is not 60 s of window and 10 s of grace.
    expect(take()).toEqual([]);
    driver.advanceWallClock('1 second');
    expect(take()).toEqual(['k[0,60000]=a@40000']);
    send('k', 'late', 59_999);
    expect(driver.metrics.lateBy).toEqual({ 'reduce store': 1 });
  });

  test('with idle, any record says that something comes', () => {
    const { driver, send, take } = started(minute, { emit: 'windowCloses', idle: '30 seconds' });
    send('k', 'a', 40_000);
    for (let i = 0; i < 5; i++) {
      driver.advanceWallClock('20 seconds');
      send('k', '.', 30_000);
    }
    expect(take()).toEqual([]);
  });

  test('without idle the wall clock closes nothing', () => {
    const { driver, send, take } = started(minute, { emit: 'windowCloses' });
    send('k', 'a', 40_000);
    driver.advanceWallClock('10 days');
    expect(take()).toEqual([]);
    expect(() => window(minute, { idle: '1 second' })).toThrowError("without emit: 'windowCloses'");
  });

  test('results come by end, then start, then bytes of the key', () => {
    const { send, take } = started(hopping(10, { every: 5, grace: 0 }), { emit: 'windowCloses' });
    for (const key of ['é', 'z', 'a']) send(key, '.', 7);
    send('end', '.', 100);
    expect(take().map((line) => line.split('=')[0])).toEqual([
      ...['a', 'z', 'é'].map((key) => `${key}[0,10]`),
      ...['a', 'z', 'é'].map((key) => `${key}[5,15]`),
    ]);
  });

  test('a record that is late for one of its windows is in the others, and among the late ones once (C21)', () => {
    const { driver, send, take } = started(hopping(10, { every: 5, grace: 0 }), { late });
    send('k', 'a', 12);
    take();
    send('k', 'b', 8);
    expect(take()).toEqual(['k[5,15]=ab@12']);
    send('k', 'c', 3);
    expect(driver.metrics.dropped.late).toBe(2);
    expect(driver.metrics.lateBy).toEqual({ 'reduce store': 2 });
    expect(driver.out(late).readAll()).toEqual([
      { key: 'k', value: 'b', timestampMs: 8 },
      { key: 'k', value: 'c', timestampMs: 3 },
    ]);
  });

  test('an aggregate that became null is no result', () => {
    const driver = createDriver(
      job('deleting', [
        records
          .pipe(
            groupByKey(),
            window(tumbling(10, { grace: 0 }), { emit: 'windowCloses' }),
            aggregate(
              (): string | null => '',
              (all, value) => (value === 'delete' ? null : `${all}${value}`),
              { as: 'store', value: utf8 },
            ),
            toStream(),
          )
          .to(topic('out', utf8, { key: windowedKey(utf8, 10) })),
      ]),
    );
    driver.in(records).send('k', 'a', { timestampMs: 1 });
    driver.in(records).send('k', 'delete', { timestampMs: 2 });
    driver.in(records).send('l', 'b', { timestampMs: 2 });
    driver.closeWindows();
    expect(
      driver
        .out('out')
        .readAll()
        .map(({ value }) => utf8.decode(value!)),
    ).toEqual(['b']);
  });
});

describe('keep', () => {
  const kinds = [
    ['tumbling', tumbling(10, { grace: 5 })],
    ['hopping', hopping(10, { every: 10, grace: 5 })],
    ['sliding', sliding({ difference: 10, grace: 5 })],
    ['session', session({ gap: 10, grace: 5 })],
  ] as const;

  test.each(kinds)('results of %s windows stay in the store for that long, and change nothing', (_, spec) => {
    for (const emit of ['update', 'windowCloses'] as const) {
      const plain = started(spec, { emit } as WindowOptions<string, string>);
      const keeping = started(spec, { emit, keep: 100 } as WindowOptions<string, string>);
      let before: readonly string[] = [];
      for (const [key, value, ts] of [
        ['k', 'a', 3],
        ['k', 'b', 9],
        ['l', 'c', 30],
        ['k', 'd', 22],
        ['k', 'late', 4],
        ['l', 'e', 70],
        ['k', 'late', 21],
        ['l', 'f', 95],
      ] as const) {
        plain.send(key, value, ts);
        keeping.send(key, value, ts);
        const lines = keeping.take();
        expect(lines).toEqual(plain.take());
        before = [...before, ...lines];
      }
      expect(keeping.driver.metrics.dropped).toEqual(plain.driver.metrics.dropped);
      const rows = () =>
        keeping.driver
          .store('store')
          .entries()
          .map(([{ key, startMs }]) => `${key} ${startMs}`);
      const first = before[0]!;
      const kept = rows();
      expect(kept.some((row) => row.startsWith('k '))).toBe(true);
      expect(first.startsWith('k[')).toBe(true);
      expect(plain.driver.store('store').entries().length).toBeLessThan(kept.length);
      keeping.send('end', '.', 1_000);
      expect(rows().filter((row) => !row.startsWith('end'))).toEqual([]);
    }
  });

  test('is at least as long as windows change', () => {
    const refused = (spec: WindowSpec, keep: number) => () => started(spec, { keep });
    const message = 'its windows change for 15 ms, grace included, and are kept for 14 ms; keep them at least as long';
    for (const [, spec] of kinds) {
      expect(refused(spec, 14)).toThrow(message);
      expect(refused(spec, 15)).not.toThrow();
    }
    expect(refused(calendar('day', { timeZone: 'Europe/Paris', grace: 0 }), 86_400_000)).toThrow(
      'change for 90000000 ms',
    );
  });
});

describe('windows of a program’s own', () => {
  const hourMs = 3_600_000;
  const first = (ms: number) => Math.floor((ms - 6 * hourMs) / (8 * hourMs)) * 8 * hourMs + 6 * hourMs;
  const shifts = (grace: number) =>
    customWindows('shifts', { startOf: first, endOf: (ms) => first(ms) + 8 * hourMs, longest: '8 hours', grace });

  test('hold what their functions say, and their keys are read with their ends', () => {
    const { send, take } = started(shifts(0));
    send('k', 'a', 5 * hourMs);
    send('k', 'b', 6 * hourMs);
    send('k', 'c', 14 * hourMs - 1);
    send('k', 'd', 14 * hourMs);
    expect(take()).toEqual([
      `k[${-2 * hourMs},${6 * hourMs}]=a@${5 * hourMs}`,
      `k[${6 * hourMs},${14 * hourMs}]=b@${6 * hourMs}`,
      `k[${6 * hourMs},${14 * hourMs}]=bc@${14 * hourMs - 1}`,
      `k[${14 * hourMs},${22 * hourMs}]=d@${14 * hourMs}`,
    ]);
  });

  test('are closed at their end plus grace; what comes then is late', () => {
    const { driver, send, take } = started(shifts(hourMs), { emit: 'windowCloses', late });
    send('k', 'a', 7 * hourMs);
    send('k', 'b', 15 * hourMs - 1);
    send('k', 'c', 8 * hourMs);
    expect(take()).toEqual([]);
    send('k', 'd', 15 * hourMs);
    expect(take()).toEqual([`k[${6 * hourMs},${14 * hourMs}]=ac@${8 * hourMs}`]);
    send('k', 'e', 9 * hourMs);
    expect(driver.out(late).readAll()).toEqual([{ key: 'k', value: 'e', timestampMs: 9 * hourMs }]);
  });

  test.each([
    ['a window that doesn’t hold the moment', () => 0, () => 10, "of 20 'odd' gives [0, 10), which does not hold it"],
    ['one that is too long', () => 0, () => 90_000, "of 20 'odd' gives [0, 90000), which is longer than 60000 ms"],
    ['one that is none', () => Number.NaN, () => 30, "of 20 'odd' gives [NaN, 30), which does not hold it"],
  ])('%s stops the job', (_, startOf, endOf, why) => {
    const { send } = started(customWindows('odd', { startOf, endOf, longest: '1 minute', grace: 0 }));
    expect(() => send('k', 'a', 20)).toThrow(why);
  });

  test('need a name', () => {
    const options = { startOf: first, endOf: first, longest: '1 hour', grace: 0 } as const;
    expect(() => customWindows('', options)).toThrow('windows of your own need a name');
  });
});

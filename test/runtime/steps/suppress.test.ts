// suppress, through the test driver.
import { describe, expect, test } from 'vitest';
import {
  compile,
  count,
  describe as describeTopology,
  float64,
  groupByKey,
  groupRows,
  job,
  json,
  mapRows,
  reduceRows,
  safeInt64,
  session,
  suppress,
  table,
  topic,
  toStream,
  tumbling,
  utf8,
  window,
  windowedKey,
} from '../../../dsl/index.ts';
import { createDriver } from '../../../runtime/testing/index.ts';

const rows = table('rows', json<number>());
const out = topic('out', json<number>());

function held(options: Parameters<typeof suppress>[0] & object) {
  const driver = createDriver(job('held', [rows.pipe(suppress(options as { until: number }), toStream()).to(out)]));
  return {
    driver,
    send: (key: string, value: number | null, timestampMs: number) => driver.in(rows).send(key, value, { timestampMs }),
    take: () =>
      driver
        .out(out)
        .readAll()
        .map(({ key, value, timestampMs }) => `${key}=${value}@${timestampMs}`),
  };
}

describe('suppress for a time', () => {
  test('a key waits from its first change, and goes on with its newest', () => {
    const { send, take } = held({ until: 10, as: 'held' });
    send('k', 1, 0);
    send('k', 2, 9);
    expect(take()).toEqual([]);
    send('l', 1, 10);
    expect(take()).toEqual(['k=2@9']);
    send('k', 3, 12);
    send('k', null, 13);
    send('x', 0, 30);
    expect(take()).toEqual(['l=1@10', 'k=null@13']);
  });

  test('changes of one time go on by the bytes of their keys', () => {
    const { send, take } = held({ until: 10, as: 'held' });
    for (const key of ['é', 'z', 'a']) send(key, 1, 5);
    send('end', 1, 20);
    expect(take()).toEqual(['a=1@5', 'z=1@5', 'é=1@5']);
  });

  test('a full buffer lets the first one go early', () => {
    const { send, take } = held({ until: 100, recordsMax: 2, whenFull: 'emitEarly', as: 'held' });
    send('a', 1, 3);
    send('b', 1, 1);
    send('a', 2, 4);
    expect(take()).toEqual([]);
    send('c', 1, 5);
    expect(take()).toEqual(['b=1@1']);
    send('d', 1, 6);
    expect(take()).toEqual(['a=2@4']);
  });

  test('bytes are counted as they are encoded, and given back', () => {
    const { send, take } = held({ until: 1_000, bytesMax: 200, whenFull: 'emitEarly', as: 'held' });
    for (let at = 0; at < 50; at++) send('k', at, at);
    expect(take()).toEqual([]);
    for (let i = 0; i < 50; i++) send(`k${i}`, i, 100 + i);
    const early = take();
    expect(early.length).toBeGreaterThan(40);
    expect(early[0]).toBe('k=49@49');
  });

  test('or stops the job, and says why', () => {
    const { send } = held({ until: 100, recordsMax: 1, whenFull: 'fail', as: 'held' });
    send('a', 1, 0);
    expect(() => send('b', 1, 0)).toThrowError(
      "'suppress held' holds back 2 changes (0 bytes), more than recordsMax 1 allows; allow more, or let it emit early",
    );
  });

  test('all of it goes on when the inputs end', () => {
    const { driver, send, take } = held({ until: 1_000, as: 'held' });
    send('b', 1, 5);
    send('a', 1, 5);
    driver.closeWindows();
    expect(take()).toEqual(['a=1@5', 'b=1@5']);
    driver.closeWindows();
    expect(take()).toEqual([]);
  });

  test('what is behind it subtracts what went on before, and not what was held back', () => {
    const sums = topic('sums', float64);
    const driver = createDriver(
      job('sums', [
        rows
          .pipe(
            suppress({ until: 10, as: 'held' }),
            groupRows(() => 'all'),
            reduceRows({ add: (a, b) => a + b, subtract: (a, b) => a - b }, { as: 'sum' }),
            toStream(),
          )
          .to(sums),
      ]),
    );
    const send = (value: number, timestampMs: number) => driver.in(rows).send('k', value, { timestampMs });
    send(1, 0);
    send(2, 1);
    send(5, 20);
    send(7, 21);
    send(9, 40);
    driver.closeWindows();
    expect(
      driver
        .out(sums)
        .readAll()
        .map(({ value }) => value),
    ).toEqual([5, 9]);
  });

  test('a bound says what happens at it', () => {
    expect(() => suppress({ until: 1, recordsMax: 1 })).toThrowError('say what happens when the buffer is full');
    expect(() => suppress({ until: 1, recordsMax: 0, whenFull: 'fail' })).toThrowError(
      'recordsMax must be a number above 0, not 0',
    );
  });
});

describe("suppress('windowCloses')", () => {
  const records = topic('in', utf8);

  test('of sessions gives each once, without what was taken back (C11)', () => {
    const spec = session({ gap: 5, grace: 0 });
    const counts = topic('counts', safeInt64, { key: windowedKey(utf8, spec) });
    const driver = createDriver(
      job('sessions', [
        records
          .pipe(groupByKey(), window(spec), count({ as: 'n' }), suppress('windowCloses', { as: 'final' }), toStream())
          .to(counts),
      ]),
    );
    for (const [key, timestampMs] of [
      ['k1', 0],
      ['k1', 5],
      ['k1', 1],
      ['k2', 6],
      ['k1', 5],
      ['k1', 30],
    ] as const)
      driver.in(records).send(key, 'v1', { timestampMs });
    expect(
      driver
        .out(counts)
        .readAll()
        .map(({ key, value, timestampMs }) => [key, value, timestampMs]),
    ).toEqual([
      [{ key: 'k1', startMs: 0, endMs: 5 }, 4, 5],
      [{ key: 'k2', startMs: 6, endMs: 6 }, 1, 6],
    ]);
  });

  test('behind a map, with the wall clock when nothing comes', () => {
    const spec = tumbling('1 minute', { grace: 0 });
    const texts = topic('texts', utf8, { key: windowedKey(utf8, spec) });
    const driver = createDriver(
      job('texts', [
        records
          .pipe(
            groupByKey(),
            window(spec),
            count({ as: 'n' }),
            mapRows((n) => `${n} records`),
            suppress('windowCloses', { as: 'final', idle: '10 seconds' }),
            toStream(),
          )
          .to(texts),
      ]),
    );
    driver.in(records).send('k', '', { timestampMs: 55_000 });
    driver.advanceWallClock('9 seconds');
    expect(driver.out(texts).readAll()).toEqual([]);
    driver.advanceWallClock('10 seconds');
    expect(
      driver
        .out(texts)
        .readAll()
        .map(({ value }) => value),
    ).toEqual(['1 records']);
  });

  test('needs windows that the job made', () => {
    const windowed = table('windowed', utf8, { key: windowedKey(utf8, 10) });
    const program = job('j', [
      windowed.pipe(suppress('windowCloses'), toStream()).to(topic('final', utf8, { key: windowedKey(utf8, 10) })),
    ]);
    expect(() => compile(program)).toThrowError(
      'SUPPRESS_NEEDS_WINDOW at windowed → suppress: it waits for windows to close, and no window() is before it in this job',
    );
  });

  test('its buffer is a store with a changelog of its own', () => {
    const { driver } = held({ until: 10, as: 'held' });
    expect(driver.topology.internalTopics).toContainEqual({
      name: 'held-held-changelog',
      purpose: 'changelog',
      subTopology: 0,
      config: { 'cleanup.policy': 'compact' },
    });
    expect(describeTopology(driver.topology)).toContain(
      'buffer held: utf8 → structured, changelog held-held-changelog',
    );
  });
});

import { describe, expect, test } from 'vitest';
import {
  aggregateAll,
  count,
  deadLetter,
  filter,
  flatMap,
  groupBy,
  groupByKey,
  job,
  join,
  json,
  map,
  mapAsync,
  max,
  type SinkConnector,
  type SourceConnector,
  safeInt64,
  selectKey,
  sink,
  skip,
  source,
  split,
  table,
  topic,
  toStream,
  toTable,
  tumbling,
  utf8,
  window,
  windowedKey,
} from '../../../dsl/index.ts';
import { createDriver } from '../../../runtime/testing/index.ts';

const neverOpened = async () => {
  throw new Error('the driver opens no connector');
};
const lines = topic('lines', utf8);
const counts = topic('counts', safeInt64);
const words = job('words', [
  lines
    .pipe(
      flatMap((line) => line.split(' ')),
      groupBy((word) => word),
      count({ as: 'word-counts' }),
      toStream(),
    )
    .to(counts),
]);

describe('a driven job', () => {
  test('runs each record to its end, through repartition topics, and shows outputs and state', () => {
    const driver = createDriver(words);
    driver.in(lines).send(null, 'a b a', { timestampMs: 7 });
    const out = driver.out(counts);
    expect(out.readAll()).toEqual([
      { key: 'a', value: 1, timestampMs: 7 },
      { key: 'b', value: 1, timestampMs: 7 },
      { key: 'a', value: 2, timestampMs: 7 },
    ]);
    driver.in(lines).send(null, 'b', { timestampMs: 5 });
    expect(out.read()).toEqual({ key: 'b', value: 2, timestampMs: 7 });
    expect(out.read()).toBe(undefined);
    expect(driver.out(counts).readAll()).toEqual([]);
    for (const line of ['a', 'b b']) driver.in(lines).send(null, line);
    expect(driver.out(counts).readTable()).toEqual(
      new Map([
        ['a', 3],
        ['b', 4],
      ]),
    );
    const store = driver.store('word-counts');
    expect(store.entries()).toEqual([
      ['a', 3],
      ['b', 4],
    ]);
    expect([store.get('a'), store.get('c'), store.timestampMs('a')]).toEqual([3, undefined, 7]);
  });

  test('has one row for a key that is an object, as a window’s is', () => {
    const perWindow = topic('per-window', safeInt64, { key: windowedKey(utf8, tumbling(10, { grace: 0 })) });
    const program = job('j', [
      lines.pipe(groupByKey(), window(tumbling(10, { grace: 0 })), count(), toStream()).to(perWindow),
    ]);
    const driver = createDriver(program);
    for (const ts of [1, 2, 13]) driver.in(lines).send('k', 'a', { timestampMs: ts });
    const rows = [...driver.out(perWindow).readTable()];
    expect(rows.map(([key, value]) => [key.startMs, value])).toEqual([
      [0, 2],
      [10, 1],
    ]);
  });

  test('the wall clock stands still until it is moved, and is the event time of what says none', () => {
    const driver = createDriver(words, { startMs: 1_000 });
    driver.in(lines).send(null, 'a');
    driver.advanceWallClock('10 seconds');
    driver.in(lines).send(null, 'b');
    expect(
      driver
        .out(counts)
        .readAll()
        .map(({ timestampMs }) => timestampMs),
    ).toEqual([1_000, 11_000]);
  });

  test('headers go with the record', () => {
    const driver = createDriver(job('copy', [lines.pipe(map((line) => line)).to(topic('copies', utf8))]));
    driver.in(lines).send('k', 'v', { headers: [['trace', utf8.encode('1')]] });
    expect(driver.out(topic('copies', utf8)).readAll()).toEqual([
      { key: 'k', value: 'v', timestampMs: 0, headers: [['trace', new Uint8Array([0x31])]] },
    ]);
  });

  test('a program is drawn in marbles on both sides', () => {
    const perWindow = topic('per-window', safeInt64, { key: windowedKey(utf8, 3) });
    const driver = createDriver(
      job('windows', [
        lines.pipe(groupByKey(), window(tumbling(3, { grace: 0 })), count({ as: 'n' }), toStream()).to(perWindow),
      ]),
    );
    const record: readonly [string, string] = ['k', 'v'];
    driver.in(lines).marbles('a-aa-a-', { a: record });
    const first = { key: 'k', startMs: 0, endMs: 3 };
    const second = { key: 'k', startMs: 3, endMs: 6 };
    expect(driver.out(perWindow).toMarbles({ x: [first, 1], y: [first, 2], p: [second, 1], q: [second, 2] })).toBe(
      'x-yp-q',
    );
    expect(driver.store('n').get('k', 3)).toBe(2);
    expect(driver.store('n').entries()).toEqual([[second, 2]]);
  });

  test('tables join, branches split, tables of streams are kept', () => {
    const rows = table('rows', json<{ city: string }>());
    const flights = topic('flights', json<{ delay: number }>());
    const { late, rest } = flights.pipe(
      join(rows, ({ delay }, { city }) => ({ delay, city })),
      split({ late: ({ delay }: { delay: number }) => delay > 10 }),
    );
    const lateOut = topic('late', json<{ delay: number; city: string }>());
    const driver = createDriver(job('flights', [late.to(lateOut), rest.pipe(toTable({ as: 'on-time' }))]));
    driver.in(rows).send('LAX', { city: 'Los Angeles' });
    driver.in(flights).send('LAX', { delay: 20 }, { timestampMs: 4 });
    driver.in(flights).send('LAX', { delay: 5 }, { timestampMs: 6 });
    driver.in(flights).send('JFK', { delay: 50 });
    expect(driver.out(lateOut).readAll()).toEqual([
      { key: 'LAX', value: { delay: 20, city: 'Los Angeles' }, timestampMs: 4 },
    ]);
    expect(driver.store('on-time').entries()).toEqual([['LAX', { delay: 5, city: 'Los Angeles' }]]);
    driver.in(rows).send('LAX', null);
    expect(driver.store('rows').entries()).toEqual([]);
  });

  test('the store of an aggregate with a result shows what the table shows', () => {
    const readings = topic('readings', json<{ v: number }>());
    const driver = createDriver(
      job('hottest', [
        readings.pipe(groupByKey(), aggregateAll({ n: count(), most: max((r) => r.v) }, { as: 'stats' })),
      ]),
    );
    driver.in(readings).send('k', { v: 3 });
    driver.in(readings).send('k', { v: 1 });
    expect(driver.store('stats').get('k')).toEqual({ n: 2, most: 3 });
  });

  test('sources are played and sinks are read, neither is opened', () => {
    const clicks: SourceConnector<{ page: string }> = {
      name: 'clicks',
      bounded: true,
      replayable: true,
      open: neverOpened,
    };
    const pager: SinkConnector<string, { page: string }> = { name: 'pager', delivery: 'repeats', open: neverOpened };
    const pages = topic('pages', json<{ page: string }>());
    const driver = createDriver(
      job('clicks', [
        source(clicks)
          .pipe(selectKey((click) => click.page))
          .to(pages),
        pages.pipe(
          filter(({ page }) => page !== 'home'),
          sink(pager),
        ),
      ]),
    );
    driver.source(clicks).send({ page: 'home' }, { timestampMs: 3 });
    driver.source('clicks').send({ page: 'shop' }, { timestampMs: 4 });
    expect(
      driver
        .out(pages)
        .readAll()
        .map(({ key }) => key),
    ).toEqual(['home', 'shop']);
    expect(driver.sink(pager).readAll()).toEqual([{ key: 'shop', value: { page: 'shop' }, timestampMs: 4 }]);
  });

  test('a table that a bounded source fills is joined at once: the order is that of the test', () => {
    const file: SourceConnector<{ iata: string; city: string }> = {
      name: 'file',
      bounded: true,
      replayable: true,
      open: neverOpened,
    };
    const airports = table('airports', json<{ iata: string; city: string }>());
    const cities = topic('cities', utf8);
    const driver = createDriver(
      job('cities', [
        source(file)
          .pipe(selectKey(({ iata }) => iata))
          .to(airports),
        lines
          .pipe(
            selectKey((line) => line),
            join(airports, (line, { city }) => `${line}: ${city}`),
          )
          .to(cities),
      ]),
    );
    expect(
      driver.topology.subTopologies
        .flatMap((sub) => sub.inputs)
        .some((input) => input.kind === 'topic' && input.bootstrap),
    ).toBe(true);
    driver.source(file).send({ iata: 'LAX', city: 'Los Angeles' });
    driver.in(lines).send(null, 'LAX');
    driver.source(file).send({ iata: 'JFK', city: 'New York' });
    driver.in(lines).send(null, 'JFK');
    expect(
      driver
        .out(cities)
        .readAll()
        .map(({ value }) => value),
    ).toEqual(['LAX: Los Angeles', 'JFK: New York']);
  });

  test('mapAsync is waited for with settle(), also beyond its concurrency and before another sub-topology', async () => {
    const driver = createDriver(
      job('async', [
        lines
          .pipe(
            mapAsync(async (line) => `${line}!`, { concurrency: 1, order: 'kept' }),
            groupBy((line) => line),
            count({ as: 'n' }),
            toStream(),
          )
          .to(counts),
      ]),
    );
    for (const line of ['a', 'b', 'a']) driver.in(lines).send(null, line);
    expect(driver.out(counts).readAll()).toEqual([]);
    await driver.settle();
    expect(
      driver
        .out(counts)
        .readAll()
        .map(({ key, value }) => `${key}=${value}`),
    ).toEqual(['a!=1', 'b!=1', 'a!=2']);
    await driver.end();
  });

  test('drops, skips and dead letters can be read', () => {
    const numbers = topic('numbers', json<number>());
    const odd = topic('odd', safeInt64);
    const program = (onError: Parameters<typeof job>[2]) =>
      createDriver(
        job(
          'odd',
          [
            numbers
              .pipe(
                map((n) => {
                  if (n % 2 === 0) throw new Error(`${n} is even`);
                  return n;
                }),
                groupByKey(),
                count({ as: 'n' }),
                toStream(),
              )
              .to(odd),
          ],
          onError,
        ),
      );
    const skipping = program({ onError: skip() });
    for (const n of [1, 2, 3]) skipping.in(numbers).send('k', n);
    skipping.in(numbers).send(null, 5);
    expect(skipping.metrics).toMatchObject({ skipped: { process: 1 }, dropped: { nullKey: 1 }, recordsProcessed: 4 });
    const letters = program({ onError: { process: deadLetter('dead') } });
    letters.in(numbers).send('k', 2);
    const dead = letters.out('dead').readAll();
    expect(dead.map(({ key, value }) => [utf8.decode(key!), utf8.decode(value!)])).toEqual([['k', '2']]);
    expect(utf8.decode(new Map(dead[0]!.headers).get('millrace.error.message')!)).toBe('2 is even');
    expect(() => program({}).in(numbers).send('k', 2)).toThrowError(
      /'map' could not process the record at numbers-0 offset 0: 2 is even/,
    );
  });

  test('a tombstone never meets a function that does not expect it (C55)', () => {
    const orders = topic('orders', json<{ amount: number }>());
    const out = topic('large', json<{ amount: number }>());
    const driver = createDriver(job('large', [orders.pipe(filter((order) => order.amount > 1)).to(out)]));
    driver.in(orders).send('k', null);
    driver.in(orders).send('k', { amount: 5 });
    expect(driver.out(out).readAll()).toEqual([{ key: 'k', value: { amount: 5 }, timestampMs: 0 }]);
  });

  test('names what the job has when it is asked for what it has not', () => {
    const driver = createDriver(words);
    expect(() => driver.in(topic('other', utf8))).toThrowError(
      "the job has no input topic 'other'; it has lines, words-word-counts-repartition",
    );
    expect(() => driver.store('x')).toThrowError("the job has no store 'x'; it has word-counts");
    expect(() => driver.source('x')).toThrowError("the job has no source 'x'; it has none");
    expect(() => driver.out('x')).toThrowError(expect.objectContaining({ code: 'NOT_IN_JOB' }));
    expect(driver.out('words-word-counts-repartition').readAll()).toEqual([]);
  });
});

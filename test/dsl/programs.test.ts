// Whole programs, said, compiled and run: what the DSL's words promise is what the runtime does.
import { bufferCount, map as rxMap } from 'rxjs';
import { expect, test } from 'vitest';
import {
  aggregate,
  aggregateAll,
  count,
  filter,
  flatMap,
  groupBy,
  groupByKey,
  hopping,
  int64,
  type Job,
  job,
  join,
  json,
  leftJoin,
  map,
  mapRecord,
  max,
  mean,
  merge,
  noKey,
  reduce,
  rx,
  safeInt64,
  selectKey,
  sink,
  source,
  split,
  sum,
  table,
  tap,
  topic,
  toStream,
  toTable,
  tumbling,
  utf8,
  window,
  windowedKey,
} from '../../dsl/index.ts';
import { createDriver } from '../../runtime/testing/topology-driver.ts';
import { sinkNamed, sourceNamed } from './support.ts';

interface Flight {
  readonly origin: string;
  readonly delay: number | null;
}

const flights = topic('flights', json<Flight>());
const airports = table('airports', json<{ city: string }>());

async function running(program: Job, use: (driver: ReturnType<typeof createDriver>) => void | Promise<void>) {
  const driver = createDriver(program);
  await use(driver);
  await driver.end();
}

test('flights are joined with their airport, counted and measured', async () => {
  const delays = topic('delays', json<{ flights: number; mean: number | null; worst: number | null; city: string }>());
  const program = job('delays', [
    flights
      .pipe(
        join(airports, (flight, { city }) => ({ ...flight, city })),
        groupByKey(),
        aggregateAll({
          flights: count(),
          mean: mean((f) => f.delay),
          worst: max((f) => f.delay),
          city: max((f) => f.city),
        }),
        toStream(),
      )
      .to(delays),
  ]);
  await running(program, (driver) => {
    driver.in(airports).send('ATL', { city: 'Atlanta' });
    driver.in(flights).send('ATL', { origin: 'ATL', delay: null }, { timestampMs: 1 });
    driver.in(flights).send('XXX', { origin: 'XXX', delay: 1 }, { timestampMs: 2 });
    driver.in(flights).send('ATL', { origin: 'ATL', delay: 6 }, { timestampMs: 3 });
    driver.in(flights).send('ATL', { origin: 'ATL', delay: 2 }, { timestampMs: 2 });
    expect(driver.out(delays).readAll()).toMatchObject([
      { key: 'ATL', value: { flights: 1, mean: null, worst: null, city: 'Atlanta' }, timestampMs: 1 },
      { key: 'ATL', value: { flights: 2, mean: 6, worst: 6, city: 'Atlanta' }, timestampMs: 3 },
      { key: 'ATL', value: { flights: 3, mean: 4, worst: 6, city: 'Atlanta' }, timestampMs: 3 },
    ]);
  });
});

test('words are counted behind a repartition', async () => {
  const lines = topic('lines', utf8);
  const counts = topic('counts', safeInt64);
  const program = job('words', [
    lines
      .pipe(
        flatMap((line) => line.split(' ')),
        groupBy((word) => word),
        count({ as: 'words' }),
        toStream(),
      )
      .to(counts),
  ]);
  await running(program, (driver) => {
    driver.in(lines).send('k', 'a b a');
    expect(
      driver
        .out(counts)
        .readAll()
        .map(({ key, value }) => [key, value]),
    ).toEqual([
      ['a', 1],
      ['b', 1],
      ['a', 2],
    ]);
  });
});

test('tombstones reach tables and copies, and no function of the program (C55)', async () => {
  const seen: Flight[] = [];
  const copies = topic('copies', json<Flight>());
  const changes = topic('changes', json<Flight>());
  const program = job('tombstones', [
    flights.to(copies),
    flights.pipe(
      tap((flight) => void seen.push(flight)),
      filter((f) => f.origin !== ''),
      sink(sinkNamed('s')),
    ),
    flights.pipe(toTable({ as: 'latest' }), toStream()).to(changes),
  ]);
  await running(program, (driver) => {
    driver.in(flights).send('k', { origin: 'ATL', delay: 1 });
    driver.in(flights).send('k', null);
    expect(seen).toEqual([{ origin: 'ATL', delay: 1 }]);
    expect(
      driver
        .out(copies)
        .readAll()
        .map(({ value }) => value),
    ).toEqual([{ origin: 'ATL', delay: 1 }, null]);
    expect(
      driver
        .out(changes)
        .readAll()
        .map(({ value }) => value),
    ).toEqual([{ origin: 'ATL', delay: 1 }, null]);
    expect(driver.store('latest').get('k')).toBeUndefined();
  });
});

test('windows overlap, and late records are dropped', async () => {
  const spec = hopping('10 ms', { every: '5 ms', grace: 0 });
  const counts = topic('counts', safeInt64, { key: windowedKey(utf8, '10 ms') });
  const program = job('windows', [flights.pipe(groupByKey(), window(spec), count({ as: 'n' }), toStream()).to(counts)]);
  await running(program, (driver) => {
    const at = (timestampMs: number) => driver.in(flights).send('k', { origin: 'ATL', delay: 1 }, { timestampMs });
    for (const ms of [7, 12, 30, 8]) at(ms);
    expect(
      driver
        .out(counts)
        .readAll()
        .map(({ key, value }) => [key.startMs, key.endMs, value]),
    ).toEqual([
      [0, 10, 1],
      [5, 15, 1],
      [5, 15, 2],
      [10, 20, 1],
      [25, 35, 1],
      [30, 40, 1],
    ]);
  });
});

test('windowed results are repartitioned by the key inside and added up', async () => {
  const perOrigin = topic('per-origin', json<number>());
  const program = job('daily', [
    flights
      .pipe(
        groupByKey(),
        window(tumbling('10 ms', { grace: '1 day' })),
        count({ as: 'n' }),
        toStream(),
        mapRecord((n, { key }) => ({ key: key.key, value: n })),
        groupByKey(),
        reduce((a, b) => Math.max(a, b), { as: 'most' }),
        toStream(),
      )
      .to(perOrigin),
  ]);
  await running(program, (driver) => {
    for (const timestampMs of [1, 2, 11]) driver.in(flights).send('k', { origin: 'k', delay: 1 }, { timestampMs });
    expect(
      driver
        .out(perOrigin)
        .readAll()
        .map(({ key, value }) => [key, value]),
    ).toEqual([
      ['k', 1],
      ['k', 2],
      ['k', 2],
    ]);
  });
});

test('a split sends each record one way; branches and others are merged', async () => {
  const out = topic('out', utf8);
  const { late, early, rest } = flights.pipe(
    split({ late: (f) => (f.delay ?? 0) > 0, early: (f) => (f.delay ?? 0) < 0 }),
  );
  const program = job('split', [
    late
      .pipe(
        map((f) => `late ${f.origin}`),
        merge(early.pipe(map((f) => `early ${f.origin}`))),
      )
      .to(out),
    rest.pipe(map((f) => `rest ${f.origin}`)).to(out),
  ]);
  await running(program, (driver) => {
    for (const delay of [3, -1, null, 5]) driver.in(flights).send('k', { origin: String(delay), delay });
    expect(
      driver
        .out(out)
        .readAll()
        .map(({ value }) => value),
    ).toEqual(['late 3', 'early -1', 'rest null', 'late 5']);
  });
});

test('keys that are no strings go through topic and store as their serde says', async () => {
  const shops = table('shops', json<string>(), { key: int64 });
  const named = topic('named', json<string>(), { key: int64 });
  const totals = topic('totals', json<number>(), { key: int64 });
  const byShop = topic('orders', json<{ shop: string; amount: number }>()).pipe(
    selectKey((order) => BigInt(order.shop), { key: int64, as: 'by-shop' }),
  );
  const program = job('shops', [
    byShop.pipe(leftJoin(shops, (order, shop) => `${shop ?? 'unknown'} ${order.amount}`)).to(named),
    byShop
      .pipe(
        groupByKey(),
        aggregate(
          () => 0,
          (total, order) => total + order.amount,
          { as: 'totals' },
        ),
        toStream(),
      )
      .to(totals),
    byShop.pipe(groupByKey(), aggregateAll({ total: sum((order) => order.amount) }, { as: 'all' })),
  ]);
  await running(program, (driver) => {
    const orders = topic('orders', json<{ shop: string; amount: number }>());
    driver.in(shops).send(2n ** 60n, 'Rome');
    driver.in(orders).send('o', { shop: String(2n ** 60n), amount: 3 });
    driver.in(orders).send('o', { shop: '7', amount: 4 });
    driver.in(orders).send('o', { shop: '7', amount: 5 });
    expect(
      driver
        .out(named)
        .readAll()
        .map(({ key, value }) => [key, value]),
    ).toEqual([
      [2n ** 60n, 'Rome 3'],
      [7n, 'unknown 4'],
      [7n, 'unknown 5'],
    ]);
    expect(
      driver
        .out(totals)
        .readAll()
        .map(({ key, value }) => [key, value]),
    ).toEqual([
      [2n ** 60n, 3],
      [7n, 4],
      [7n, 9],
    ]);
    expect(driver.store('all').get(7n)).toEqual({ total: 9 });
  });
});

test('a row of an aggregate is deleted by null, and begins afresh', async () => {
  const out = topic('out', json<number>());
  const program = job('cleared', [
    flights
      .pipe(
        groupByKey(),
        aggregate(
          (): number | null => 0,
          (n, f) => (f.delay === null ? null : (n ?? 0) + 1),
          { as: 'n' },
        ),
        toStream(),
      )
      .to(out),
  ]);
  await running(program, (driver) => {
    for (const delay of [1, 1, null, 1]) driver.in(flights).send('k', { origin: 'k', delay });
    expect(
      driver
        .out(out)
        .readAll()
        .map(({ value }) => value),
    ).toEqual([1, 2, null, 1]);
  });
});

test('an aggregated table is joined with what its parts mean', async () => {
  const out = topic('out', json<number | null>());
  const means = flights.pipe(groupByKey(), aggregateAll({ mean: mean((f) => f.delay) }, { as: 'means' }));
  const asks = topic('asks', utf8);
  const program = job('means', [asks.pipe(join(means, (_, row) => row.mean)).to(out)]);
  await running(program, (driver) => {
    driver.in(flights).send('k', { origin: 'k', delay: 4 });
    driver.in(flights).send('k', { origin: 'k', delay: 8 });
    driver.in(asks).send('k', '?');
    expect(
      driver
        .out(out)
        .readAll()
        .map(({ value }) => value),
    ).toEqual([6]);
  });
});

test('operators of RxJS are a step like any', async () => {
  const out = topic('out', json<number[]>());
  const program = job('pairs', [
    flights
      .pipe(
        rx(
          rxMap((f) => f.delay ?? 0),
          bufferCount(2),
        ),
      )
      .to(out),
  ]);
  await running(program, (driver) => {
    for (const delay of [1, 2, 3, 4]) driver.in(flights).send('k', { origin: 'k', delay });
    expect(
      driver
        .out(out)
        .readAll()
        .map(({ value }) => value),
    ).toEqual([
      [1, 2],
      [3, 4],
    ]);
  });
});

test('a topic without keys takes what has none, and gives no keys', async () => {
  const connector = sourceNamed<string>('lines.txt');
  const lines = topic('lines', utf8, { key: noKey });
  const seen: unknown[] = [];
  const program = job('lines', [
    source(connector).to(lines),
    lines.pipe(
      tap((line, { key }) => void seen.push([key, line])),
      sink(sinkNamed('s')),
    ),
  ]);
  await running(program, (driver) => {
    driver.source(connector).send('a line');
    driver.in(lines).send(null, 'another');
    expect(seen).toEqual([
      [null, 'a line'],
      [null, 'another'],
    ]);
    expect(driver.out(lines).readAll()).toMatchObject([
      { key: null, value: 'a line' },
      { key: null, value: 'another' },
    ]);
  });
});

test('a source without keys is given some', async () => {
  const connector = sourceNamed<Flight>('csv:flights.csv');
  const program = job('load', [
    source(connector)
      .pipe(selectKey((flight) => flight.origin))
      .to(flights),
  ]);
  await running(program, (driver) => {
    driver.source(connector).send({ origin: 'ATL', delay: 1 });
    expect(driver.out(flights).readAll()).toMatchObject([{ key: 'ATL', value: { origin: 'ATL', delay: 1 } }]);
  });
});

// Programs in which windows, operators on tables and joins stand behind each other, through the test driver.
import { describe, expect, test } from 'vitest';
import {
  aggregateRows,
  compile,
  count,
  countRows,
  filterRows,
  foreignJoin,
  groupByKey,
  groupRows,
  job,
  join,
  json,
  leftJoin,
  mapRows,
  outerJoin,
  reduce,
  repartition,
  type Sink,
  suppress,
  table,
  topic,
  toStream,
  tumbling,
  utf8,
  window,
  windowedKey,
  within,
} from '../../../dsl/index.ts';
import { createDriver } from '../../../runtime/testing/index.ts';

const out = topic('out', utf8);

function driven(output: Sink) {
  const driver = createDriver(job('both', [output], { names: 'derived' }));
  const text = (bytes: Uint8Array | null) => (bytes === null ? null : utf8.decode(bytes));
  const take = (): string[] =>
    driver
      .out('out')
      .readAll()
      .map(({ key, value, timestampMs }) => `${text(key)}=${text(value)}@${timestampMs}`);
  return { driver, take };
}

describe('a windowed aggregation behind a join of streams', () => {
  const clicks = topic('clicks', utf8);
  const buys = topic('buys', utf8);
  const spec = tumbling(100, { grace: 20 });

  test('gives each window once, with all that has met in it', () => {
    const finals = topic('finals', utf8, { key: windowedKey(utf8, spec) });
    const program = clicks
      .pipe(
        join(buys, within({ before: 0, after: 10, grace: 0 }), (click, buy) => `${click}${buy}`, {
          as: 'met',
          left: utf8,
          right: utf8,
        }),
        groupByKey(),
        window(spec, { emit: 'windowCloses' }),
        reduce((a, b) => `${a} ${b}`, { as: 'sums', value: utf8 }),
        toStream(),
      )
      .to(finals);
    const driver = createDriver(job('both', [program]));
    const take = () =>
      driver
        .out(finals)
        .readAll()
        .map(({ key, value, timestampMs }) => `${key.key}[${key.startMs},${key.endMs}]=${value}@${timestampMs}`);
    driver.in(clicks).send('k', 'a', { timestampMs: 0 });
    driver.in(buys).send('k', '1', { timestampMs: 5 });
    driver.in(buys).send('k', '2', { timestampMs: 10 });
    driver.in(buys).send('k', '3', { timestampMs: 11 });
    // Stream time of the window is that of what has met, not of what came.
    driver.in(clicks).send('k', 'b', { timestampMs: 150 });
    expect(take()).toEqual([]);
    driver.in(buys).send('k', '4', { timestampMs: 151 });
    expect(take()).toEqual(['k[0,100]=a1 a2@10']);
  });

  test('is no table to look into by its key alone', () => {
    const counts = clicks.pipe(groupByKey(), window(spec), count({ as: 'counts' }));
    const looks = counts.pipe(
      filterRows((n) => n > 1),
      outerJoin(counts, (a, b) => `${a}${b}`),
    );
    expect(() => compile(job('both', [looks]))).toThrowError(/WINDOWED_JOIN/);
  });
});

describe('a join of tables over a table of groups', () => {
  const orders = table('orders', json<{ readonly shop: string; readonly amount: number }>());
  const shops = table('shops', utf8);

  test('follows the rows of both', () => {
    const counts = orders.pipe(
      groupRows((order) => order.shop),
      countRows({ as: 'counts' }),
    );
    const { driver, take } = driven(
      shops
        .pipe(
          leftJoin(counts, (name, n) => `${name}:${n}`),
          toStream(),
        )
        .to(out),
    );
    driver.in(shops).send('s', 'Sim', { timestampMs: 1 });
    driver.in(orders).send('1', { shop: 's', amount: 2 }, { timestampMs: 2 });
    driver.in(orders).send('2', { shop: 's', amount: 3 }, { timestampMs: 3 });
    driver.in(orders).send('1', { shop: 't', amount: 2 }, { timestampMs: 4 });
    driver.in(shops).send('s', null, { timestampMs: 5 });
    expect(take()).toEqual(['s=Sim:null@1', 's=Sim:1@2', 's=Sim:2@3', 's=Sim:1@4', 's=null@5']);
  });

  test('rows that are joined can be grouped again, and what is gone is subtracted', () => {
    const prices = table('prices', json<number>());
    const { driver, take } = driven(
      orders
        .pipe(
          join(prices, ({ shop, amount }, price) => ({ shop, paid: amount * price })),
          groupRows((row) => row.shop),
          aggregateRows(
            { initial: () => 0, add: (sum, { paid }) => sum + paid, subtract: (sum, { paid }) => sum - paid },
            { as: 'paid', value: json<number>() },
          ),
          mapRows(String),
          toStream(),
        )
        .to(out),
    );
    driver.in(orders).send('1', { shop: 's', amount: 2 }, { timestampMs: 1 });
    driver.in(orders).send('2', { shop: 's', amount: 1 }, { timestampMs: 1 });
    driver.in(prices).send('1', 10, { timestampMs: 2 });
    driver.in(prices).send('2', 5, { timestampMs: 3 });
    driver.in(prices).send('1', 20, { timestampMs: 4 });
    driver.in(orders).send('2', null, { timestampMs: 5 });
    expect(take()).toEqual(['s=20@2', 's=25@3', 's=45@4', 's=40@5']);
  });

  test('the table referred to may be computed: filtered, mapped, not kept', () => {
    const loud = shops.pipe(
      filterRows((name) => name !== ''),
      mapRows((name) => name.toUpperCase()),
    );
    const large = orders.pipe(filterRows((order) => order.amount > 1));
    const { driver, take } = driven(
      large
        .pipe(
          foreignJoin(
            loud,
            (order) => order.shop,
            (order, name) => `${order.amount} ${name}`,
          ),
          toStream(),
        )
        .to(out),
    );
    driver.in(shops).send('s', 'sim', { timestampMs: 1 });
    driver.in(orders).send('1', { shop: 's', amount: 2 }, { timestampMs: 2 });
    driver.in(orders).send('2', { shop: 's', amount: 1 }, { timestampMs: 3 });
    driver.in(shops).send('s', 'sam', { timestampMs: 4 });
    driver.in(shops).send('s', '', { timestampMs: 5 });
    driver.in(orders).send('1', { shop: 's', amount: 3 }, { timestampMs: 6 });
    expect(take()).toEqual(['1=2 SIM@2', '1=2 SAM@4', '1=null@5']);
  });
});

test('a row that is held back is joined as it was last passed on', () => {
  const held = table('rows', utf8).pipe(
    suppress({ until: 10, as: 'held' }),
    mapRows((value) => `${value}!`),
  );
  const keys = topic('keys', utf8);
  const { driver, take } = driven(keys.pipe(leftJoin(held, (_, value) => String(value))).to(out));
  const rows = driver.in(table('rows', utf8));
  const look = (timestampMs: number) => driver.in(keys).send('k', '', { timestampMs });
  rows.send('k', 'a', { timestampMs: 0 });
  look(1);
  rows.send('tick', '', { timestampMs: 10 });
  look(11);
  rows.send('k', 'b', { timestampMs: 12 });
  rows.send('k', 'c', { timestampMs: 13 });
  look(14);
  rows.send('tick', '', { timestampMs: 22 });
  look(23);
  expect(take()).toEqual(['k=null@1', 'k=a!@11', 'k=a!@14', 'k=c!@23']);
});

test('repartition() leaves key, value, time and headers as they are, and drops what has no key', () => {
  const from = topic('from', utf8);
  const to = topic('to', utf8);
  const driver = createDriver(job('spread', [from.pipe(repartition({ as: 'spread' })).to(to)]));
  const headers = [['h', utf8.encode('x')]] as const;
  driver.in(from).send('k', 'v', { timestampMs: 7, headers });
  driver.in(from).send(null, 'no key', { timestampMs: 8 });
  const [record, ...rest] = driver.out(to).readAll();
  expect(record).toMatchObject({ key: 'k', value: 'v', timestampMs: 7 });
  expect(utf8.decode(record!.headers![0]![1]!)).toBe('x');
  expect(rest).toEqual([]);
  expect(driver.metrics.dropped.nullKey).toBe(1);
  expect(driver.out('spread-spread-repartition').readAll()).toHaveLength(1);
});

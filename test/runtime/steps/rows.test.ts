// Operators on tables, cogroup and dedupe, through the test driver.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  aggregate,
  aggregateRows,
  cogroup,
  countRows,
  dedupe,
  filterRows,
  float64,
  groupByKey,
  groupRows,
  job,
  join,
  json,
  mapRows,
  type Output,
  reduceRows,
  selectKey,
  skip,
  table,
  topic,
  toStream,
  tumbling,
  utf8,
  window,
  windowedKey,
} from '../../../dsl/index.ts';
import { createDriver } from '../../../runtime/testing/index.ts';

interface Order {
  readonly shop: string | null;
  readonly amount: number;
}

const orders = table('orders', json<Order>());
const out = topic('out', float64);

const shopTotals = (as: string) =>
  orders.pipe(
    groupRows((order) => order.shop),
    aggregateRows(
      { initial: () => 0, add: (sum, { amount }) => sum + amount, subtract: (sum, { amount }) => sum - amount },
      { as, value: float64 },
    ),
  );

function driven(output: Output) {
  const driver = createDriver(job('rows', [output], { names: 'derived' }));
  const take = (): string[] =>
    driver
      .out(out)
      .readAll()
      .map(({ key, value, timestampMs }) => `${key}=${value}@${timestampMs}`);
  return { driver, take };
}

describe('filterRows', () => {
  const even = (value: number) => value % 2 === 0;
  const numbers = table('numbers', json<number>());

  test('deletes a row that does not hold any more, and one that never did', () => {
    const { driver, take } = driven(numbers.pipe(filterRows(even), toStream()).to(out));
    for (const [value, timestampMs] of [
      [1, 0],
      [2, 1],
      [3, 2],
    ] as const)
      driver.in(numbers).send('k', value, { timestampMs });
    driver.in(numbers).send('k', null, { timestampMs: 3 });
    expect(take()).toEqual(['k=null@0', 'k=2@1', 'k=null@2', 'k=null@3']);
  });

  test('keeps its rows where it is named, and can then be joined', () => {
    const keys = topic('keys', utf8);
    const kept = numbers.pipe(filterRows(even, { as: 'even', value: json<number>() }));
    const { driver, take } = driven(keys.pipe(join(kept, (_, n) => n)).to(out));
    for (const [key, value] of [
      ['a', 2],
      ['b', 3],
      ['c', 4],
      ['c', 5],
    ] as const)
      driver.in(numbers).send(key, value);
    for (const key of ['a', 'b', 'c']) driver.in(keys).send(key, '');
    expect(take()).toEqual(['a=2@0']);
    expect(driver.store('even').entries()).toEqual([['a', 2]]);
  });

  test('is computed for who looks into it where it keeps nothing', () => {
    const keys = topic('keys', utf8);
    const tens = numbers.pipe(
      filterRows(even),
      mapRows((n) => n * 10),
    );
    const { driver, take } = driven(keys.pipe(join(tens, (_, n) => n)).to(out));
    for (const [key, value] of [
      ['a', 2],
      ['b', 3],
    ] as const)
      driver.in(numbers).send(key, value);
    for (const key of ['a', 'b']) driver.in(keys).send(key, '');
    expect(take()).toEqual(['a=20@0']);
  });

  test('a function that throws meets the error policy', () => {
    const failing = numbers.pipe(
      filterRows((n) => {
        if (n === 13) throw new Error('unlucky');
        return true;
      }),
      toStream(),
    );
    const driver = createDriver(job('rows', [failing.to(out)], { onError: skip() }));
    for (const n of [12, 13, 14]) driver.in(numbers).send('k', n);
    expect(
      driver
        .out(out)
        .readAll()
        .map(({ value }) => value),
    ).toEqual([12, 14]);
    expect(driver.metrics.skipped.process).toBe(1);
  });
});

describe('mapRows', () => {
  test('maps rows and leaves deletions', () => {
    const { driver, take } = driven(
      orders
        .pipe(
          mapRows(({ shop, amount }) => (shop === null ? null : amount), { as: 'amounts', value: float64 }),
          toStream(),
        )
        .to(out),
    );
    driver.in(orders).send('1', { shop: 'a', amount: 5 });
    driver.in(orders).send('2', { shop: 'b', amount: 7 });
    driver.in(orders).send('1', { shop: null, amount: 5 });
    driver.in(orders).send('2', null);
    expect(take()).toEqual(['1=5@0', '2=7@0', '1=null@0', '2=null@0']);
    expect(driver.store('amounts').entries()).toEqual([]);
  });
});

describe('groupRows', () => {
  test('subtracts a row where it was and adds it where it is, the old group first', () => {
    const { driver, take } = driven(shopTotals('totals').pipe(toStream()).to(out));
    driver.in(orders).send('1', { shop: 'a', amount: 5 }, { timestampMs: 10 });
    driver.in(orders).send('2', { shop: 'a', amount: 7 }, { timestampMs: 11 });
    driver.in(orders).send('1', { shop: 'a', amount: 6 }, { timestampMs: 5 });
    expect(take()).toEqual(['a=5@10', 'a=12@11', 'a=13@11']);
    driver.in(orders).send('2', { shop: 'b', amount: 7 }, { timestampMs: 12 });
    expect(take()).toEqual(['a=6@12', 'b=7@12']);
    driver.in(orders).send('2', { shop: null, amount: 7 }, { timestampMs: 13 });
    driver.in(orders).send('1', null, { timestampMs: 14 });
    expect(take()).toEqual(['b=0@13', 'a=0@14']);
  });

  test('old values come through filters and maps', () => {
    const { driver, take } = driven(
      orders
        .pipe(
          filterRows((order) => order.amount > 1),
          mapRows(({ shop, amount }) => ({ shop, amount: amount * 10 })),
          groupRows(({ shop }) => shop),
          reduceRows(
            {
              add: (a, b) => ({ ...a, amount: a.amount + b.amount }),
              subtract: (a, b) => ({ ...a, amount: a.amount - b.amount }),
            },
            { as: 'sums' },
          ),
          mapRows(({ amount }) => amount),
          toStream(),
        )
        .to(out),
    );
    const send = (id: string, amount: number) => driver.in(orders).send(id, { shop: 's', amount });
    send('1', 5);
    send('2', 3);
    send('1', 1);
    send('1', 1);
    send('1', 2);
    expect(take()).toEqual(['s=50@0', 's=80@0', 's=30@0', 's=50@0']);
  });

  test('the totals are those of the rows that are there, whatever came before', () => {
    const change = fc.record({
      id: fc.constantFrom('1', '2', '3'),
      row: fc.option(fc.record({ shop: fc.constantFrom('a', 'b', null), amount: fc.nat(9) })),
    });
    fc.assert(
      fc.property(fc.array(change, { maxLength: 30 }), (changes) => {
        const counts = orders.pipe(
          groupRows((order) => order.shop),
          countRows({ as: 'counts' }),
        );
        const driver = createDriver(job('rows', [shopTotals('totals'), counts]));
        const rows = new Map<string, Order | null>();
        for (const { id, row } of changes) {
          driver.in(orders).send(id, row);
          rows.set(id, row);
        }
        for (const shop of ['a', 'b']) {
          const there = [...rows.values()].filter((row) => row?.shop === shop);
          expect(driver.store('counts').get(shop) ?? 0).toBe(there.length);
          expect(driver.store('totals').get(shop) ?? 0).toBe(there.reduce((sum, row) => sum + row!.amount, 0));
        }
      }),
    );
  });
});

describe('cogroup', () => {
  const clicks = topic('clicks', json<{ page: string }>());
  const buys = topic('buys', json<{ customer: string; amount: number }>());

  test('folds several streams into one table', () => {
    const spent = topic('spent', json<{ clicks: number; spent: number }>());
    const driver = createDriver(
      job('customers', [
        cogroup({
          clicks: clicks.pipe(groupByKey()),
          buys: buys.pipe(
            selectKey((buy) => buy.customer),
            groupByKey(),
          ),
        })
          .pipe(
            aggregate(
              () => ({ clicks: 0, spent: 0 }),
              (state, record) =>
                record.from === 'clicks'
                  ? { ...state, clicks: state.clicks + 1 }
                  : { ...state, spent: state.spent + record.value.amount },
              { as: 'customers' },
            ),
            toStream(),
          )
          .to(spent),
      ]),
    );
    driver.in(clicks).send('ann', { page: '/' });
    driver.in(buys).send(null, { customer: 'ann', amount: 5 });
    driver.in(clicks).send('ann', { page: '/out' });
    expect(
      driver
        .out(spent)
        .readAll()
        .map(({ value }) => value),
    ).toEqual([
      { clicks: 1, spent: 0 },
      { clicks: 1, spent: 5 },
      { clicks: 2, spent: 5 },
    ]);
  });

  test('in windows too', () => {
    const spec = tumbling(10, { grace: 0 });
    const counts = topic('counts', float64, { key: windowedKey(utf8, spec) });
    const driver = createDriver(
      job('windows', [
        cogroup({ clicks: clicks.pipe(groupByKey()), buys: buys.pipe(groupByKey()) })
          .pipe(
            window(spec),
            aggregate(
              () => 0,
              (n) => n + 1,
              { as: 'n', value: float64 },
            ),
            toStream(),
          )
          .to(counts),
      ]),
    );
    driver.in(clicks).send('k', { page: '/' }, { timestampMs: 1 });
    driver.in(buys).send('k', { customer: 'k', amount: 1 }, { timestampMs: 9 });
    driver.in(buys).send('k', { customer: 'k', amount: 1 }, { timestampMs: 11 });
    expect(
      driver
        .out(counts)
        .readAll()
        .map(({ key, value }) => [key.startMs, value]),
    ).toEqual([
      [0, 1],
      [0, 2],
      [10, 1],
    ]);
  });
});

describe('dedupe', () => {
  const events = topic('events', utf8);
  const texts = topic('texts', utf8);

  test('passes the first of a key, and the next one after its time', () => {
    const driver = createDriver(job('d', [events.pipe(dedupe({ within: 10, as: 'seen' })).to(texts)]));
    driver.in(events).marbles('a-b------cd-e-------f', {
      a: ['k', 'a'],
      b: ['k', 'b'],
      c: ['k', 'c'],
      d: ['k', 'd'],
      e: ['l', 'e'],
      f: ['k', 'f'],
    });
    driver.in(events).send(null, 'no key', { timestampMs: 30 });
    expect(driver.out(texts).toMarbles({ a: ['k', 'a'], d: ['k', 'd'], e: ['l', 'e'], f: ['k', 'f'] })).toBe(
      'a---------d-e-------f',
    );
    expect(driver.metrics.dropped.nullKey).toBe(1);
  });

  test('no two that pass are nearer than that, and what is dropped is near one that passed', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(25), { maxLength: 30 }), (times) => {
        const driver = createDriver(job('d', [events.pipe(dedupe({ within: 10, as: 'seen' })).to(texts)]));
        const passed: number[] = [];
        for (const timestampMs of times) {
          driver.in(events).send('k', '', { timestampMs });
          const came = driver.out(texts).readAll().length === 1;
          expect(came).toBe(passed.every((at) => Math.abs(at - timestampMs) >= 10));
          if (came) passed.push(timestampMs);
        }
      }),
    );
  });
});

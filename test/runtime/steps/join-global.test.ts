import { expect, test } from 'vitest';
import { int64, utf8 } from '../../../core/schema/primitive.ts';
import {
  compile,
  describe,
  globalTable,
  job,
  joinGlobal,
  leftJoinGlobal,
  selectKey,
  source,
  topic,
} from '../../../dsl/index.ts';
import { createDriver } from '../../../runtime/testing/index.ts';
import { sourceNamed } from '../../dsl/support.ts';

const rates = globalTable('rates', utf8);
const orders = topic('orders', utf8, { tombstones: 'pass' });
const out = topic('out', utf8);
const currencyOf = (order: string) => order.split(' ')[1] ?? null;

test('looks up any key of the value, and keeps the record’s own; the table triggers nothing', () => {
  const joined = orders.pipe(
    joinGlobal(
      rates,
      (order) => currencyOf(order),
      (order, rate) => `${order} at ${rate}`,
    ),
  );
  const driver = createDriver(job('j', [joined.to(out)]));
  driver.in(orders).send('a', '5 EUR', { timestampMs: 1 });
  driver.in(rates).send('EUR', '1.1', { timestampMs: 90 });
  expect(driver.store('rates').entries()).toEqual([['EUR', '1.1']]);
  driver.in(orders).send('a', '6 EUR', { timestampMs: 2 });
  driver.in(orders).send(null, '7 EUR', { timestampMs: 3 });
  driver.in(rates).send('EUR', null, { timestampMs: 91 });
  driver.in(orders).send('a', '8 EUR', { timestampMs: 4 });
  expect(driver.out(out).readAll()).toEqual([
    { key: 'a', value: '6 EUR at 1.1', timestampMs: 2 },
    { key: null, value: '7 EUR at 1.1', timestampMs: 3 },
  ]);
  driver.in(orders).send('a', 'no-currency');
  driver.in(orders).send('a', null);
  expect(driver.metrics.dropped).toMatchObject({ nullKey: 1, nullValue: 1 });
});

test('a left join keeps what has no row, and what has no key to look up', () => {
  const joined = orders.pipe(
    leftJoinGlobal(
      rates,
      (order) => currencyOf(order),
      (order, rate) => `${order} at ${rate}`,
    ),
  );
  const driver = createDriver(job('j', [joined.to(out)]));
  driver.in(orders).send('a', '5 EUR', { timestampMs: 1 });
  driver.in(orders).send('a', '6', { timestampMs: 2 });
  expect(
    driver
      .out(out)
      .readAll()
      .map(({ value }) => value),
  ).toEqual(['5 EUR at null', '6 at null']);
});

test('keys that are no strings, and falsy ones, are keys', () => {
  const byNumber = globalTable('by-number', utf8, { key: int64 });
  const joined = orders.pipe(
    joinGlobal(
      byNumber,
      (order) => BigInt(order.length),
      (_, row) => row,
    ),
  );
  const driver = createDriver(job('j', [joined.to(out)]));
  driver.in(byNumber).send(0n, 'zero');
  driver.in(byNumber).send(2n, '');
  driver.in(orders).send('a', '');
  driver.in(orders).send('a', 'ab');
  expect(
    driver
      .out(out)
      .readAll()
      .map(({ value }) => value),
  ).toEqual(['zero', '']);
});

test('one that a bounded source fills is read to its end first, and is in the description', () => {
  const filled = source(sourceNamed<string>('file'))
    .pipe(selectKey((line) => line))
    .to(rates);
  const joined = orders.pipe(
    joinGlobal(
      rates,
      (order) => order,
      (order) => order,
    ),
  );
  const topology = compile(job('j', [filled, joined.to(out)]));
  expect(topology.globals).toMatchObject([{ topic: { name: 'rates' }, bootstrap: true }]);
  expect(describe(topology)).toContain('Global tables\n  rates, to its end first');
  expect(compile(job('j', [joined.to(out)])).globals[0]!.bootstrap).toBe(false);
  const round = orders
    .pipe(
      joinGlobal(
        rates,
        (order) => order,
        (order) => order,
      ),
    )
    .to(rates);
  expect(compile(job('j', [round])).globals[0]!.bootstrap).toBe(false);
});

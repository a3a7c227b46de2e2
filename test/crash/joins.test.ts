// Every kind of join over the embedded log: repartition topics, changelogs, several partitions and threads, kills and
// restarts. Expected results are plain loops over the same rows.
import { expect, test } from 'vitest';
import { type Folder, millrace, startMillrace, tempFolder } from '../support/millrace.ts';
import { between, crashRandom, killUntilDone, scaled } from './kill-loop.ts';

const program = `
import {
  foreignJoin, globalTable, job, join, joinGlobal, json, leftJoin, leftForeignJoin, map, outerJoin, selectKey, source, table, topic,
  toStream, utf8, within,
} from 'millrace';
import { csvFile } from 'millrace/connectors/files';

interface Order { readonly id: string; readonly shop: string; readonly currency: string; readonly at: number }
const two = { partitions: 2 };
const timed = { partitions: 2, timestamp: (row: { readonly at: number }) => row.at };
const rates = globalTable('rates', json<{ rate: number }>(), { partitions: 3 });
const shops = table('shops', json<{ name: string }>(), { partitions: 3 });
const orders = topic('orders', json<Order>(), timed);
const payments = topic('payments', json<{ order: string; at: number }>(), timed);
const newest = table('newest', json<Order>(), two);
const paid = table('paid', utf8, two);

export default job('joins', [
  source(csvFile('rates.csv')).pipe(selectKey((row) => row['code']!), map((row) => ({ rate: Number(row['rate']) }))).to(rates),
  source(csvFile('shops.csv')).pipe(selectKey((row) => row['id']!), map((row) => ({ name: row['name']! }))).to(shops),
  source(csvFile('orders.csv')).pipe(
    map((row): Order => ({ id: row['id']!, shop: row['shop']!, currency: row['currency']!, at: Number(row['at']) })),
    selectKey((order) => order.id),
  ).to(orders),
  source(csvFile('payments.csv')).pipe(
    map((row) => ({ order: row['order']!, at: Number(row['at']) })),
    selectKey((payment) => payment.order),
  ).to(payments),
  orders.to(newest),
  orders.pipe(joinGlobal(rates, (order) => order.currency, (order, { rate }) => String(rate) + '@' + String(order.at))).to(topic('rated', utf8, two)),
  orders.pipe(
    join(
      payments.pipe(selectKey((payment) => payment.order)),
      within({ before: 0, after: '5 seconds', grace: '1 day' }),
      (order, payment) => String(order.at) + '-' + String(payment.at),
      { as: 'payments' },
    ),
  ).to(topic('pairs', utf8, two)),
  payments.pipe(map((payment) => String(payment.at))).to(paid),
  newest.pipe(outerJoin(paid, (order, payment) => String(order?.at) + '/' + String(payment)), toStream()).to(topic('states', utf8, two)),
  newest.pipe(
    leftForeignJoin(shops, (order) => order.shop, (order, shop) => String(order.at) + ' ' + String(shop?.name), { as: 'named', value: utf8 }),
    toStream(),
  ).to(topic('named', utf8, two)),
], { guarantee: 'exactlyOnce' });
`;

interface Row {
  readonly [column: string]: string | number;
}

const csv = (rows: readonly Row[]): string =>
  [Object.keys(rows[0]!), ...rows.map((row) => Object.values(row))].map((fields) => fields.join(',')).join('\n');

const count = 2_000;
const rates = Array.from({ length: 20 }, (_, i) => ({ code: `c${i}`, rate: i }));
const shops = Array.from({ length: 30 }, (_, i) => ({ id: `s${i}`, name: `shop ${i}` }));
const orders = Array.from({ length: count }, (_, i) => ({
  id: `o${(i * 7) % 500}`,
  shop: `s${(i * 11) % 40}`,
  currency: `c${i % 25}`,
  at: 1_000_000 + i * 50,
}));
const payments = Array.from({ length: count }, (_, i) => ({
  order: `o${(i * 7) % 510}`,
  at: 1_000_000 + i * 50 + ((i * 13) % 700),
}));

async function write(folder: Folder): Promise<string> {
  await folder.file('rates.csv', csv(rates));
  await folder.file('shops.csv', csv(shops));
  await folder.file('orders.csv', csv(orders));
  await folder.file('payments.csv', csv(payments));
  return folder.file('joins.ts', program);
}

async function lines(name: string, data: string): Promise<(readonly [key: string, value: string])[]> {
  const { stdout, stderr, code } = await millrace([
    'consume',
    name,
    '--data',
    data,
    '--until',
    'end',
    '--format',
    '%k\\t%v',
  ]);
  expect({ name, code, stderr }).toEqual({ name, code: 0, stderr: '' });
  return stdout
    .trimEnd()
    .split('\n')
    .map((line) => line.split('\t') as [string, string]);
}

const sorted = (all: readonly (readonly [string, string])[]): string[] =>
  all.map(([key, value]) => `${key}=${value}`).sort();
const last = (all: readonly (readonly [string, string])[]): string[] => sorted([...new Map(all)]);

async function check(data: string): Promise<void> {
  const rate = new Map(rates.map((row) => [row.code, row.rate]));
  const rated = orders.flatMap(({ id, currency, at }) =>
    rate.has(currency) ? [[id, `${rate.get(currency)}@${at}`] as const] : [],
  );
  expect(sorted(await lines('rated', data))).toEqual(sorted(rated));

  const pairs = orders.flatMap((order) =>
    payments.flatMap((payment) =>
      payment.order === order.id && payment.at >= order.at && payment.at <= order.at + 5_000
        ? [[order.id, `${order.at}-${payment.at}`] as const]
        : [],
    ),
  );
  expect(sorted(await lines('pairs', data))).toEqual(sorted(pairs));

  const newest = new Map(orders.map((order) => [order.id, order]));
  const paid = new Map(payments.map((payment) => [payment.order, payment.at]));
  const states = [...new Set([...newest.keys(), ...paid.keys()])].map(
    (id) => [id, `${newest.get(id)?.at}/${paid.get(id)}`] as const,
  );
  expect(last(await lines('states', data)).map((line) => line.replace('null', 'undefined'))).toEqual(sorted(states));

  const names = new Map(shops.map(({ id, name }) => [id, name]));
  const named = [...newest.values()].map(({ id, shop, at }) => [id, `${at} ${names.get(shop)}`] as const);
  expect(last(await lines('named', data))).toEqual(sorted(named));
}

test.each([1, 2])('every kind of join, with %i threads, comes out right after every kill', async (threads) => {
  const random = crashRandom(`joins, ${threads} threads`);
  const start = (folder: Folder, file: string) =>
    startMillrace(['run', file, '--data', folder.data, '--threads', String(threads)], {
      cwd: folder.path,
      timeoutMs: 60_000,
    });
  await using first = await tempFolder();
  const undisturbed = await start(first, await write(first)).finished;
  expect(undisturbed.stderr).not.toContain('rror');
  expect(undisturbed.code).toBe(0);
  await check(first.data);

  let kills = 0;
  while (kills < scaled(3)) {
    await using folder = await tempFolder();
    const file = await write(folder);
    const done = await killUntilDone(
      () => start(folder, file),
      () => between(random, undisturbed.elapsedMs * 0.2, undisturbed.elapsedMs * 1.1),
    );
    kills += done.kills;
    await check(folder.data);
  }
});

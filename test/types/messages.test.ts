import { expect, test } from 'vitest';
import { typecheck } from './typecheck.ts';

const program = (line: string) => `
interface Order { readonly id: string; readonly amount: number; readonly customer: string }
const orders = topic('orders', json<Order>());
const byNumber = table('by-number', json<{ name: string }>(), { key: int64 });
const customers = table('customers', json<{ name: string }>());
declare const clicks: SourceConnector<Order>;
const minute = tumbling('1 minute', { grace: 0 });
const near = within('1 minute', { grace: 0 });
${line}`;

/** A wrong program, and a sentence the compiler must say of it. */
const wrong = {
  'source(clicks).pipe(groupByKey());': 'groupByKey() needs a keyed stream: call selectKey() before it',
  'source(clicks).pipe(join(customers, (o) => o));': 'join() needs a keyed stream: call selectKey() before it',
  'source(clicks).pipe(leftJoin(customers, (o) => o));': 'leftJoin() needs a keyed stream: call selectKey() before it',
  'source(clicks).pipe(toTable());': 'toTable() needs a keyed stream: call selectKey() before it',
  "source(clicks).pipe(countWindow(10, { as: 'tens' }));":
    'countWindow() needs a keyed stream: call selectKey() before it',
  "source(clicks).pipe(dedupe({ within: '1 hour' }));": 'dedupe() needs a keyed stream: call selectKey() before it',
  'source(clicks).to(orders);':
    'the stream has no key: call selectKey() before .to(), or declare the topic with { key: noKey }',
  'orders.pipe(window(minute));': 'a stream is grouped first: put groupByKey() or groupBy() before it',
  'orders.pipe(count());': 'a stream is grouped first: put groupByKey() or groupBy() before it',
  'customers.pipe(groupByKey());': `Type '"table"' is not assignable to type '"stream"'`,
  'customers.pipe(countRows());': 'the rows of a table are grouped first: put groupRows() before it',
  "customers.pipe(suppress('windowCloses'));":
    "suppress('windowCloses') needs a windowed table: put window() before the aggregation",
  'orders.pipe(groupByKey(), window(minute), window(minute));':
    'window() is there already: a grouped stream takes one window',
  'orders.pipe(join(byNumber, (o) => o));':
    "join() needs a table with the stream's key type: call selectKey() before it",
  'orders.pipe(join(orders, (a) => a));': 'join() of two streams is within a span of time',
  'source(clicks).pipe(join(orders, near, (a) => a));': 'join() needs a keyed stream: call selectKey() before it',
  'orders.pipe(outerJoin(customers, (a) => a));': `Type '"stream"' is not assignable to type '"table"'`,
  "within('5 minutes');": `Argument of type 'string' is not assignable to parameter of type 'WithinSpan'`,
  "orders.to(topic('x', json<{ missing: string }>()));": "Property 'missing' is missing in type 'Order'",
  "orders.to(topic('x', json<Order>(), { key: int64 }));": `Type 'string' is not assignable to type 'bigint'`,
  "orders.pipe(groupByKey(), window(minute), count(), toStream()).to(topic('x', safeInt64));": `Type 'Windowed<string>' is not assignable to type 'string'`,
  'orders.pipe(selectKey((o) => ({ c: o.customer })));':
    'selectKey() gives a key that is no string: say how it is written',
  'orders.pipe(groupBy((o) => o.amount));': 'groupBy() gives a key that is no string: say how it is written',
  'orders.pipe(mapRecord((o) => ({ key: o.amount, value: o })));':
    'mapRecord() gives a key that is no string: say how it is written',
  'orders.pipe(selectKey((o) => o.amount, { key: utf8 }));': `Type 'Serde<string>' is not assignable to type 'Serde<number>'`,
  "tumbling('1 mintue', { grace: 0 });": `Argument of type '"1 mintue"' is not assignable to parameter of type 'Duration'`,
  "tumbling('1 minute');": 'Expected 2 arguments, but got 1',
  'orders.pipe(filter((o) => o.amuont > 0));':
    "Property 'amuont' does not exist on type 'Order'. Did you mean 'amount'?",
  'orders.pipe(groupByKey(), count()).to(orders);':
    'a table goes on as the stream of its changes: put toStream() before it',
  "job('j', [orders.pipe(filter(() => true))]);": "Type 'KStream<string, Order>' is not assignable to type 'Output'",
  'orders.pipe(split({ rest: () => true }));': `Type '() => boolean' is not assignable to type 'never'`,
};

test('what must not compile does not, and the compiler says why', async () => {
  const said = await typecheck(Object.fromEntries(Object.keys(wrong).map((line) => [line, program(line)])));
  for (const [line, sentence] of Object.entries(wrong)) expect(said[line], line).toContain(sentence);
});

test('the same with the mistake put right compiles', async () => {
  const right = [
    'source(clicks).pipe(selectKey((o) => o.customer), groupByKey(), window(minute), count());',
    'orders.pipe(selectKey((o) => BigInt(o.amount), { key: int64 }), join(byNumber, (o) => o));',
    "orders.to(topic('x', json<{ id: string }>()));",
    "orders.pipe(groupByKey(), window(minute), count(), toStream()).to(topic('x', safeInt64, { key: windowedKey(utf8, '1 minute') }));",
    'orders.pipe(groupBy((o) => o.amount, { key: float64 }));',
    "job('j', [orders.pipe(filter(() => true)).to(orders), customers]);",
  ];
  const said = await typecheck(Object.fromEntries(right.map((line) => [line, program(line)])));
  expect(said).toEqual(Object.fromEntries(right.map((line) => [line, ''])));
});

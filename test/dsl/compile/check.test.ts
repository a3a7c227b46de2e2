import { pairwise } from 'rxjs';
import { expect, test } from 'vitest';
import type { TopologyIssue } from '../../../dsl/index.ts';
import {
  aggregate,
  aggregateAll,
  aggregator,
  compile,
  count,
  deadLetter,
  describe as describeTopology,
  float64,
  foreignJoin,
  globalTable,
  groupByKey,
  int32,
  int64,
  type JobSettings,
  job,
  join,
  joinGlobal,
  json,
  leftJoin,
  map,
  merge,
  noKey,
  type Output,
  outerJoin,
  reduce,
  rx,
  selectKey,
  session,
  sink,
  source,
  TopologyError,
  table,
  topic,
  toStream,
  toTable,
  tumbling,
  window,
  within,
} from '../../../dsl/index.ts';
import { sinkNamed, sourceNamed, viewNamed } from '../support.ts';

interface Order {
  readonly customer: string;
  readonly amount: number;
}

const orders = topic('orders', json<Order>(), { partitions: 4 });
const customers = table('customers', json<{ name: string }>(), { partitions: 4 });
const out = topic('out', json<unknown>());

function issues(
  outputs: readonly Output[],
  settings: JobSettings = {},
  environment: 'production' | 'development' = 'development',
): readonly TopologyIssue[] {
  try {
    compile(job('shop', outputs, settings), { environment });
    return [];
  } catch (error) {
    if (error instanceof TopologyError) return error.issues;
    throw error;
  }
}

const codes = (...given: Parameters<typeof issues>) => issues(...given).map(({ code }) => code);

test('a job without outputs', () => {
  expect(codes([])).toEqual(['NO_OUTPUT']);
});

test('two stores of one name, also that of a table', () => {
  expect(issues([orders.pipe(groupByKey(), count({ as: 'customers' })), customers])).toMatchInlineSnapshot(`
    [
      {
        "code": "DUPLICATE_STORE",
        "message": "its store 'customers' is that of customers too; choose another name with { as }",
        "place": "orders → groupByKey → count",
      },
    ]
  `);
});

test('state without a name where names are required: said by the job, or in production', () => {
  const unnamed = [orders.pipe(groupByKey(), count()), orders.pipe(toTable()), customers];
  expect(codes(unnamed)).toEqual([]);
  expect(codes(unnamed, { names: 'required' })).toEqual(['UNNAMED_STORE', 'UNNAMED_STORE']);
  expect(codes(unnamed, {}, 'production')).toEqual(['UNNAMED_STORE', 'UNNAMED_STORE']);
  expect(codes(unnamed, { names: 'derived' }, 'production')).toEqual([]);
});

test('records without a key, in a program the compiler did not see', () => {
  const clicks = source(sourceNamed<Order>('clicks')) as never as typeof orders;
  expect(issues([clicks.pipe(groupByKey(), count({ as: 'n' }))])).toMatchInlineSnapshot(`
    [
      {
        "code": "KEY_NEEDS_SERDE",
        "message": "the records have no key here; call selectKey() before",
        "place": "clicks → groupByKey",
      },
    ]
  `);
});

test('records of a topic without keys, in a program the compiler did not see', () => {
  const lines = topic('lines', json<Order>(), { key: noKey }) as never as typeof orders;
  expect(codes([lines.pipe(toTable({ as: 'n' }))])).toEqual(['KEY_NEEDS_SERDE']);
});

test('the topics whose partitions differ are named, also in a chain of joins (C7)', () => {
  const shops = table('shops', json<{ name: string }>(), { partitions: 6 });
  const found = issues([
    orders
      .pipe(
        join(customers, (o) => o),
        leftJoin(shops, (o) => o),
      )
      .to(out),
  ]);
  expect(found).toHaveLength(1);
  expect(found[0]).toMatchObject({ code: 'NOT_CO_PARTITIONED', place: 'orders → join → leftJoin' });
  expect(found[0]!.message).toContain("'orders' has 4 partitions and 'shops' 6");
});

test('two streams, and two tables, have their partitions alike; a foreign join and a global table do not care', () => {
  const six = { partitions: 6 };
  const payments = topic('payments', json<Order>(), six);
  const shops = table('shops', json<{ name: string }>(), six);
  const rates = globalTable('rates', json<number>(), { partitions: 1 });
  const near = within('1 minute', { grace: 0 });
  const messages = (output: Output) => issues([output]).map(({ code, message }) => `${code} ${message.split(';')[0]}`);
  expect(messages(orders.pipe(join(payments, near, (order) => order)).to(out))).toEqual([
    "NOT_CO_PARTITIONED 'orders' has 4 partitions and 'payments' 6",
  ]);
  expect(messages(customers.pipe(outerJoin(shops, (customer) => customer)))).toEqual([
    "NOT_CO_PARTITIONED 'customers' has 4 partitions and 'shops' 6",
  ]);
  const nameOf = ({ name }: { readonly name: string }) => name;
  expect(messages(customers.pipe(foreignJoin(shops, nameOf, (customer) => customer)))).toEqual([]);
  expect(
    messages(
      orders
        .pipe(
          joinGlobal(
            rates,
            ({ customer }) => customer,
            (order) => order,
          ),
        )
        .to(out),
    ),
  ).toEqual([]);
  const rekeyed = payments.pipe(selectKey(({ customer }) => customer));
  expect(messages(orders.pipe(join(rekeyed, near, (order) => order)).to(out))).toEqual([]);
});

test('a stream that was rekeyed once is repartitioned once, however many joins need it (C8)', () => {
  const rekeyed = orders.pipe(selectKey(({ customer }) => customer));
  const near = within('1 minute', { grace: 0 });
  const payments = topic('payments', json<Order>(), { partitions: 4 });
  const topology = compile(
    job('j', [
      rekeyed.pipe(join(customers, (order) => order)).to(out),
      rekeyed.pipe(leftJoin(payments, near, (order) => order, { as: 'paid' })).to(out),
    ]),
  );
  expect(topology.internalTopics.map(({ name }) => name)).toEqual([
    'j-paid-left-repartition',
    'j-paid-changelog',
    'j-paid-unmatched-changelog',
  ]);
});

test('partitions that are not said are not compared; a rekeyed stream fits any table', () => {
  const shops = table('shops', json<{ name: string }>(), { partitions: 6 });
  const open = table('open', json<{ name: string }>());
  expect(codes([orders.pipe(join(open, (o) => o)).to(out)])).toEqual([]);
  expect(
    codes([
      orders
        .pipe(
          selectKey((o) => o.customer),
          join(shops, (o) => o),
        )
        .to(out),
    ]),
  ).toEqual([]);
});

test('keys that are written differently do not meet', () => {
  const byNumber = table('by-number', json<{ name: string }>(), { key: int32 });
  const rekeyed = orders.pipe(selectKey((o) => o.amount, { key: float64 }));
  expect(
    issues([
      rekeyed.pipe(
        join(byNumber, (o) => o),
        sink(sinkNamed('s')),
      ),
    ]),
  ).toMatchInlineSnapshot(`
    [
      {
        "code": "NOT_CO_PARTITIONED",
        "message": "keys are written as float64 on one side (orders) and as int32 on the other (by-number), so equal keys are in different partitions; give selectKey() the other side's serde with { key }",
        "place": "orders → selectKey → join",
      },
    ]
  `);
  const alike = orders.pipe(selectKey((o) => o.amount, { key: int32 }));
  expect(
    codes([
      alike.pipe(
        join(byNumber, (o) => o),
        sink(sinkNamed('s')),
      ),
    ]),
  ).toEqual([]);
});

test('merged topics have their partitions alike', () => {
  const other = topic('other', json<Order>(), { partitions: 3 });
  expect(codes([orders.pipe(merge(other)).to(out)])).toEqual(['NOT_CO_PARTITIONED']);
});

test('what is not certain to happen once, under exactlyOnce', () => {
  const outputs = [
    orders.pipe(rx(pairwise()), sink(sinkNamed('a'))),
    source(sourceNamed<Order>('s', { replayable: false }))
      .pipe(selectKey((o) => o.customer))
      .to(orders),
    orders.pipe(sink(sinkNamed('b', 'repeats'))),
  ];
  expect(codes(outputs)).toEqual([]);
  expect(codes(outputs, { guarantee: 'exactlyOnce' }).sort()).toEqual([
    'RX_UNDER_EXACTLY_ONCE',
    'SINK_REPEATS',
    'SOURCE_NOT_REPLAYABLE',
  ]);
  expect(codes([orders.pipe(rx.stateless(pairwise()), sink(sinkNamed('a')))], { guarantee: 'exactlyOnce' })).toEqual(
    [],
  );
});

test('a view of what is no topic', () => {
  const { node } = orders.pipe(map((o) => o.amount));
  const view = { kind: 'sink', node: { kind: 'view', parent: node, connector: viewNamed('v') } } as const;
  expect(codes([view])).toEqual(['VIEW_NEEDS_TOPIC']);
});

test('a topic declared twice, unless both say the same', () => {
  const read = (again: typeof orders) => codes([orders.to(out), again.pipe(map((o) => o)).to(out)]);
  expect(read(topic('orders', json<Order>(), { partitions: 4 }))).toEqual([]);
  expect(read(topic('orders', json<Order>(), { partitions: 5 }))).toEqual(['TOPIC_TWICE']);
  expect(read(topic('orders', json<Order>(), { partitions: 4, timestamp: (o) => o.amount }))).toEqual(['TOPIC_TWICE']);
  expect(read(topic('orders', json<Order>(), { partitions: 4, retention: '1 day' }))).toEqual(['TOPIC_TWICE']);
  expect(codes([orders.to(out), table('orders', json<Order>(), { partitions: 4 })])).toEqual(['TOPIC_TWICE']);
});

test('two sources of one name would share their offsets', () => {
  const twice = ['a', 'a'].map((name) => source(sourceNamed<Order>(name)).pipe(sink(sinkNamed('s'))));
  expect(codes(twice)).toEqual(['SOURCE_TWICE']);
});

test('a source cannot be merged with a topic, which has a task a partition', () => {
  const lines = source(sourceNamed('lines'));
  const wrong = [
    topic('a', json<unknown>(), { key: noKey })
      .pipe(merge(lines))
      .to(topic('b', json<unknown>(), { key: noKey })),
  ];
  expect(codes(wrong)).toEqual(['SOURCE_MERGED']);
  const other = source(sourceNamed('other lines'));
  expect(codes([lines.pipe(merge(other)).to(topic('b', json<unknown>(), { key: noKey }))])).toEqual([]);
});

test('a job does not read its own dead letters', () => {
  const dead = topic('dead', json<unknown>(), { key: noKey });
  const read = [dead.to(topic('again', json<unknown>(), { key: noKey }))];
  expect(codes(read)).toEqual([]);
  expect(codes(read, { onError: { process: deadLetter('dead') } })).toEqual(['DEAD_LETTER_READ']);
});

test('a windowed table is no side of a join', () => {
  const perDay = orders.pipe(groupByKey(), window(tumbling('1 day', { grace: 0 })), count({ as: 'n' }));
  const joined = orders.pipe(join(perDay as never, (o: Order) => o)) as typeof orders;
  expect(codes([joined.pipe(sink(sinkNamed('s')))])).toContain('WINDOWED_JOIN');
});

test('a topic written from what is read from it: directly, and by way of another', () => {
  expect(codes([orders.pipe(map((o) => o)).to(orders)])).toEqual(['CYCLE']);
  const other = topic('other', json<Order>());
  expect(codes([orders.to(other), other.pipe(map((o) => o)).to(orders)])).toEqual(['CYCLE', 'CYCLE']);
  const known = table('known', json<Order>(), { partitions: 4 });
  expect(codes([orders.pipe(join(known, (o) => o)).to(known)])).toEqual(['CYCLE']);
});

test('parts that wait for each other without going round', () => {
  const perCustomer = table('per-customer', json<number>(), { partitions: 4 });
  const found = issues([
    orders
      .pipe(
        selectKey((o) => o.customer),
        groupByKey(),
        count({ as: 'n' }),
        toStream(),
      )
      .to(perCustomer),
    orders.pipe(join(perCustomer, (o, n) => ({ o, n }))).to(out),
  ]);
  expect(found).toMatchInlineSnapshot(`
    [
      {
        "code": "CYCLE",
        "message": "parts of the job wait for each other by way of these topics, so none comes first; make two jobs of it",
        "place": "orders, per-customer",
      },
    ]
  `);
});

test('a sub-topology may read a topic that it writes, where records do not go round', () => {
  const clean = table('clean', json<Order>(), { partitions: 4 });
  const outputs = [orders.pipe(map((o) => o)).to(clean), orders.pipe(join(clean, (o) => o)).to(out)];
  expect(codes(outputs)).toEqual([]);
  expect(compile(job('shop', outputs)).subTopologies.map(({ upstream }) => upstream)).toEqual([[]]);
});

test('names that Kafka refuses', () => {
  const bad = topic('bad topic', json<Order>(), { key: int64 });
  expect(
    issues([
      orders.pipe(
        groupByKey(),
        reduce((a) => a, { as: 'a/b' }),
      ),
      orders.pipe(selectKey((o) => BigInt(o.amount), { key: int64, as: 'é' })).to(bad),
      orders.pipe(
        selectKey((o) => o.customer, { as: '..' }),
        groupByKey(),
        count({ as: 'n' }),
      ),
    ]).map(({ code, place }) => [code, place]),
  ).toEqual([
    ['BAD_NAME', "topic 'bad topic'"],
    ['BAD_NAME', "store 'a/b'"],
    ['BAD_NAME', "repartition topic '..'"],
  ]);
});

test('sessions of what has no way to be merged', () => {
  const grouped = orders.pipe(groupByKey(), window(session({ gap: '1 minute', grace: 0 })));
  const total = (merge?: (a: number, b: number) => number) =>
    aggregate(
      () => 0,
      (sum: number, order: Order) => sum + order.amount,
      { as: 'total', ...(merge === undefined ? {} : { merge }) },
    );
  expect(codes([grouped.pipe(total((a, b) => a + b))])).toEqual([]);
  expect(issues([grouped.pipe(total())])).toMatchInlineSnapshot(`
    [
      {
        "code": "SESSION_NEEDS_MERGE",
        "message": "sessions grow together, and it has no way to make one state of two; give { merge: (earlier, later) => … }",
        "place": "orders → groupByKey → window → aggregate",
      },
    ]
  `);
  const mine = aggregator({ initial: () => 0, add: (n: number, _: Order) => n + 1, result: null });
  expect(codes([grouped.pipe(aggregateAll({ n: count(), mine }, { as: 'all' }))])).toEqual(['SESSION_NEEDS_MERGE']);
  expect(codes([grouped.pipe(aggregateAll({ n: count() }, { as: 'all' }))])).toEqual([]);
});

test('the topic of late records is one of the job, made and described as such', () => {
  const late = topic('late', json<Order>(), { partitions: 4 });
  const windowed = orders.pipe(groupByKey(), window(tumbling('1 minute', { grace: 0 }), { late }), count({ as: 'n' }));
  const topology = compile(job('shop', [windowed]));
  expect(topology.topics.map(({ name }) => name)).toContain('late');
  expect(describeTopology(topology)).toContain('count n → late → to late');
  expect(codes([windowed, late.to(orders)])).toEqual(['CYCLE', 'CYCLE']);
});

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { nameFault } from '../../../dsl/compile/names.ts';
import type { KStream } from '../../../dsl/index.ts';
import {
  compile,
  count,
  describe as describeTopology,
  filter,
  groupBy,
  groupByKey,
  job,
  join,
  json,
  map,
  reduce,
  selectKey,
  sink,
  source,
  TopologyError,
  table,
  tap,
  topic,
  toTable,
} from '../../../dsl/index.ts';
import { namesOf, sinkNamed, sourceNamed } from '../support.ts';

interface Order {
  readonly customer: string;
  readonly amount: number;
}

const orders = topic('orders', json<Order>());
const customers = table('customers', json<{ name: string }>());

/** One program, with something of no state put in at six places. */
function program(insert: (at: number) => (stream: KStream<string, Order>) => KStream<string, Order>) {
  const byCustomer = orders.pipe(
    insert(0),
    selectKey((order) => order.customer),
    insert(1),
  );
  return job('shop', [
    orders.pipe(insert(2), groupByKey(), count()),
    orders.pipe(insert(3), groupByKey(), count()),
    byCustomer.pipe(
      insert(4),
      groupByKey(),
      reduce((a) => a),
    ),
    byCustomer.pipe(
      join(customers, (order) => order),
      toTable(),
    ),
    byCustomer.pipe(groupByKey(), count({ as: 'named' })),
    orders.pipe(
      insert(5),
      groupBy((order) => order.customer),
      count(),
    ),
  ]);
}

const inserts: readonly ((stream: KStream<string, Order>) => KStream<string, Order>)[] = [
  (stream) => stream,
  (stream) => stream.pipe(filter((order) => order.amount > 0)),
  (stream) => stream.pipe(map((order) => order)),
  (stream) =>
    stream.pipe(
      tap(() => undefined),
      map((order) => ({ ...order })),
      filter(() => true),
    ),
];

test('derived names come from the place', () => {
  expect(namesOf(compile(program(() => (stream) => stream)))).toMatchInlineSnapshot(`
    {
      "stores": [
        "customers",
        "named",
        "orders-count",
        "orders-count-2",
        "orders-count-4",
        "orders-reduce",
        "orders-toTable",
      ],
      "topics": [
        "shop-named-changelog",
        "shop-named-repartition",
        "shop-orders-count-2-changelog",
        "shop-orders-count-4-changelog",
        "shop-orders-count-changelog",
        "shop-orders-groupBy-repartition",
        "shop-orders-reduce-changelog",
        "shop-orders-toTable-changelog",
      ],
    }
  `);
});

test('an operator without state, put in anywhere, changes no name (C36)', () => {
  const before = namesOf(compile(program(() => (stream) => stream)));
  fc.assert(
    fc.property(fc.array(fc.nat(inserts.length - 1), { minLength: 6, maxLength: 6 }), (chosen) => {
      const after = namesOf(compile(program((at) => inserts[chosen[at]!]!)));
      expect(after.stores).toEqual(before.stores);
      // At 4 the stream is no more the one that was shared, so it gets a topic of its own beside it.
      if (chosen[4] === 0) expect(after.topics).toEqual(before.topics);
      else expect(after.topics).toEqual(expect.arrayContaining(before.topics));
    }),
  );
});

test('an output added behind, or one under another source, changes no name of those before (C36)', () => {
  const one = orders.pipe(groupByKey(), count());
  const before = namesOf(compile(job('shop', [one])));
  const returns = topic('returns', json<Order>());
  const after = namesOf(
    compile(job('shop', [returns.pipe(groupByKey(), count()), one, orders.pipe(groupByKey(), count())])),
  );
  expect(after.stores).toEqual(['orders-count', 'orders-count-2', 'returns-count']);
  expect(after.topics).toEqual(expect.arrayContaining(before.topics));
});

test('naming a store leaves the derived names of others as they were', () => {
  const names = (as?: string) =>
    namesOf(
      compile(
        job('shop', [
          orders.pipe(groupByKey(), count(as === undefined ? {} : { as })),
          orders.pipe(groupByKey(), count()),
        ]),
      ),
    ).stores;
  expect(names()).toEqual(['orders-count', 'orders-count-2']);
  expect(names('named')).toEqual(['named', 'orders-count-2']);
});

test('a repartition topic is named at selectKey(), else after the first named store behind it', () => {
  const topics = (as?: string) => {
    const rekeyed = orders.pipe(selectKey((order) => order.customer, as === undefined ? {} : { as }));
    const outputs = [
      rekeyed.pipe(
        join(customers, (order) => order),
        sink(sinkNamed('s')),
      ),
      rekeyed.pipe(groupByKey(), count({ as: 'n' })),
      rekeyed.pipe(
        groupByKey(),
        reduce((a) => a, { as: 'm' }),
      ),
    ];
    return compile(job('shop', outputs)).internalTopics.filter(({ purpose }) => purpose === 'repartition');
  };
  expect(topics().map(({ name }) => name)).toEqual(['shop-n-repartition']);
  expect(topics('by-customer').map(({ name }) => name)).toEqual(['shop-by-customer-repartition']);
});

test('two streams behind one named selectKey() have two repartition topics', () => {
  const rekeyed = orders.pipe(selectKey((order) => order.customer, { as: 'by-customer' }));
  const topology = compile(
    job('shop', [
      rekeyed.pipe(groupByKey(), count({ as: 'a' })),
      rekeyed.pipe(
        filter((order) => order.amount > 0),
        groupByKey(),
        count({ as: 'b' }),
      ),
      rekeyed.pipe(
        filter((order) => order.amount < 0),
        groupByKey(),
        count({ as: 'c' }),
      ),
    ]),
  );
  expect(topology.internalTopics.filter(({ purpose }) => purpose === 'repartition').map(({ name }) => name)).toEqual([
    'shop-by-customer-repartition',
    'shop-by-customer.2-repartition',
    'shop-by-customer.3-repartition',
  ]);
});

test('a name given at groupBy() stays when an unnamed one by the same function comes before', () => {
  const customer = (order: Order) => order.customer;
  const named = orders.pipe(groupBy(customer, { as: 'by-customer' }), count({ as: 'x' }));
  const before = orders.pipe(groupBy(customer), count({ as: 'y' }));
  expect(namesOf(compile(job('shop', [named]))).topics).toContain('shop-by-customer-repartition');
  expect(namesOf(compile(job('shop', [before, named]))).topics).toContain('shop-by-customer-repartition');
});

test('a topic of two streams behind one selectKey() is not that of another', () => {
  const one = orders.pipe(selectKey((order) => order.customer, { as: 'a' }));
  const other = orders.pipe(selectKey(({ amount }) => String(amount), { as: 'a.2' }));
  const program = job('shop', [
    other.pipe(groupByKey(), count({ as: 'x' })),
    one.pipe(groupByKey(), count({ as: 'y' })),
    one.pipe(
      filter((order) => order.amount > 0),
      groupByKey(),
      count({ as: 'z' }),
    ),
  ]);
  expect(() => compile(program)).toThrow("'a.2' names the repartition topic of orders → selectKey too");
});

test('a connector may be called what it likes: derived names keep to the rules of topics', () => {
  const program = job('shop', [
    source(sourceNamed<Order>('csv:/données/été 2024.csv')).pipe(
      groupBy((order) => order.customer),
      count(),
    ),
  ]);
  for (const name of [...namesOf(compile(program)).stores, ...namesOf(compile(program)).topics]) {
    expect(nameFault(name)).toBe(null);
  }
});

test.each([
  ['orders', null],
  ['A-Z_0.9', null],
  ['', 'is empty'],
  ['..', "may not be '.' or '..'"],
  ['two words', "may have letters, digits, '.', '_' and '-' only"],
  ['é', "may have letters, digits, '.', '_' and '-' only"],
  ['x'.repeat(249), null],
  ['x'.repeat(250), 'has 250 characters, at most 249 are taken'],
])('the name %j: %j', (name, fault) => {
  expect(nameFault(name)).toBe(fault);
});

test('a name that is too long with prefix and suffix is an issue', () => {
  const program = job('j', [orders.pipe(groupByKey(), count({ as: 'x'.repeat(245) }))]);
  expect(() => compile(program)).toThrow(TopologyError);
  expect(() => describeTopology(compile(program))).toThrow(
    /BAD_NAME at internal topic 'j-x{245}-changelog': the name has 257/,
  );
});

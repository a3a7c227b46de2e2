// What operators infer and what they refuse. tsc checks it all; the tests run as well, since declaring has no effects.
import { bufferTime, debounceTime, pairwise, map as rxMap } from 'rxjs';
import { describe, expectTypeOf, test } from 'vitest';
import {
  aggregate,
  aggregateAll,
  collect,
  count,
  type Destination,
  deviation,
  earliest,
  emits,
  filter,
  flatMap,
  float64,
  foreignJoin,
  type Grouped,
  globalTable,
  groupBy,
  groupByKey,
  int64,
  join,
  joinGlobal,
  json,
  type KStream,
  type KTable,
  keyValueStore,
  latest,
  leftForeignJoin,
  leftJoin,
  leftJoinGlobal,
  map,
  mapAsync,
  mapRecord,
  max,
  mean,
  merge,
  min,
  noKey,
  outerJoin,
  process,
  quantile,
  reduce,
  rx,
  type Sink,
  type SourceConnector,
  safeInt64,
  selectKey,
  sessionStore,
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
  view,
  type Windowed,
  window,
  windowedKey,
  windowStore,
  within,
} from '../../dsl/index.ts';
import { sinkNamed, sourceNamed, viewNamed } from '../dsl/support.ts';

interface Order {
  readonly id: string;
  readonly amount: number;
  readonly shop: bigint;
  readonly note: string | null;
}
interface Customer {
  readonly name: string;
}

/** For programs that say at once, also at runtime, that they are wrong. */
const notRun = (_program: () => unknown) => undefined;

const orders = topic('orders', json<Order>());
const customers = table('customers', json<Customer>());
const byShop = table('by-shop', json<Customer>(), { key: int64 });
const clicks = source(sourceNamed<Order>('clicks'));
const minute = tumbling('1 minute', { grace: '10 seconds' });

describe('topics', () => {
  test('a key is a string unless its serde says otherwise', () => {
    expectTypeOf(orders).toExtend<KStream<string, Order>>();
    expectTypeOf(topic('t', json<Order>(), { key: int64 })).toExtend<KStream<bigint, Order>>();
    expectTypeOf(customers).toExtend<KTable<string, Customer>>();
  });

  test('null values are in the type where they are asked for', () => {
    expectTypeOf(topic('t', json<Order>(), { tombstones: 'pass' })).toExtend<KStream<string, Order | null>>();
    // @ts-expect-error value may be null
    topic('t', json<Order>(), { tombstones: 'pass' }).pipe(filter((order) => order.amount > 0));
  });

  test('the time of a record may depend on its value and key', () => {
    topic('t', json<Order>(), {
      key: int64,
      timestamp: (order, { key }) => {
        expectTypeOf(order).toEqualTypeOf<Order>();
        expectTypeOf(key).toEqualTypeOf<bigint>();
        return order.amount;
      },
    });
    // @ts-expect-error a time is a number of milliseconds
    topic('t', json<Order>(), { timestamp: (order) => order.id });
  });

  test('retention is a duration', () => {
    // @ts-expect-error no such unit
    notRun(() => topic('t', utf8, { retention: '7 dyas' }));
  });

  test('a stream of more fits a topic of less, and never the reverse', () => {
    expectTypeOf(topic('less', json<{ id: string }>())).toExtend<Destination<string, Order>>();
    expectTypeOf(orders).not.toExtend<Destination<string, { id: string }>>();
    expectTypeOf(orders.to(topic('less', json<{ id: string }>()))).toEqualTypeOf<Sink>();
    // @ts-expect-error a field is missing
    orders.to(topic('more', json<Order & { more: string }>()));
    // @ts-expect-error keys are bigints there
    orders.to(topic('t', json<Order>(), { key: int64 }));
  });

  test('a null value is a tombstone anywhere', () => {
    expectTypeOf(orders).toExtend<Destination<string, Order | null>>();
    orders.pipe(map((order) => order.note)).to(topic('notes', utf8));
  });
});

describe('values', () => {
  test('functions know value and key', () => {
    expectTypeOf(
      orders.pipe(
        filter((order, { key }) => key === order.id),
        map((order, { key }) => [key, order.amount] as const),
      ),
    ).toEqualTypeOf<KStream<string, readonly [string, number]>>();
    // @ts-expect-error no such field
    orders.pipe(filter((order) => order.amuont > 0));
  });

  test('type guards narrow, also inferred ones', () => {
    const notes = orders.pipe(
      map((order) => order.note),
      filter((note) => note !== null),
    );
    expectTypeOf(notes).toEqualTypeOf<KStream<string, string>>();
  });

  test('the others keep the key', () => {
    expectTypeOf(orders.pipe(flatMap((order) => [order.id, order.amount]))).toEqualTypeOf<
      KStream<string, string | number>
    >();
    expectTypeOf(orders.pipe(tap((order) => void order.id))).toEqualTypeOf<KStream<string, Order>>();
    expectTypeOf(orders.pipe(mapAsync(async (order) => order.amount, { order: 'any' }))).toEqualTypeOf<
      KStream<string, number>
    >();
    // @ts-expect-error a promise is needed
    orders.pipe(mapAsync((order) => order.amount));
    orders.pipe(
      mapAsync(
        async (order, _, signal) => {
          expectTypeOf(signal).toEqualTypeOf<AbortSignal>();
          return order;
        },
        { timeout: '1 second', retry: { times: 3, first: '1 second', when: (error) => error instanceof Error } },
      ),
    );
    // @ts-expect-error no such unit
    notRun(() => mapAsync(async (order: Order) => order, { timeout: '1 sec' }));
    // @ts-expect-error how often is said
    notRun(() => mapAsync(async (order: Order) => order, { retry: {} }));
  });

  test('merge() adds up values of one type of key', () => {
    const numbers = topic('numbers', float64);
    expectTypeOf(orders.pipe(merge(numbers))).toEqualTypeOf<KStream<string, Order | number>>();
    // @ts-expect-error keys are bigints there
    orders.pipe(merge(topic('t', json<Order>(), { key: int64 })));
  });

  test('split() gives a stream for each predicate and the rest', () => {
    const branches = orders.pipe(
      split({
        large: (order) => order.amount > 1_000,
        noted: (order): order is Order & { readonly note: string } => order.note !== null,
      }),
    );
    expectTypeOf(branches.large).toEqualTypeOf<KStream<string, Order>>();
    expectTypeOf(branches.noted.pipe(map((order) => order.note.length))).toEqualTypeOf<KStream<string, number>>();
    expectTypeOf(branches.rest).toEqualTypeOf<KStream<string, Order>>();
    // @ts-expect-error no such branch
    branches.small;
    // @ts-expect-error rest is what is left
    orders.pipe(split({ rest: () => true }));
  });

  test('rx() takes operators of RxJS over the values', () => {
    const steps = orders.pipe(
      rx(
        rxMap((order) => order.amount),
        pairwise(),
        rxMap(([a, b]) => b - a),
      ),
    );
    expectTypeOf(steps).toEqualTypeOf<KStream<string, number>>();
    expectTypeOf(orders.pipe(rx((time) => debounceTime(1_000, time)))).toEqualTypeOf<KStream<string, Order>>();
    expectTypeOf(
      orders.pipe(
        rx(
          (time) => bufferTime(1_000, time),
          rxMap((all) => all.length),
        ),
      ),
    ).toEqualTypeOf<KStream<string, number>>();
    orders.pipe(
      rx(
        rxMap((order) => order.amount),
        // @ts-expect-error numbers have no length
        rxMap((amount) => amount.length),
      ),
    );
  });

  test('operators of a person’s own are functions', () => {
    const noted = <K, V extends { readonly note: string | null }>(stream: KStream<K, V>) =>
      stream.pipe(filter((value) => value.note !== null));
    expectTypeOf(
      orders.pipe(
        noted,
        map((order) => order.amount),
      ),
    ).toEqualTypeOf<KStream<string, number>>();
    // @ts-expect-error numbers have no note
    topic('numbers', float64).pipe(noted);
  });
});

describe('keys', () => {
  test('a source has none', () => {
    expectTypeOf(clicks).toEqualTypeOf<KStream<null, Order>>();
    // @ts-expect-error groupByKey() needs a keyed stream
    clicks.pipe(groupByKey());
    // @ts-expect-error join() needs a keyed stream
    clicks.pipe(join(customers, (order) => order));
    // @ts-expect-error leftJoin() needs a keyed stream
    clicks.pipe(leftJoin(customers, (order) => order));
    // @ts-expect-error toTable() needs a keyed stream
    clicks.pipe(toTable());
    // @ts-expect-error a topic with keys takes none without
    clicks.to(orders);
  });

  test('a topic may have none', () => {
    const lines = topic('lines', utf8, { key: noKey });
    expectTypeOf(lines).toExtend<KStream<null, string>>();
    expectTypeOf(clicks.pipe(map((order) => order.id)).to(lines)).toEqualTypeOf<Sink>();
    // @ts-expect-error groupByKey() needs a keyed stream
    lines.pipe(groupByKey());
    // @ts-expect-error these have keys
    orders.pipe(map((order) => order.id)).to(lines);
  });

  test('strings need no serde, all others bring theirs', () => {
    expectTypeOf(clicks.pipe(selectKey((order) => order.id))).toEqualTypeOf<KStream<string, Order>>();
    expectTypeOf(clicks.pipe(selectKey((order) => order.shop, { key: int64 }))).toEqualTypeOf<KStream<bigint, Order>>();
    expectTypeOf(clicks.pipe(mapRecord((order) => ({ key: order.id, value: 1 })))).toEqualTypeOf<
      KStream<string, number>
    >();
    expectTypeOf(clicks.pipe(groupBy((order) => order.amount, { key: float64 }))).toEqualTypeOf<
      Grouped<number, Order, number>
    >();
    // @ts-expect-error a bigint has several encodings
    clicks.pipe(selectKey((order) => order.shop));
    // @ts-expect-error an object has more
    clicks.pipe(selectKey((order) => ({ id: order.id })));
    // @ts-expect-error a number has several
    clicks.pipe(groupBy((order) => order.amount));
    // @ts-expect-error also here
    clicks.pipe(mapRecord((order) => ({ key: order.amount, value: 1 })));
    // @ts-expect-error utf8 writes strings
    clicks.pipe(selectKey((order) => order.shop, { key: utf8 }));
  });

  test('a key may be null until it is grouped', () => {
    const byNote = clicks.pipe(selectKey((order) => order.note));
    expectTypeOf(byNote).toEqualTypeOf<KStream<string | null, Order>>();
    expectTypeOf(byNote.pipe(groupByKey())).toEqualTypeOf<Grouped<string, Order, string>>();
  });
});

describe('aggregations', () => {
  const grouped = orders.pipe(groupByKey());

  test('each has its result', () => {
    expectTypeOf(grouped.pipe(count())).toEqualTypeOf<KTable<string, number, number>>();
    expectTypeOf(grouped.pipe(reduce((a, b) => (a.amount > b.amount ? a : b)))).toEqualTypeOf<
      KTable<string, Order, Order>
    >();
    expectTypeOf(
      grouped.pipe(
        aggregate(
          () => 0n,
          (total, order) => total + order.shop,
        ),
      ),
    ).toEqualTypeOf<KTable<string, bigint, bigint>>();
    grouped.pipe(
      aggregate(
        () => 0,
        // @ts-expect-error a number and a string make a string
        (total, order) => total + order.id,
      ),
    );
    grouped.pipe(
      aggregate(
        () => 0,
        (total) => total,
        // @ts-expect-error the state is no string
        { value: utf8 },
      ),
    );
  });

  test('aggregateAll() has a field for each aggregator', () => {
    const all = orders.pipe(
      groupByKey(),
      aggregateAll({
        n: count(),
        meanAmount: mean((order) => order.amount),
        total: sum((order) => order.amount),
        worst: max((order) => (order.note === null ? null : order.amount)),
        firstId: min((order) => order.id),
      }),
      toStream(),
    );
    expectTypeOf(all.pipe(map((row) => row.meanAmount))).toEqualTypeOf<KStream<string, number>>();
    expectTypeOf(all.pipe(map((row) => row.worst))).toEqualTypeOf<KStream<string, number | null>>();
    expectTypeOf(all.pipe(map((row) => row.firstId))).toEqualTypeOf<KStream<string, string>>();
    expectTypeOf(all.pipe(map((row) => row.n + row.total))).toEqualTypeOf<KStream<string, number>>();
    // @ts-expect-error no such field
    grouped.pipe(aggregateAll({ n: sum((order) => order.amuont) }));
    const spread = grouped.pipe(
      aggregateAll({
        p99: quantile(0.99, (order) => order.amount),
        median: quantile(0.5, (order) => (order.note === null ? null : order.amount)),
        jitter: deviation((order) => order.amount),
        opened: earliest((order) => order.note),
        closed: latest((order) => order.shop),
        ids: collect((order) => order.id, { max: 10 }),
      }),
    );
    type Spread = {
      readonly p99: number;
      readonly median: number | null;
      readonly jitter: number;
      readonly opened: string | null;
      readonly closed: bigint;
      readonly ids: readonly string[];
    };
    expectTypeOf(spread).toExtend<KTable<string, Spread, Spread>>();
    // @ts-expect-error there is an order of numbers only
    grouped.pipe(aggregateAll({ p99: quantile(0.99, (order) => order.id) }));
    // @ts-expect-error how many at most is said
    notRun(() => grouped.pipe(aggregateAll({ ids: collect((order) => order.id) })));
  });

  test('only what may be deleted has null among its changes', () => {
    expectTypeOf(grouped.pipe(count(), toStream())).toEqualTypeOf<KStream<string, number>>();
    expectTypeOf(customers.pipe(toStream())).toEqualTypeOf<KStream<string, Customer | null>>();
    expectTypeOf(orders.pipe(toTable(), toStream())).toEqualTypeOf<KStream<string, Order | null>>();
    const cleared = grouped.pipe(
      aggregate(
        (): number | null => 0,
        (n, order) => (order.note ? null : (n ?? 0) + 1),
      ),
    );
    expectTypeOf(cleared).toEqualTypeOf<KTable<string, number, number | null>>();
  });

  test('a window makes a windowed key, once', () => {
    const perMinute = orders.pipe(groupByKey(), window(minute), count());
    expectTypeOf(perMinute).toEqualTypeOf<KTable<Windowed<string>, number, number>>();
    const counts = topic('counts', safeInt64, { key: windowedKey(utf8, '1 minute') });
    expectTypeOf(perMinute.pipe(toStream()).to(counts)).toEqualTypeOf<Sink>();
    // @ts-expect-error the topic has plain keys
    perMinute.pipe(toStream()).to(topic('plain', safeInt64));
    // @ts-expect-error window() is there already
    orders.pipe(groupByKey(), window(minute), window(minute));
    // A windowed key may be grouped, and windowed, again.
    expectTypeOf(perMinute.pipe(toStream(), groupByKey(), window(minute))).toEqualTypeOf<
      Grouped<Windowed<string>, number, Windowed<Windowed<string>>>
    >();
  });

  test('grouping comes first', () => {
    // @ts-expect-error a stream isn't grouped
    orders.pipe(window(minute));
    // @ts-expect-error a stream isn't grouped
    orders.pipe(count());
    // @ts-expect-error a table isn't
    customers.pipe(count());
  });

  test('grace is said', () => {
    // @ts-expect-error how late may a record be?
    notRun(() => tumbling('1 minute'));
    // @ts-expect-error no such unit
    notRun(() => tumbling('1 mintue', { grace: 0 }));
  });
});

describe('joins and ends', () => {
  test('join() has a row, leftJoin() perhaps', () => {
    expectTypeOf(
      orders.pipe(join(customers, (order, customer, { key }) => [key, order.id, customer.name])),
    ).toEqualTypeOf<KStream<string, string[]>>();
    expectTypeOf(orders.pipe(leftJoin(customers, (_, customer) => customer))).toEqualTypeOf<
      KStream<string, Customer | null>
    >();
    // @ts-expect-error keys are bigints there
    orders.pipe(join(byShop, (order) => order));
    expectTypeOf(
      orders.pipe(
        selectKey((order) => order.shop, { key: int64 }),
        join(byShop, (order) => order.id),
      ),
    ).toEqualTypeOf<KStream<bigint, string>>();
  });

  test('an aggregated table is joined like any', () => {
    const counts = orders.pipe(groupByKey(), count());
    expectTypeOf(orders.pipe(join(counts, (order, n) => order.amount / n))).toEqualTypeOf<KStream<string, number>>();
  });

  test('a table is no stream', () => {
    // @ts-expect-error toStream() comes before
    notRun(() => orders.pipe(groupByKey(), count()).to(topic('t', safeInt64)));
    // @ts-expect-error toStream() comes before
    customers.pipe(filter(() => true));
  });

  test('sinks and views take what they know', () => {
    expectTypeOf(orders.pipe(sink(sinkNamed<string, Order>('s')))).toEqualTypeOf<Sink>();
    expectTypeOf(orders.pipe(sink(sinkNamed<unknown, unknown>('any')))).toEqualTypeOf<Sink>();
    // @ts-expect-error it takes numbers
    orders.pipe(sink(sinkNamed<string, number>('s')));
    expectTypeOf(orders.pipe(view(viewNamed<string, Order>('v')))).toEqualTypeOf<Sink>();
    expectTypeOf(customers.pipe(view(viewNamed<unknown, Customer>('v')))).toEqualTypeOf<Sink>();
    // @ts-expect-error it shows numbers
    orders.pipe(view(viewNamed<string, number>('v')));
    orders.pipe(
      // @ts-expect-error only a topic can be viewed
      filter(() => true),
      view(viewNamed<string, Order>('v')),
    );
  });

  test('a source of a subtype is a source', () => {
    expectTypeOf(source(sourceNamed<Order>('s') as SourceConnector<Customer | Order>)).toEqualTypeOf<
      KStream<null, Customer | Order>
    >();
  });
});

describe('joins of two streams, and of two tables', () => {
  const payments = topic('payments', json<{ paid: number }>());
  const near = within('5 minutes', { grace: '30 seconds' });
  const accounts = table('accounts', json<{ balance: number }>());

  test('a side that may be missing is null in the type', () => {
    expectTypeOf(
      orders.pipe(
        join(payments, near, (order, payment, { key }) => {
          expectTypeOf(order).toEqualTypeOf<Order>();
          expectTypeOf(payment).toEqualTypeOf<{ paid: number }>();
          expectTypeOf(key).toEqualTypeOf<string>();
          return order.amount - payment.paid;
        }),
      ),
    ).toEqualTypeOf<KStream<string, number>>();
    orders.pipe(leftJoin(payments, near, (order, payment) => order.amount - (payment?.paid ?? 0)));
    orders.pipe(outerJoin(payments, near, (order, payment) => (order?.amount ?? 0) - (payment?.paid ?? 0)));
    // @ts-expect-error there may be no payment
    orders.pipe(leftJoin(payments, near, (order, payment) => order.amount - payment.paid));
    // @ts-expect-error there may be no order
    orders.pipe(outerJoin(payments, near, (order, payment) => order.amount - (payment?.paid ?? 0)));
  });

  test('a table with a table is a table', () => {
    const joined = customers.pipe(join(accounts, ({ name }, { balance }) => ({ name, balance }), { as: 'both' }));
    expectTypeOf(joined).toEqualTypeOf<KTable<string, { name: string; balance: number }>>();
    expectTypeOf(customers.pipe(outerJoin(accounts, (customer, account) => customer?.name ?? account))).toExtend<
      KTable<string, string | { balance: number } | null>
    >();
    customers.pipe(leftJoin(accounts, ({ name }, account) => `${name}: ${account?.balance ?? 0}`));
    // @ts-expect-error a table keyed by bigints
    notRun(() => customers.pipe(join(byShop, (customer) => customer)));
  });

  test('a stream needs a span of time, with a grace', () => {
    // @ts-expect-error a stream is no table
    notRun(() => orders.pipe(join(payments, (order) => order)));
    // @ts-expect-error no grace
    notRun(() => within('5 minutes'));
    // @ts-expect-error no before
    notRun(() => within({ after: '5 minutes', grace: 0 }));
    // @ts-expect-error a stream with a table has no outer join
    notRun(() => orders.pipe(outerJoin(accounts, (order) => order)));
    // @ts-expect-error clicks have no key
    notRun(() => clicks.pipe(join(payments, near, (order) => order)));
  });
});

describe('global tables', () => {
  const rates = globalTable('rates', json<{ rate: number }>());

  test('need no key of the stream, and a key of their own', () => {
    expectTypeOf(
      clicks.pipe(
        joinGlobal(
          rates,
          (order) => order.id,
          (order, { rate }) => order.amount * rate,
        ),
      ),
    ).toEqualTypeOf<KStream<null, number>>();
    orders.pipe(
      leftJoinGlobal(
        rates,
        (order) => order.note,
        (order, row) => order.amount * (row?.rate ?? 1),
      ),
    );
    notRun(() =>
      orders.pipe(
        joinGlobal(
          rates,
          // @ts-expect-error its keys are strings
          ({ shop }) => shop,
          ({ id }) => id,
        ),
      ),
    );
    // @ts-expect-error a table of one partition a task is no global one
    notRun(() => orders.pipe(joinGlobal(customers, String, String)));
    // @ts-expect-error there may be no row
    notRun(() => orders.pipe(leftJoinGlobal(rates, String, (_, row) => row.rate)));
    // @ts-expect-error a global table is no table of a task
    notRun(() => orders.pipe(join(rates, (order) => order)));
  });
});

describe('foreign joins', () => {
  const placed = table('placed', json<Order>());

  test('take a key of the other table from the value, and keep the own one', () => {
    const named = placed.pipe(
      foreignJoin(
        byShop,
        (order) => order.shop,
        (order, shop) => `${order.id} ${shop.name}`,
        { as: 'named', value: utf8 },
      ),
    );
    expectTypeOf(named).toEqualTypeOf<KTable<string, string>>();
    placed.pipe(
      leftForeignJoin(
        customers,
        (order) => order.note,
        (order, customer) => customer?.name ?? order.id,
      ),
    );
  });

  test('refuse another type of key, a missing row, a stream', () => {
    placed.pipe(
      foreignJoin(
        byShop,
        // @ts-expect-error its keys are bigints
        (order) => order.id,
        (order) => order,
      ),
    );
    placed.pipe(
      leftForeignJoin(
        customers,
        (order) => order.id,
        // @ts-expect-error there may be no customer
        (_, customer) => customer.name,
      ),
    );
    const byId = foreignJoin(
      customers,
      (order: Order) => order.id,
      (order) => order,
    );
    // @ts-expect-error a stream has no rows
    notRun(() => orders.pipe(byId));
  });

  test('the result is written as its serde says', () => {
    customers.pipe(join(placed, ({ name }, { amount }) => `${name} ${amount}`, { as: 'j', value: utf8 }));
    // @ts-expect-error a number is no text
    customers.pipe(join(placed, (_, { amount }) => amount, { as: 'j', value: utf8 }));
  });
});

describe('process', () => {
  const declared = {
    stores: {
      seen: keyValueStore(safeInt64),
      byShop: keyValueStore(utf8, { key: int64 }),
      recent: windowStore(json<Order>(), { size: '1 minute', keep: '1 hour' }),
      visits: sessionStore(float64, { keep: '1 hour' }),
    },
  };

  test('its code knows records, stores and the types that it may send', () => {
    orders.pipe(
      process('p', { ...declared, outputs: emits<{ id: string }>() }, ({ stores, forward }) => (order, record) => {
        expectTypeOf(order).toEqualTypeOf<Order>();
        expectTypeOf(record.key).toEqualTypeOf<string>();
        expectTypeOf(stores.seen.get('a')).toEqualTypeOf<number | undefined>();
        expectTypeOf(stores.byShop.get(1n)).toEqualTypeOf<string | undefined>();
        expectTypeOf(stores.recent.fetch('a', 0, 1)).toEqualTypeOf<readonly (readonly [number, Order])[]>();
        expectTypeOf(stores.visits.find('a', 0, 1)).toEqualTypeOf<readonly (readonly [Windowed<string>, number])[]>();
        forward(order, { key: 'other' });
        // @ts-expect-error keys are strings
        stores.seen.get(1);
        // @ts-expect-error values are numbers
        stores.seen.put('a', 'b');
        // @ts-expect-error another value
        forward({ name: 'x' });
        // @ts-expect-error the stream's keys are strings
        forward(order, { key: 1n });
        // @ts-expect-error there is no such store
        notRun(() => stores.other);
      }),
    );
  });

  test('what comes of it is a stream, several by name, or an end', () => {
    const code = () => () => {};
    expectTypeOf(orders.pipe(process('p', { outputs: emits<Customer>() }, code))).toEqualTypeOf<
      KStream<string, Customer>
    >();
    expectTypeOf(orders.pipe(process('p', { outputs: emits<Customer, bigint>({ key: int64 }) }, code))).toEqualTypeOf<
      KStream<bigint, Customer>
    >();
    const { kept, rekeyed } = orders.pipe(
      process(
        'p',
        { outputs: { kept: emits<Customer>(), rekeyed: emits<number, bigint>({ key: int64 }) } },
        ({ forward }) =>
          (order) => {
            forward.kept({ name: order.id });
            forward.rekeyed(order.amount, { key: order.shop });
            // @ts-expect-error a key of its own has to be said
            notRun(() => forward.rekeyed(order.amount));
            // @ts-expect-error there is no such output
            notRun(() => forward.other(order));
          },
      ),
    );
    expectTypeOf(kept).toEqualTypeOf<KStream<string, Customer>>();
    expectTypeOf(rekeyed).toEqualTypeOf<KStream<bigint, number>>();
    expectTypeOf(orders.pipe(process('p', declared, code))).toEqualTypeOf<Sink>();
  });

  test('every timer has its function, and one that is no duration is refused', () => {
    const every = { flush: { streamTime: '1 minute' }, report: { wallClock: '10 seconds' } } as const;
    orders.pipe(
      process('p', { every }, () => ({
        process: (order) => expectTypeOf(order).toEqualTypeOf<Order>(),
        every: { flush: () => {}, report: async (nowMs) => expectTypeOf(nowMs).toEqualTypeOf<number>() },
      })),
    );
    // @ts-expect-error a function for 'report' is missing
    orders.pipe(process('p', { every }, () => ({ process: () => {}, every: { flush: () => {} } })));
    // @ts-expect-error with timers setup gives all functions by name
    orders.pipe(process('p', { every }, () => () => {}));
    orders.pipe(
      process('p', { every, once: { overdue: 'streamTime' } }, ({ once }) => ({
        process: (order, { key }) => once.overdue.set(key, order.amount),
        every: { flush: () => {}, report: () => {} },
        once: {
          overdue(key, whenMs) {
            expectTypeOf(key).toEqualTypeOf<string>();
            expectTypeOf(whenMs).toEqualTypeOf<number>();
            // @ts-expect-error keys are strings
            once.overdue.clear(1);
          },
        },
      })),
    );
    // @ts-expect-error a function for 'overdue' is missing
    orders.pipe(process('p', { once: { overdue: 'streamTime' } }, () => ({ process: () => {}, once: {} })));
    // @ts-expect-error there is no such time
    notRun(() => orders.pipe(process('p', { once: { overdue: 'eventTime' } }, (() => {}) as never)));
    // @ts-expect-error no such unit
    notRun(() => orders.pipe(process('p', { every: { flush: { streamTime: '1 mintue' } } }, (() => {}) as never)));
  });
});

describe('generic operators of one’s own', () => {
  test('group and join by a key of which they know at least that it is a string', () => {
    const countPerKey = <K extends string, V>(stream: KStream<K, V>) => stream.pipe(groupByKey<string, V>(), count());
    expectTypeOf(orders.pipe(countPerKey)).toEqualTypeOf<KTable<string, number, number>>();
    const named = <K extends string, V extends Order>(given: KStream<K, V>) => {
      const stream: KStream<string, V> = given;
      return stream.pipe(join(customers, (order, { name }) => ({ ...order, name })));
    };
    expectTypeOf(
      orders.pipe(
        named,
        map(({ name }) => name),
      ),
    ).toEqualTypeOf<KStream<string, string>>();
    // @ts-expect-error a stream without a key
    notRun(() => clicks.pipe(countPerKey));
  });

  test('choose a key, keep one, and send a stream on', () => {
    const perId = <K, V extends Order>(stream: KStream<K, V>) =>
      stream.pipe(
        selectKey((order) => order.id),
        groupByKey(),
        count(),
      );
    expectTypeOf(clicks.pipe(perId)).toEqualTypeOf<KTable<string, number, number>>();
    const store = <K extends string>(stream: KStream<K, Order>) => stream.to(topic('copies', json<Order>()));
    expectTypeOf(store(orders)).toEqualTypeOf<Sink>();
    // @ts-expect-error a stream without a key
    notRun(() => store(clicks));
  });
});

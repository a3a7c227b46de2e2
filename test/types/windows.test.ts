// What windows infer and what they refuse. tsc checks it all; the tests run as well, since declaring has no effects.
import { describe, expectTypeOf, test } from 'vitest';
import {
  aggregate,
  aggregateAll,
  aggregateRows,
  calendar,
  cogroup,
  count,
  countRows,
  countWindow,
  dedupe,
  filterRows,
  type Grouped,
  type GroupedRows,
  groupByKey,
  groupRows,
  hopping,
  int64,
  json,
  type KStream,
  type KTable,
  mapRows,
  max,
  mean,
  noKey,
  session,
  sliding,
  suppress,
  table,
  topic,
  toStream,
  tumbling,
  utf8,
  type Windowed,
  window,
  windowedKey,
} from '../../dsl/index.ts';

interface Order {
  readonly id: string;
  readonly amount: number;
}

/** For programs that say at once, also at runtime, that they are wrong. */
const notRun = (_program: () => unknown) => undefined;

const orders = topic('orders', json<Order>());
const grouped = orders.pipe(groupByKey());

describe('windows', () => {
  test('results of a session may be taken back, those of other windows and final ones may not', () => {
    const visits = session({ gap: '30 minutes', grace: 0 });
    expectTypeOf(grouped.pipe(window(visits), count(), toStream())).toEqualTypeOf<
      KStream<Windowed<string>, number | null>
    >();
    expectTypeOf(grouped.pipe(window(visits, { emit: 'windowCloses' }), count(), toStream())).toEqualTypeOf<
      KStream<Windowed<string>, number>
    >();
    for (const spec of [
      tumbling('1 minute', { grace: 0 }),
      hopping('1 minute', { every: '1 second', grace: 0 }),
      sliding({ difference: '1 minute', grace: 0 }),
      calendar('day', { timeZone: 'Europe/Paris', grace: 0 }),
    ]) {
      expectTypeOf(grouped.pipe(window(spec), count(), toStream())).toEqualTypeOf<KStream<Windowed<string>, number>>();
    }
  });

  test('an aggregation over sessions knows the type that it merges', () => {
    const visits = window<string, Order, string>(session({ gap: '30 minutes', grace: 0 }));
    const totals = grouped.pipe(
      visits,
      aggregate(
        () => 0,
        (total, order) => total + order.amount,
        {
          merge: (earlier, later) => {
            expectTypeOf(earlier).toEqualTypeOf<number>();
            return earlier + later;
          },
        },
      ),
    );
    expectTypeOf(totals).toEqualTypeOf<KTable<Windowed<string>, number, number | null>>();
    const all = grouped.pipe(
      visits,
      aggregateAll({ n: count(), worst: max((o) => o.amount), mean: mean((o) => o.amount) }),
    );
    expectTypeOf(all).toExtend<
      KTable<Windowed<string>, { readonly n: number; readonly worst: number; readonly mean: number }>
    >();
  });

  test('late records go to a topic that takes them', () => {
    const late = topic('late', json<{ id: string }>());
    const windowed = grouped.pipe(window(tumbling('1 minute', { grace: 0 }), { late }));
    expectTypeOf(windowed).toEqualTypeOf<Grouped<string, Order, Windowed<string>>>();
    // @ts-expect-error keys are bigints there
    grouped.pipe(window(tumbling('1 minute', { grace: 0 }), { late: topic('late', json<Order>(), { key: int64 }) }));
    // @ts-expect-error a field is missing
    grouped.pipe(window(tumbling('1 minute', { grace: 0 }), { late: topic('late', json<Order & { more: string }>()) }));
  });

  test('what is no window is refused', () => {
    // @ts-expect-error grace is always said
    notRun(() => session({ gap: '1 minute' }));
    // @ts-expect-error no such unit
    notRun(() => sliding({ difference: '1 mintue', grace: 0 }));
    // @ts-expect-error no such span
    notRun(() => calendar('fortnight', { timeZone: 'UTC', grace: 0 }));
    // @ts-expect-error no such moment to emit
    grouped.pipe(window(tumbling('1 minute', { grace: 0 }), { emit: 'sometimes' }));
    // @ts-expect-error a grouped stream takes one window
    grouped.pipe(window(tumbling('1 minute', { grace: 0 })), window(session({ gap: '1 minute', grace: 0 })));
  });

  test('a windowed key is read with the windows it is of', () => {
    const spec = session({ gap: '1 minute', grace: 0 });
    const visits = topic('visits', utf8, { key: windowedKey(utf8, spec) });
    grouped
      .pipe(
        window(spec),
        aggregate(
          () => '',
          (all, { id }) => all + id,
          { merge: (a, b) => a + b },
        ),
        toStream(),
      )
      .to(visits);
  });
});

describe('tables', () => {
  const rows = table('rows', json<Order>());

  test('rows are filtered, mapped and grouped with their types', () => {
    expectTypeOf(rows.pipe(filterRows((order, { key }) => key === order.id))).toEqualTypeOf<KTable<string, Order>>();
    const big = (order: Order): order is Order & { readonly amount: 100 } => order.amount === 100;
    expectTypeOf(rows.pipe(filterRows(big))).toEqualTypeOf<KTable<string, Order & { readonly amount: 100 }>>();
    expectTypeOf(rows.pipe(mapRows((order) => order.amount))).toEqualTypeOf<KTable<string, number, number | null>>();
    const grouped = rows.pipe(groupRows((order) => (order.amount > 1 ? order.id : null)));
    expectTypeOf(grouped).toEqualTypeOf<GroupedRows<string, Order>>();
    expectTypeOf(grouped.pipe(countRows())).toEqualTypeOf<KTable<string, number>>();
    expectTypeOf(
      grouped.pipe(aggregateRows({ initial: () => 0, add: (n, o) => n + o.amount, subtract: (n, o) => n - o.amount })),
    ).toEqualTypeOf<KTable<string, number>>();
    expectTypeOf(
      rows.pipe(
        groupRows((order) => BigInt(order.amount), { key: int64 }),
        countRows(),
      ),
    ).toEqualTypeOf<KTable<bigint, number>>();
  });

  test('what does not fit is refused', () => {
    const groupedRows = rows.pipe(groupRows((order) => order.id));
    // @ts-expect-error a key that is no string needs a serde
    rows.pipe(groupRows((order) => order.amount));
    // @ts-expect-error rows are grouped by groupRows()
    notRun(() => rows.pipe(groupByKey()));
    // @ts-expect-error and counted by countRows()
    notRun(() => groupedRows.pipe(count()));
    // @ts-expect-error a stream has no rows
    orders.pipe(filterRows((order: Order) => order.amount > 0));
    // @ts-expect-error subtract is missing
    notRun(() => aggregateRows({ initial: () => 0, add: (n: number) => n }));
  });

  test('suppress by window needs windows, and its results are not taken back', () => {
    const visits = session({ gap: '30 minutes', grace: 0 });
    expectTypeOf(grouped.pipe(window(visits), count(), suppress('windowCloses'), toStream())).toEqualTypeOf<
      KStream<Windowed<string>, number>
    >();
    // @ts-expect-error suppress('windowCloses') needs a windowed table
    rows.pipe(suppress('windowCloses'));
    expectTypeOf(rows.pipe(suppress({ until: '1 minute' }))).toEqualTypeOf<KTable<string, Order>>();
    // @ts-expect-error nothing else happens at a full buffer
    suppress({ until: '1 minute', recordsMax: 1, whenFull: 'drop' });
  });

  test('a cogroup knows which record is whose', () => {
    const notes = topic('notes', utf8);
    const both = cogroup({ orders: grouped, notes: notes.pipe(groupByKey()) });
    expectTypeOf(both).toEqualTypeOf<
      Grouped<
        string,
        { readonly from: 'orders'; readonly value: Order } | { readonly from: 'notes'; readonly value: string },
        string
      >
    >();
  });

  test('countWindow needs a key, and gives lists', () => {
    expectTypeOf(orders.pipe(countWindow(10, { as: 'tens' }))).toEqualTypeOf<KStream<string, readonly Order[]>>();

    // @ts-expect-error countWindow() needs a keyed stream
    notRun(() => unkeyed.pipe(countWindow(10, { as: 'tens' })));
    // @ts-expect-error its state needs a name
    notRun(() => orders.pipe(countWindow(10)));
  });

  test('dedupe needs a key', () => {
    expectTypeOf(orders.pipe(dedupe({ within: '1 hour' }))).toEqualTypeOf<KStream<string, Order>>();
    const unkeyed = topic('unkeyed', utf8, { key: noKey });
    // @ts-expect-error dedupe() needs a keyed stream
    notRun(() => unkeyed.pipe(dedupe({ within: '1 hour' })));
  });
});

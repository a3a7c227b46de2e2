// What windows infer and what they refuse. tsc checks it all; the tests run as well, since declaring has no effects.
import { describe, expectTypeOf, test } from 'vitest';
import {
  aggregate,
  aggregateAll,
  calendar,
  count,
  type Grouped,
  groupByKey,
  hopping,
  int64,
  json,
  type KStream,
  type KTable,
  max,
  mean,
  session,
  sliding,
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

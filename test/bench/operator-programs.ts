// One small job for each operator, between two topics of texts: `key-<n>` → 100 bytes that begin with a number. Where two
// topics are read both have the same records, so that every row meets its like, or half of them where some must not.
import { map as rxMap } from 'rxjs';
import * as dsl from '../../dsl/index.ts';
import { json, safeInt64, structured, utf8 } from '../../dsl/index.ts';

const source = dsl.topic('in', utf8);
const other = dsl.topic('other', utf8);
const rows = dsl.table('in', utf8);
const otherRows = dsl.table('other', utf8);
const globalRows = dsl.globalTable('global', utf8);
const out = dsl.topic('out', utf8);
const numbers = dsl.topic('out', safeInt64);
const any = dsl.topic('out', json<unknown>());
const windows = dsl.topic('out', safeInt64, { key: dsl.windowedKey(utf8) });

const grouped = source.pipe(dsl.groupByKey());
const counts = { as: 'counts' };
const graceMs = 1_000;
const tumbling = dsl.tumbling(10_000, { grace: graceMs });
const counted = (window: dsl.WindowSpec) => grouped.pipe(dsl.window(window), dsl.count(counts));

const lengthOf = (value: string) => value.length;
const numberOf = (value: string) => Number.parseInt(value, 10);
const isEven = (value: string) => numberOf(value) % 2 === 0;
const longer = (value: string, like: string | null) => (like === null ? value : `${value.slice(1)}!`);
const either = (value: string | null | undefined, like: string | null | undefined) => value ?? like ?? '';

const atOnce = dsl.within('1 second', { grace: graceMs });
const halfOfOther = other.pipe(dsl.filter(isEven));
const halfOfRows = otherRows.pipe(dsl.filterRows(isEven));
const otherKeyOf = (value: string) => `key-${numberOf(value) % 10_000}`;
const joined = { as: 'joined' };

const aggregated = (aggregator: dsl.Aggregator<string, unknown>) =>
  grouped.pipe(dsl.aggregateAll({ it: aggregator }, counts), dsl.toStream()).to(any);

const stateless = {
  'topic → topic': () => source.to(out),
  filter: () => source.pipe(dsl.filter((value) => value.charCodeAt(0) !== 0x39)).to(out),
  map: () => source.pipe(dsl.map((value) => `${value.slice(1)}!`)).to(out),
  flatMap: () => source.pipe(dsl.flatMap((value) => [value])).to(out),
  tap: () => source.pipe(dsl.tap(() => {})).to(out),
  mapRecord: () => source.pipe(dsl.mapRecord((value, { key }) => ({ key: key ?? '', value }))).to(out),
  selectKey: () => source.pipe(dsl.selectKey((value) => value.slice(0, 4))).to(out),
  repartition: () => source.pipe(dsl.repartition({ as: 'again' })).to(out),
  merge: () => source.pipe(dsl.merge(other)).to(out),
  'split in two': () => {
    const { even, rest } = source.pipe(dsl.split({ even: isEven }));
    return even.pipe(dsl.merge(rest)).to(out);
  },
  mapAsync: () => source.pipe(dsl.mapAsync(async (value) => value, { concurrency: 64 })).to(out),
  rx: () => source.pipe(dsl.rx(rxMap((value) => `${value.slice(1)}!`))).to(out),
} satisfies Programs;

const aggregations = {
  count: () => grouped.pipe(dsl.count(counts), dsl.toStream()).to(numbers),
  reduce: () =>
    grouped
      .pipe(
        dsl.reduce((_, value) => value, counts),
        dsl.toStream(),
      )
      .to(out),
  aggregate: () =>
    grouped
      .pipe(
        dsl.aggregate(
          () => 0,
          (total, value) => total + value.length,
          { ...counts, value: safeInt64 },
        ),
        dsl.toStream(),
      )
      .to(numbers),
  'aggregateAll of two': () =>
    grouped.pipe(dsl.aggregateAll({ n: dsl.count(), longest: dsl.max(lengthOf) }, counts), dsl.toStream()).to(any),
  'top 10': () => aggregated(dsl.top(10, { by: numberOf })),
  distinct: () => aggregated(dsl.distinct(numberOf)),
  quantile: () => aggregated(dsl.quantile(0.99, numberOf)),
  cogroup: () =>
    dsl
      .cogroup({ one: grouped, two: other.pipe(dsl.groupByKey()) })
      .pipe(
        dsl.aggregate(
          () => 0,
          (total, { value }) => total + value.length,
          { ...counts, value: safeInt64 },
        ),
        dsl.toStream(),
      )
      .to(numbers),
  dedupe: () => source.pipe(dsl.dedupe({ within: '5 seconds', as: 'seen' })).to(out),
  'countWindow of 10': () => source.pipe(dsl.countWindow(10, { as: 'tens' })).to(any),
  'process with a store': () =>
    source
      .pipe(
        dsl.process(
          'last',
          { stores: { last: dsl.keyValueStore(utf8) }, outputs: dsl.emits<string>() },
          ({ stores, forward }) =>
            (value, { key }) => {
              const before = stores.last.get(key as never);
              stores.last.put(key as never, value);
              forward(before ?? value);
            },
        ),
      )
      .to(out),
} satisfies Programs;

const windowed = {
  'window, tumbling': () => counted(tumbling).pipe(dsl.toStream()).to(windows),
  'window, hopping by 4': () =>
    counted(dsl.hopping(10_000, { every: 2_500, grace: graceMs }))
      .pipe(dsl.toStream())
      .to(windows),
  'window, sliding': () =>
    counted(dsl.sliding({ difference: 10_000, grace: graceMs }))
      .pipe(dsl.toStream())
      .to(windows),
  'window, session': () =>
    counted(dsl.session({ gap: 5_000, grace: graceMs }))
      .pipe(dsl.toStream())
      .to(windows),
  'window, emitted when closed': () =>
    grouped.pipe(dsl.window(tumbling, { emit: 'windowCloses' }), dsl.count(counts), dsl.toStream()).to(windows),
  'suppress, windowCloses': () =>
    counted(tumbling)
      .pipe(dsl.suppress('windowCloses', { as: 'held' }), dsl.toStream())
      .to(windows),
  'suppress, until': () =>
    grouped.pipe(dsl.count(counts), dsl.suppress({ until: '5 seconds', as: 'held' }), dsl.toStream()).to(numbers),
} satisfies Programs;

const tables = {
  toTable: () => source.pipe(dsl.toTable({ as: 'rows' }), dsl.toStream()).to(out),
  'table, versioned': () => dsl.table('in', utf8, { versioned: '10 seconds' }).pipe(dsl.toStream()).to(out),
  filterRows: () => rows.pipe(dsl.filterRows(isEven), dsl.toStream()).to(out),
  mapRows: () =>
    rows
      .pipe(
        dsl.mapRows((value) => `${value.slice(1)}!`),
        dsl.toStream(),
      )
      .to(out),
  'groupRows, countRows': () =>
    rows
      .pipe(
        dsl.groupRows((value) => value.slice(0, 2)),
        dsl.countRows(counts),
        dsl.toStream(),
      )
      .to(numbers),
  'groupRows, aggregateRows': () =>
    rows
      .pipe(
        dsl.groupRows((value) => value.slice(0, 2)),
        dsl.aggregateRows(
          {
            initial: () => 0,
            add: (total, value) => total + value.length,
            subtract: (total, value) => total - value.length,
          },
          { ...counts, value: structured<number>() },
        ),
        dsl.toStream(),
      )
      .to(any),
} satisfies Programs;

const joins = {
  'join, stream–stream': () => source.pipe(dsl.join(other, atOnce, longer, joined)).to(out),
  'leftJoin, stream–stream': () => source.pipe(dsl.leftJoin(halfOfOther, atOnce, longer, joined)).to(out),
  'outerJoin, stream–stream': () => source.pipe(dsl.outerJoin(halfOfOther, atOnce, either, joined)).to(out),
  'join, stream–table': () => source.pipe(dsl.join(otherRows, longer)).to(out),
  'leftJoin, stream–table': () => source.pipe(dsl.leftJoin(otherRows, longer)).to(out),
  joinGlobal: () => source.pipe(dsl.joinGlobal(globalRows, otherKeyOf, longer)).to(out),
  leftJoinGlobal: () => source.pipe(dsl.leftJoinGlobal(globalRows, otherKeyOf, longer)).to(out),
  'join, table–table': () => rows.pipe(dsl.join(otherRows, longer, joined), dsl.toStream()).to(out),
  'leftJoin, table–table': () => rows.pipe(dsl.leftJoin(halfOfRows, longer, joined), dsl.toStream()).to(out),
  'outerJoin, table–table': () => rows.pipe(dsl.outerJoin(halfOfRows, either, joined), dsl.toStream()).to(out),
  foreignJoin: () => rows.pipe(dsl.foreignJoin(otherRows, otherKeyOf, longer, joined), dsl.toStream()).to(out),
  leftForeignJoin: () => rows.pipe(dsl.leftForeignJoin(otherRows, otherKeyOf, longer, joined), dsl.toStream()).to(out),
} satisfies Programs;

type Programs = Readonly<Record<string, () => dsl.Sink>>;

/** By the name of the operator. */
export const operatorPrograms: Programs = { ...stateless, ...aggregations, ...windowed, ...tables, ...joins };

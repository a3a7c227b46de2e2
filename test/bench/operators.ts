// What each operator costs: nanoseconds a record of a task that has it between two topics, and the same over the bare loop
// (chain.ts) measured by turns with it. State is in memory: no log, no LevelDB, no commit. What two topics cost
// without an operator stands first, to be taken off in one's head.
import { systemClock } from '../../core/kernel/clock.ts';
import * as dsl from '../../dsl/index.ts';
import { json, safeInt64, utf8 } from '../../dsl/index.ts';
import { inputBatches, plainFilterMap, recordsPerRound, taskOver } from './chain.ts';
import { median } from './measure.ts';

export interface OperatorRow {
  readonly operator: string;
  readonly nsPerRecord: number;
  /** Over the bare loop; median of the rounds' own. */
  readonly ratio: number;
}

const source = dsl.topic('in', utf8);
const out = dsl.topic('out', utf8);
const numbers = dsl.topic('out', safeInt64);
const any = dsl.topic('out', json<unknown>());
const grouped = source.pipe(dsl.groupByKey());
const counts = { as: 'counts' };
const graceMs = 1_000;
const windowed = (window: dsl.WindowSpec) =>
  grouped.pipe(
    dsl.window(window),
    dsl.count(counts),
    dsl.toStream(),
    dsl.selectKey((_, { key }) => key.key),
  );
const tumbling = dsl.tumbling(10_000, { grace: graceMs });

const programs: Readonly<Record<string, () => dsl.Sink>> = {
  'topic → topic': () => source.to(out),
  filter: () => source.pipe(dsl.filter((value) => value.charCodeAt(0) !== 0x39)).to(out),
  map: () => source.pipe(dsl.map((value) => `${value.slice(1)}!`)).to(out),
  flatMap: () => source.pipe(dsl.flatMap((value) => [value])).to(out),
  selectKey: () => source.pipe(dsl.selectKey((value) => value.slice(0, 4))).to(out),
  count: () => grouped.pipe(dsl.count(counts), dsl.toStream()).to(numbers),
  reduce: () =>
    grouped
      .pipe(
        dsl.reduce((_, value) => value, { as: 'last' }),
        dsl.toStream(),
      )
      .to(out),
  'aggregateAll of two': () =>
    grouped
      .pipe(dsl.aggregateAll({ n: dsl.count(), longest: dsl.max((v) => v.length) }, counts), dsl.toStream())
      .to(any),
  'window, tumbling': () => windowed(tumbling).to(numbers),
  'window, hopping by 4': () => windowed(dsl.hopping(10_000, { every: 2_500, grace: graceMs })).to(numbers),
  'window, sliding': () => windowed(dsl.sliding({ difference: 10_000, grace: graceMs })).to(numbers),
  'window, session': () => windowed(dsl.session({ gap: 5_000, grace: graceMs })).to(numbers),
  'suppress, windowCloses': () =>
    grouped
      .pipe(
        dsl.window(tumbling),
        dsl.count(counts),
        dsl.suppress('windowCloses', { as: 'held' }),
        dsl.toStream(),
        dsl.selectKey((_, { key }) => key.key),
      )
      .to(numbers),
  toTable: () => source.pipe(dsl.toTable({ as: 'rows' }), dsl.toStream()).to(out),
};

/** @param rounds of 100,000 records each, after one that warms up */
export function operatorsBench(rounds: number): OperatorRow[] {
  return Object.entries(programs).map(([operator, sinkOf]) => {
    const run = taskOver(dsl.job('operator', [sinkOf()], { names: 'derived' }));
    const ours: number[] = [];
    const bare: number[] = [];
    for (let round = -1; round < rounds; round++) {
      // Time goes on from round to round, so windows open and close as they do where records come.
      const batches = inputBatches(1_700_000_000_000 + (round + 1) * recordsPerRound);
      const times = [nsOf(() => run(batches)), nsOf(plainFilterMap(batches))] as const;
      if (round < 0) continue;
      ours.push(times[0]);
      bare.push(times[1]);
    }
    return { operator, nsPerRecord: median(ours), ratio: median(ours.map((ns, i) => ns / bare[i]!)) };
  });
}

function nsOf(work: () => void): number {
  const startedMs = systemClock.monotonicMs();
  work();
  return ((systemClock.monotonicMs() - startedMs) * 1e6) / recordsPerRound;
}

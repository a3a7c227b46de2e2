// Small programs drawn from a list of numbers, so that whoever draws (fast-check, which shrinks it, or the simulator's
// random) makes the same program of the same list; and each of them in our DSL. model.ts says what they must come to.
import * as dsl from '../../dsl/index.ts';

/** A record's value. `at` is its event time: it arrives in any order, and every grace is longer than all of it. */
export interface Item {
  readonly id: number;
  readonly n: number;
  readonly at: number;
}

/** Steps that look at one record at a time. */
export type LocalStep =
  | { readonly kind: 'filter'; readonly mod: number; readonly rest: number }
  | { readonly kind: 'map'; readonly add: number }
  | { readonly kind: 'flatMap' }
  | { readonly kind: 'rekey'; readonly mod: number }
  | { readonly kind: 'mergeSome'; readonly mod: number }
  | { readonly kind: 'split'; readonly mod: number };

export type WindowRecipe =
  | { readonly kind: 'tumbling'; readonly size: number }
  | { readonly kind: 'hopping'; readonly size: number; readonly every: number }
  | { readonly kind: 'sliding'; readonly difference: number }
  | { readonly kind: 'session'; readonly gap: number };

/** What the stream comes to. Tables are compared in the end, streams as multisets. */
export type Ending =
  | { readonly kind: 'stream' }
  | { readonly kind: 'totals' }
  | { readonly kind: 'windows'; readonly window: WindowRecipe }
  | { readonly kind: 'table'; readonly mod: number; readonly add: number }
  | { readonly kind: 'regrouped'; readonly mod: number }
  | { readonly kind: 'joinRows'; readonly left: boolean }
  | { readonly kind: 'joinStreams'; readonly before: number; readonly after: number }
  | { readonly kind: 'joinTables'; readonly join: 'inner' | 'left' | 'outer' }
  | { readonly kind: 'joinForeign'; readonly left: boolean; readonly mod: number };

export interface Recipe {
  readonly steps: readonly LocalStep[];
  readonly ending: Ending;
}

export const keys = ['a', 'b', 'c', 'd', 'e'] as const;
/** Of the foreign table's rows; some are asked for and not there. */
export const foreignKeys = ['f0', 'f1', 'f2'] as const;
const forever = 10 ** 12;

/** @param choose a number from 0 up to, not including, `below`; 0 gives the simplest program */
export function drawRecipe(choose: (below: number) => number): Recipe {
  const pick = <T>(from: readonly (() => T)[]): T => from[choose(from.length)]!();
  const mod = () => 2 + choose(3);
  const ending = pick<Ending>([
    () => ({ kind: 'stream' }),
    () => ({ kind: 'totals' }),
    () => ({ kind: 'windows', window: drawWindow(choose) }),
    () => ({ kind: 'table', mod: mod(), add: choose(5) }),
    () => ({ kind: 'regrouped', mod: mod() }),
    () => ({ kind: 'joinRows', left: choose(2) === 1 }),
    () => ({ kind: 'joinStreams', before: choose(4) * 3_000, after: choose(4) * 3_000 }),
    () => ({ kind: 'joinTables', join: (['inner', 'left', 'outer'] as const)[choose(3)]! }),
    () => ({ kind: 'joinForeign', left: choose(2) === 1, mod: 2 + choose(3) }),
  ]);
  const local: (() => LocalStep)[] = [
    () => ({ kind: 'map', add: choose(7) }),
    () => ({ kind: 'filter', mod: mod(), rest: choose(2) }),
    () => ({ kind: 'flatMap' }),
    () => ({ kind: 'mergeSome', mod: mod() }),
    () => ({ kind: 'split', mod: mod() }),
  ];
  // What comes last under a key is only defined where the records of a key keep their order: one partition, one path.
  const needsOrder = ['table', 'regrouped', 'joinTables', 'joinForeign'].includes(ending.kind);
  const allowed = needsOrder ? local.slice(0, 2) : [...local, (): LocalStep => ({ kind: 'rekey', mod: mod() })];
  return { steps: Array.from({ length: choose(4) }, () => pick(allowed)), ending };
}

function drawWindow(choose: (below: number) => number): WindowRecipe {
  const every = 1_000 * (1 + choose(5));
  return [
    (): WindowRecipe => ({ kind: 'tumbling', size: every }),
    (): WindowRecipe => ({ kind: 'hopping', size: every * (1 + choose(3)), every }),
    (): WindowRecipe => ({ kind: 'sliding', difference: every }),
    (): WindowRecipe => ({ kind: 'session', gap: every }),
  ][choose(4)]!();
}

export interface RecipeOptions extends dsl.JobSettings {
  readonly partitions: number;
}

export const item = dsl.json<Item>();
const timestamp = ({ at }: Item) => at;
export const inputTopic = dsl.topic('in', item, { timestamp });
export const otherTopic = dsl.topic('other', item, { timestamp });
export const rowsTable = dsl.table('rows', item, { timestamp });
export const outputOf = (partitions: number) =>
  dsl.topic('out', dsl.json<unknown>(), { partitions, retention: 'forever' });

/** Topics beside `in` that the program reads. */
export const sideInputOf = ({ ending: { kind } }: Recipe): 'other' | 'rows' | null =>
  kind === 'joinStreams' ? 'other' : ['joinRows', 'joinTables', 'joinForeign'].includes(kind) ? 'rows' : null;

export const isTable = ({ ending: { kind } }: Recipe): boolean => !['stream', 'joinRows', 'joinStreams'].includes(kind);

type Items = dsl.KStream<string, Item>;

export function jobOf(recipe: Recipe, { partitions, ...settings }: RecipeOptions): dsl.Job {
  let stream: Items = inputTopic;
  recipe.steps.forEach((step) => {
    stream = applyStep(stream, step);
  });
  const results = resultsOf(stream, recipe.ending);
  return dsl.job('random', [results.to(outputOf(partitions))], { names: 'derived', ...settings });
}

const hasRest = (mod: number, rest: number) => (item: Item) => item.n % mod === rest;

function applyStep(stream: Items, step: LocalStep): Items {
  switch (step.kind) {
    case 'filter':
      return stream.pipe(dsl.filter((item) => !hasRest(step.mod, step.rest)(item)));
    case 'map':
      return stream.pipe(dsl.map((item) => ({ ...item, n: item.n + step.add })));
    case 'flatMap':
      return stream.pipe(dsl.flatMap((item) => [item, { ...item, n: item.n + 1 }]));
    case 'rekey':
      return stream.pipe(dsl.selectKey(({ n }) => `g${n % step.mod}`));
    case 'mergeSome':
      return stream.pipe(dsl.merge(stream.pipe(dsl.filter(hasRest(step.mod, 0)))));
    case 'split': {
      const { some, rest } = stream.pipe(dsl.split({ some: hasRest(step.mod, 0) }));
      return some.pipe(
        dsl.map((item) => ({ ...item, n: item.n * 2 })),
        dsl.merge(rest),
      );
    }
  }
}

export interface Totals {
  readonly count: number;
  readonly sum: number;
}

export const addTo = ({ count, sum }: Totals, { n }: Item): Totals => ({ count: count + 1, sum: sum + n });
const takeFrom = ({ count, sum }: Totals, { n }: Item): Totals => ({ count: count - 1, sum: sum - n });
const both = (a: Totals, b: Totals): Totals => ({ count: a.count + b.count, sum: a.sum + b.sum });
export const noTotals = (): Totals => ({ count: 0, sum: 0 });
const totals = dsl.json<Totals>();

export function windowSpecOf(window: WindowRecipe): dsl.WindowSpec {
  const grace = forever;
  switch (window.kind) {
    case 'tumbling':
      return dsl.tumbling(window.size, { grace });
    case 'hopping':
      return dsl.hopping(window.size, { every: window.every, grace });
    case 'sliding':
      return dsl.sliding({ difference: window.difference, grace });
    case 'session':
      return dsl.session({ gap: window.gap, grace });
  }
}

export const pairOf = (left: Item | null, right: Item | null) => ({ left: left?.n ?? null, right: right?.n ?? null });
export const foreignKeyOf =
  (mod: number) =>
  ({ n }: Item): string =>
    `f${n % mod}`;

function resultsOf(stream: Items, ending: Ending): dsl.KStream<string, unknown> {
  switch (ending.kind) {
    case 'stream':
      return stream;
    case 'totals':
      return stream.pipe(
        dsl.groupByKey(),
        dsl.aggregate(noTotals, addTo, { as: 'totals', value: totals }),
        dsl.toStream(),
      );
    case 'windows':
      return stream.pipe(
        dsl.groupByKey(),
        dsl.window(windowSpecOf(ending.window)),
        dsl.aggregate(noTotals, addTo, { as: 'totals', value: totals, merge: both }),
        dsl.toStream(),
        dsl.selectKey((_, { key }) => `${key.key}[${key.startMs},${key.endMs}]`),
      );
    case 'table':
      return stream.pipe(
        dsl.toTable({ as: 'latest', value: item }),
        dsl.filterRows(({ n }) => n % ending.mod !== 0),
        dsl.mapRows(({ n }) => n + ending.add),
        dsl.toStream(),
      );
    case 'regrouped':
      return stream.pipe(
        dsl.toTable({ as: 'latest', value: item }),
        dsl.groupRows(({ n }) => `g${n % ending.mod}`),
        dsl.aggregateRows({ initial: noTotals, add: addTo, subtract: takeFrom }, { as: 'totals', value: totals }),
        dsl.toStream(),
      );
    case 'joinRows':
      return ending.left ? stream.pipe(dsl.leftJoin(rowsTable, pairOf)) : stream.pipe(dsl.join(rowsTable, pairOf));
    case 'joinStreams': {
      const { before, after } = ending;
      const window = dsl.within({ before, after, grace: forever });
      return stream.pipe(
        dsl.join(otherTopic, window, (l, r) => pairOf(l, r), { as: 'joined', left: item, right: item }),
      );
    }
    case 'joinTables': {
      const table = stream.pipe(dsl.toTable({ as: 'latest', value: item }));
      if (ending.join === 'inner') return table.pipe(dsl.join(rowsTable, pairOf), dsl.toStream());
      if (ending.join === 'left') return table.pipe(dsl.leftJoin(rowsTable, pairOf), dsl.toStream());
      return table.pipe(dsl.outerJoin(rowsTable, pairOf), dsl.toStream());
    }
    case 'joinForeign': {
      const table = stream.pipe(dsl.toTable({ as: 'latest', value: item }));
      const [keyOf, options] = [
        foreignKeyOf(ending.mod),
        { as: 'joined', value: dsl.json<ReturnType<typeof pairOf>>() },
      ];
      return ending.left
        ? table.pipe(dsl.leftForeignJoin(rowsTable, keyOf, pairOf, options), dsl.toStream())
        : table.pipe(dsl.foreignJoin(rowsTable, keyOf, pairOf, options), dsl.toStream());
    }
  }
}

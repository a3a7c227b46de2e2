// What a recipe must come to, computed from the whole input at once and as plainly as can be: no state, no order but that
// of each key, nothing of the DSL or the runtime.
import {
  addTo,
  foreignKeyOf,
  type Item,
  isTable,
  type LocalStep,
  noTotals,
  pairOf,
  type Recipe,
  type Totals,
  type WindowRecipe,
} from './recipe.ts';

export interface Keyed {
  readonly key: string;
  readonly value: Item;
}

export interface Inputs {
  /** In an order that is right for each key. */
  readonly in: readonly Keyed[];
  /** Rows of a table, or a second stream. */
  readonly side: readonly Keyed[];
}

export interface Result {
  readonly key: string;
  /** Null for a row that is gone. */
  readonly value: unknown;
}

/** Of a table its rows, of a stream its records, a line each, sorted: what two runs are compared by. */
export function linesOf(recipe: Recipe, results: readonly Result[]): string[] {
  const line = ({ key, value }: Result) => `${key}=${JSON.stringify(value)}`;
  if (!isTable(recipe)) return results.map(line).sort();
  const rows = new Map(results.map((result) => [result.key, result]));
  return [...rows.values()]
    .filter(({ value }) => value !== null)
    .map(line)
    .sort();
}

export function expectedLines(recipe: Recipe, inputs: Inputs): string[] {
  return linesOf(recipe, resultsOf(recipe, inputs));
}

function stepped({ key, value }: Keyed, step: LocalStep): Keyed[] {
  const same = { key, value };
  const withN = (n: number): Keyed => ({ key, value: { ...value, n } });
  switch (step.kind) {
    case 'filter':
      return value.n % step.mod === step.rest ? [] : [same];
    case 'map':
      return [withN(value.n + step.add)];
    case 'flatMap':
      return [same, withN(value.n + 1)];
    case 'rekey':
      return [{ key: `g${value.n % step.mod}`, value }];
    case 'mergeSome':
      return value.n % step.mod === 0 ? [same, same] : [same];
    case 'split':
      return [value.n % step.mod === 0 ? withN(value.n * 2) : same];
  }
}

function resultsOf({ steps, ending }: Recipe, inputs: Inputs): Result[] {
  let records: readonly Keyed[] = inputs.in;
  for (const step of steps) records = records.flatMap((record) => stepped(record, step));
  const { side } = inputs;
  switch (ending.kind) {
    case 'stream':
      return [...records];
    case 'totals':
      return [...totalsBy(records, ({ key }) => [key])].map(([key, value]) => ({ key, value }));
    case 'windows':
      return windowed(records, ending.window);
    case 'table':
      return latest(records).flatMap(({ key, value: { n } }) =>
        n % ending.mod === 0 ? [] : [{ key, value: n + ending.add }],
      );
    case 'regrouped': {
      const groups = totalsBy(latest(records), ({ value: { n } }) => [`g${n % ending.mod}`]);
      // A group that had rows and has none left has the totals of nothing.
      for (const { value } of records) {
        const key = `g${value.n % ending.mod}`;
        if (!groups.has(key)) groups.set(key, noTotals());
      }
      return [...groups].map(([key, value]) => ({ key, value }));
    }
    case 'joinRows': {
      const rows = new Map(side.map((row) => [row.key, row.value]));
      return records.flatMap(({ key, value }) => {
        const row = rows.get(key) ?? null;
        return row === null && !ending.left ? [] : [{ key, value: pairOf(value, row) }];
      });
    }
    case 'joinStreams':
      return records.flatMap(({ key, value }) =>
        side
          .filter((other) => other.key === key)
          .filter(({ value: { at } }) => at >= value.at - ending.before && at <= value.at + ending.after)
          .map((other) => ({ key, value: pairOf(value, other.value) })),
      );
    case 'joinTables': {
      const [left, right] = [latest(records), latest(side)].map((rows) => new Map(rows.map((r) => [r.key, r.value])));
      return [...new Set([...left!.keys(), ...right!.keys()])].flatMap((key) => {
        const [l, r] = [left!.get(key) ?? null, right!.get(key) ?? null];
        if (l === null && ending.join !== 'outer') return [];
        return r === null && ending.join === 'inner' ? [] : [{ key, value: pairOf(l, r) }];
      });
    }
    case 'joinForeign': {
      const right = new Map(latest(side).map(({ key, value }) => [key, value]));
      return latest(records).flatMap(({ key, value }) => {
        const row = right.get(foreignKeyOf(ending.mod)(value)) ?? null;
        return row === null && !ending.left ? [] : [{ key, value: pairOf(value, row) }];
      });
    }
  }
}

const latest = (records: readonly Keyed[]): Keyed[] => [
  ...new Map(records.map((record) => [record.key, record])).values(),
];

function totalsBy(records: readonly Keyed[], groupsOf: (record: Keyed) => readonly string[]): Map<string, Totals> {
  const groups = new Map<string, Totals>();
  for (const record of records) {
    for (const group of groupsOf(record)) groups.set(group, addTo(groups.get(group) ?? noTotals(), record.value));
  }
  return groups;
}

function windowed(records: readonly Keyed[], window: WindowRecipe): Result[] {
  switch (window.kind) {
    case 'tumbling':
      return windowed(records, { kind: 'hopping', size: window.size, every: window.size });
    case 'hopping': {
      const { size, every } = window;
      const windowsOf = ({ key, value: { at } }: Keyed) =>
        Array.from({ length: Math.ceil(size / every) + 1 }, (_, i) => Math.floor(at / every) * every - i * every)
          .filter((start) => start >= 0 && start <= at && at < start + size)
          .map((start) => `${key}[${start},${start + size}]`);
      return [...totalsBy(records, windowsOf)].map(([key, value]) => ({ key, value }));
    }
    case 'sliding':
      return byKey(records).flatMap(([key, own]) => slidingOf(key, own, window.difference));
    case 'session':
      return byKey(records).flatMap(([key, own]) => sessionsOf(key, own, window.gap));
  }
}

const byKey = (records: readonly Keyed[]): [string, Item[]][] =>
  [...new Set(records.map(({ key }) => key))].map((key) => [
    key,
    records.filter((record) => record.key === key).map(({ value }) => value),
  ]);

const total = (items: readonly Item[]): Totals => items.reduce(addTo, noTotals());

/** A window ends at each record, and one begins just after each that has another within its length (KIP-450). */
function slidingOf(key: string, items: readonly Item[], difference: number): Result[] {
  const times = [...new Set(items.map(({ at }) => at))];
  const starts = new Set<number>();
  for (const at of times) {
    starts.add(Math.max(0, at - difference));
    if (times.some((other) => other > at && other <= at + 1 + difference)) starts.add(at + 1);
  }
  return [...starts].flatMap((start) => {
    const inside = items.filter(({ at }) => at >= start && at <= start + difference);
    return inside.length === 0 ? [] : [{ key: `${key}[${start},${start + difference}]`, value: total(inside) }];
  });
}

function sessionsOf(key: string, items: readonly Item[], gap: number): Result[] {
  const sorted = [...items].sort((a, b) => a.at - b.at);
  const results: Result[] = [];
  let session: Item[] = [];
  sorted.forEach((item, i) => {
    session.push(item);
    const next = sorted[i + 1];
    if (next !== undefined && next.at - item.at <= gap) return;
    results.push({ key: `${key}[${session[0]!.at},${item.at}]`, value: total(session) });
    session = [];
  });
  return results;
}

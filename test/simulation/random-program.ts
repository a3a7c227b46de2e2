// A random program (test/random) as one that is simulated: on several partitions, with whatever befalls the hosts and the
// node in the middle. What it must come to is computed from the whole input by the plain model.
import type { Random } from '../../core/kernel/random.ts';
import type { JobOptions } from '../../dsl/plan.ts';
import { expectedLines, type Keyed, linesOf } from '../random/model.ts';
import {
  drawRecipe,
  foreignKeys,
  type Item,
  isTable,
  jobOf,
  keys,
  type Recipe,
  sideInputOf,
} from '../random/recipe.ts';
import type { Program, Seen } from './programs.ts';

const atMsMax = 30_000;

export interface RandomProgram extends Program {
  readonly recipe: Recipe;
  readonly updates: JobOptions['updates'];
}

export function randomProgram(random: Random, partitions: number, guarantee: JobOptions['guarantee']): RandomProgram {
  const recipe = drawRecipe((below) => random.integer(below));
  const side = sideInputOf(recipe);
  let next = 0;
  const item = (): Item => ({ id: next++, n: random.integer(40), at: 1 + random.integer(atMsMax) });
  const anyKey = () => keys[random.integer(keys.length)]!;
  const rowKeys = recipe.ending.kind === 'joinForeign' ? foreignKeys.slice(0, 2) : keys.slice(0, 4);
  const updates = random.next() < 0.5 ? 'latest' : 'every';
  return {
    recipe,
    updates,
    job: jobOf(recipe, { partitions, guarantee, updates }),
    inputs: new Map([['in', partitions], ...(side === null ? [] : [[side, partitions] as const])]),
    reads: ['in', 'out', ...(side === null ? [] : [side])],
    prepare(feed) {
      // A record meets the row of its time, so rows that are looked into by a stream come before all of it.
      if (side === 'rows') for (const key of rowKeys) feed.write('rows', key, { ...item(), at: 0 });
    },
    feed(feed) {
      if (side === 'other' && random.next() < 0.4) feed.write('other', anyKey(), item());
      else feed.write('in', anyKey(), item());
    },
    check(read) {
      const inputs = { in: keyed(read('in')), side: side === null ? [] : keyed(read(side)) };
      const [wanted, found] = [expectedLines(recipe, inputs), linesOf(recipe, read('out'))];
      const repeats = guarantee === 'atLeastOnce';
      if (repeats && ['totals', 'windows', 'regrouped'].includes(recipe.ending.kind)) return [];
      const unique = (lines: readonly string[]) => (repeats && !isTable(recipe) ? [...new Set(lines)] : lines);
      return compareLines(unique(wanted), unique(found)).map((line) => `${updates} ${JSON.stringify(recipe)}: ${line}`);
    },
  };
}

const keyed = (seen: readonly Seen[]): Keyed[] => seen.map(({ key, value }) => ({ key, value: value as Item }));

function compareLines(wanted: readonly string[], found: readonly string[]): string[] {
  const counts = new Map<string, number>();
  for (const line of wanted) counts.set(line, (counts.get(line) ?? 0) + 1);
  for (const line of found) counts.set(line, (counts.get(line) ?? 0) - 1);
  return [...counts].flatMap(([line, n]) => (n === 0 ? [] : [n > 0 ? `${line} is missing` : `${line} is too much`]));
}

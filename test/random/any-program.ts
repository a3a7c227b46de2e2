// What fast-check draws: a program, and what it reads. It shrinks towards one step over no records.
import fc from 'fast-check';
import type { Inputs, Keyed } from './model.ts';
import { drawRecipe, foreignKeys, keys, type Recipe, sideInputOf } from './recipe.ts';

export interface Case {
  readonly recipe: Recipe;
  readonly inputs: Inputs;
}

type Raw = readonly (readonly [key: number, n: number, atMs: number])[];

const anyRecipe = fc.array(fc.nat(), { maxLength: 24 }).map((choices) => {
  let next = 0;
  return drawRecipe((below) => (choices[next++] ?? 0) % below);
});
const anyRecords = (maxLength: number): fc.Arbitrary<Raw> =>
  fc.array(fc.tuple(fc.nat(keys.length - 1), fc.nat(40), fc.nat(30_000)), { maxLength });

export const anyCase: fc.Arbitrary<Case> = fc
  .tuple(anyRecipe, anyRecords(40), anyRecords(15))
  .map(([recipe, records, side]) => ({ recipe, inputs: inputsOf(recipe, records, side) }));

function inputsOf(recipe: Recipe, records: Raw, side: Raw): Inputs {
  const kind = sideInputOf(recipe);
  const foreign = recipe.ending.kind === 'joinForeign';
  const sideItems = kind === null ? [] : kind === 'other' ? itemsOf(side, 1_000) : rowsOf(side, foreign);
  return { in: itemsOf(records, 0), side: sideItems };
}

const itemsOf = (given: Raw, from: number): Keyed[] =>
  given.map(([key, n, at], i) => ({ key: keys[key]!, value: { id: from + i, n, at } }));

/** Rows of a table come before everything in time, and once a key: which row a record meets is defined then. */
function rowsOf(given: Raw, foreign: boolean): Keyed[] {
  const names: readonly string[] = foreign ? foreignKeys : keys;
  const rows = given.map(([key, n], i) => ({ key: names[key % names.length]!, value: { id: 1_000 + i, n, at: 0 } }));
  return [...new Map(rows.map((row) => [row.key, row])).values()];
}

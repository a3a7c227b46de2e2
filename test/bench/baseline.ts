// The regression guard: ratios as they were when somebody looked at them and found them right (baseline.json), and what
// has fallen below. A ratio is the speed of ours over that of the bare side, measured by turns in one run, of processor
// time where it is known: what the machine is, and what else it does, hardly shows. Absolute figures may not come in here.
import { readFileSync, writeFileSync } from 'node:fs';

/** By what was measured: 1 is no cost at all, more is better. */
export type Ratios = Readonly<Record<string, number>>;

export interface Fallen {
  readonly what: string;
  readonly was: number;
  /** Undefined: it is measured no more. */
  readonly is: number | undefined;
}

/** Beside this file's source; `npm run` stands at the root of the repository. */
const path = 'test/bench/baseline.json';

/**
 * What a ratio may lose before it counts as fallen: it must come to less than half. On a shared machine with two cores most
 * move by a quarter from run to run and a few by two fifths; a promise or a second encoding a record is more.
 */
export const tolerance = 0.55;

export const readBaseline = (): Ratios => JSON.parse(readFileSync(path, 'utf8')) as Ratios;

/** With two digits, so that the next one changes only the lines of what has changed. */
export function writeBaseline(ratios: Ratios): void {
  const rounded = Object.entries(ratios).map(([what, ratio]) => [what, Number(ratio.toPrecision(2))]);
  writeFileSync(path, `${JSON.stringify(Object.fromEntries(rounded), null, 2)}\n`);
}

/** In the order of the baseline. What the baseline doesn't have isn't judged. */
export function fallenFrom(baseline: Ratios, measured: Ratios): Fallen[] {
  return Object.entries(baseline)
    .map(([what, was]) => ({ what, was, is: measured[what] }))
    .filter(({ was, is }) => is === undefined || !(is >= was * (1 - tolerance)));
}

/** The better of two, since what disturbs a measurement makes it worse. */
export function better(one: Ratios, other: Ratios): Ratios {
  const both = new Map(Object.entries(one));
  for (const [what, ratio] of Object.entries(other)) both.set(what, Math.max(ratio, both.get(what) ?? ratio));
  return Object.fromEntries(both);
}

interface Measured {
  readonly what: string;
  readonly ratio: number;
  readonly cpuRatio?: number | null;
}

export const ratiosOf = (rows: readonly Measured[]): Ratios =>
  Object.fromEntries(rows.map(({ what, ratio, cpuRatio }) => [what, cpuRatio ?? ratio]));

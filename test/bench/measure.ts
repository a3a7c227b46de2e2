// What all benches share: medians of rounds taken by turns, a folder that is removed again, the machine in one line.
// What counts is a ratio of two sides measured in one run; a machine's own figures only say where it was measured.
import { mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, cpus, loadavg, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../core/kernel/clock.ts';

export const median = (numbers: readonly number[]): number =>
  [...numbers].sort((a, b) => a - b)[numbers.length >> 1] ?? Number.NaN;

/** One line of a table of ratios, in units of work a second. */
export interface RatioRow {
  readonly what: string;
  readonly ours: number;
  readonly bare: number;
  /** Median of the rounds' own ratios. */
  readonly ratio: number;
  readonly rounds: readonly number[];
  /** Of the best round of each side: what is left of the ratio where something else disturbs most rounds. */
  readonly best: number;
}

export function ratioRow(what: string, ours: readonly number[], bare: readonly number[]): RatioRow {
  const rounds = ours.map((rate, i) => rate / bare[i]!);
  return {
    what,
    ours: median(ours),
    bare: median(bare),
    ratio: median(rounds),
    rounds,
    best: Math.max(...ours) / Math.max(...bare),
  };
}

/** Units a second that `work` comes to. */
export async function rateOf(units: number, work: () => unknown): Promise<number> {
  const startedMs = systemClock.monotonicMs();
  await work();
  return (units * 1_000) / (systemClock.monotonicMs() - startedMs);
}

export async function inFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-bench-'));
  try {
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

export function machine(): string {
  const load = loadavg().map((one) => one.toFixed(1));
  const memory = `${Math.round(totalmem() / 2 ** 30)} GiB`;
  const model = cpus()[0]?.model.trim() ?? 'unknown processor';
  const system = `${process.platform} ${process.arch}, Node ${process.version}`;
  return `${availableParallelism()} cores (${model}), ${memory}, ${system}, load ${load.join(' ')}`;
}

// What all benches share: medians of rounds taken by turns, a folder that is removed again, the machine in one line.
// What counts is a ratio of two sides measured in one run; a machine's own figures only say where it was measured.
import { existsSync, readFileSync } from 'node:fs';
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
  /**
   * The same by the processor time of the main thread, which other processes hardly disturb: what the ratio comes to where
   * nothing has to wait for a core. Null where the system doesn't say.
   */
  readonly cpuRatio: number | null;
}

/** Units a second. */
export interface Rates {
  readonly wall: number;
  /** Of the main thread's processor time. */
  readonly cpu: number | null;
}

export function ratioRow(what: string, ours: readonly Rates[], bare: readonly Rates[]): RatioRow {
  const rounds = ours.map(({ wall }, i) => wall / bare[i]!.wall);
  const cpu = ours.map((rates, i) => (rates.cpu ?? Number.NaN) / (bare[i]!.cpu ?? Number.NaN));
  return {
    what,
    ours: median(ours.map(({ wall }) => wall)),
    bare: median(bare.map(({ wall }) => wall)),
    ratio: median(rounds),
    rounds,
    cpuRatio: cpu.some(Number.isNaN) ? null : median(cpu),
  };
}

/** Of the main thread so far, where Linux says it. */
function cpuMs(): number | null {
  const path = `/proc/self/task/${process.pid}/schedstat`;
  return existsSync(path) ? Number(readFileSync(path, 'utf8').split(' ')[0]) / 1e6 : null;
}

/** What `work`, which is so many units, comes to. */
export async function ratesOf(units: number, work: () => unknown): Promise<Rates> {
  const startedMs = systemClock.monotonicMs();
  const cpuBefore = cpuMs();
  await work();
  const cpuAfter = cpuMs();
  return {
    wall: (units * 1_000) / (systemClock.monotonicMs() - startedMs),
    cpu: cpuBefore === null || cpuAfter === null ? null : (units * 1_000) / (cpuAfter - cpuBefore),
  };
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

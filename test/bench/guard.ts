// What the guard measures, and that it measures again what seems to have fallen before it says so: a machine that was busy
// with something else for one measurement is seldom so for the next ones.
import { better, type Fallen, fallenFrom, type Ratios, ratiosOf } from './baseline.ts';
import { appendBench, type BenchRow, fetchBench, type LogBenchOptions } from './log.ts';
import type { RatioRow } from './measure.ts';
import { type OperatorRow, operatorsBench } from './operators.ts';
import { type PipelineBenchOptions, pipelineBench } from './pipeline.ts';

export interface GuardSizes {
  readonly log: LogBenchOptions & { readonly megabytes: number };
  readonly jobs: PipelineBenchOptions;
  readonly operatorRounds: number;
}

export interface GuardFigures {
  readonly append: BenchRow;
  readonly fetches: readonly BenchRow[];
  readonly jobs: readonly RatioRow[];
  readonly operators: readonly OperatorRow[];
}

export const measureAppend = ({ log }: GuardSizes) => appendBench(log);
export const measureFetches = ({ log }: GuardSizes) => fetchBench({ ...log, megabytes: Math.min(log.megabytes, 64) });

/** From memory it is ten or forty times as fast as LevelDB, by chance: as fast as it is all that is asked. */
const noFasterThanBare = (row: BenchRow) => ({ what: row.what, ratio: Math.min(row.ratio, 1) });

export const guardedRatios = ({ append, fetches, jobs, operators }: GuardFigures): Ratios =>
  ratiosOf([append, ...fetches.map(noFasterThanBare), ...jobs, ...operators]);

/** So often is measured again what is still below: it must be so each time. */
const measurementsMore = 3;

/** Ratios of `figures`, and of more measurements of those below the baseline where those are better. */
export async function judge(
  baseline: Ratios,
  figures: GuardFigures,
  sizes: GuardSizes,
): Promise<{ readonly ratios: Ratios; readonly fallen: readonly Fallen[] }> {
  let ratios = guardedRatios(figures);
  let fallen = fallenFrom(baseline, ratios);
  for (let i = 0; i < measurementsMore && fallen.length > 0; i++) {
    ratios = better(ratios, await measureAgain(new Set(fallen.map(({ what }) => what)), figures, sizes));
    fallen = fallenFrom(baseline, ratios);
  }
  return { ratios, fallen };
}

async function measureAgain(suspects: ReadonlySet<string>, figures: GuardFigures, sizes: GuardSizes): Promise<Ratios> {
  const isSuspect = ({ what }: { readonly what: string }) => suspects.has(what);
  const jobs = figures.jobs.filter(isSuspect).map(({ what }) => what);
  const operators = figures.operators.filter(isSuspect).map(({ what }) => what);
  return ratiosOf([
    ...(isSuspect(figures.append) ? [await measureAppend(sizes)] : []),
    ...(figures.fetches.some(isSuspect) ? (await measureFetches(sizes)).map(noFasterThanBare) : []),
    ...(jobs.length > 0 ? (await pipelineBench(sizes.jobs)).filter(({ what }) => jobs.includes(what)) : []),
    ...(operators.length > 0 ? await operatorsBench(3 * sizes.operatorRounds, operators) : []),
  ]);
}

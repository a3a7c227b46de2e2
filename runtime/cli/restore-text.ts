// How far the restoring of state is, in words: records done, of how many, how fast, and how long it will take.
import type { RestoreProgress } from '../worker/restore-task.ts';
import { formatCount, formatSpan } from './output.ts';

export interface RestoreFigures {
  readonly recordsDone: number;
  readonly recordsTotal: number;
  readonly perSecond: number;
  /** Null before there is a rate. */
  readonly leftMs: number | null;
}

/** Of several tasks at once: their records together, at the rate of all. */
export function restoreFigures(restoring: readonly RestoreProgress[]): RestoreFigures {
  const recordsDone = restoring.reduce((sum, task) => sum + task.recordsDone, 0);
  const recordsTotal = restoring.reduce((sum, task) => sum + task.recordsTotal, 0);
  const perMs = restoring.reduce((sum, task) => sum + task.recordsDone / Math.max(1, task.elapsedMs), 0);
  const leftMs = perMs > 0 ? Math.max(0, recordsTotal - recordsDone) / perMs : null;
  return { recordsDone, recordsTotal, perSecond: perMs * 1_000, leftMs };
}

/** Empty where nothing is restored. */
export function restoreText(restoring: readonly RestoreProgress[]): string {
  if (restoring.length === 0) return '';
  const { recordsDone, recordsTotal, perSecond, leftMs } = restoreFigures(restoring);
  const tasks = restoring.length === 1 ? `task ${restoring[0]!.task}` : `${restoring.length} tasks`;
  const left = leftMs === null ? '' : `, ${formatCount(perSecond)} records/s, ${formatSpan(leftMs)} left`;
  return `restoring ${tasks}: ${formatCount(recordsDone)} of ${formatCount(recordsTotal)} records${left}`;
}

// The picture of a running job that `millrace top` draws: pure, from one look at its status, or from two, between which
// rates are told.
import type { TaskMeasures } from '../worker/measures.ts';
import type { JobStatus, WholeStatus } from './job-status.ts';
import type { WorkerFigures } from './metrics-text.ts';
import { type Cell, formatBytes, formatCount, formatSpan, tableText } from './output.ts';
import { restoreText } from './restore-text.ts';

interface Seen {
  readonly process: JobStatus;
  readonly figures: WorkerFigures;
}

const seenIn = ({ processes }: WholeStatus): readonly Seen[] =>
  processes.flatMap((process) => process.workers.map((figures) => ({ process, figures })));

const sumOf = <T>(items: readonly T[], of: (item: T) => number): number =>
  items.reduce((sum, item) => sum + of(item), 0);

const lagOf = (task: TaskMeasures): number => sumOf(task.inputs, ({ lagRecords }) => lagRecords ?? 0);
const lostIn = ({ dropped, skipped, deadLettered }: TaskMeasures): number =>
  sumOf(Object.values(dropped), (n) => n) + sumOf(Object.values(skipped), (n) => n) + deadLettered;

/** Records a second since the look before, and of the whole run where there was none. */
function rateText(now: Seen, before: Seen | undefined, of: (figures: WorkerFigures) => number): string {
  if (before === undefined) return '-';
  const seconds = (now.process.nowMs - before.process.nowMs) / 1_000;
  return seconds <= 0 ? '-' : formatCount(Math.max(0, of(now.figures) - of(before.figures)) / seconds);
}

const measured = (figures: WorkerFigures, task: string): TaskMeasures | undefined =>
  figures.measures.tasks.find((one) => one.task === task);

function stateOf({ report }: WorkerFigures, task: string): string | null {
  if (report.tasks.includes(task)) return 'running';
  const restore = report.restoring.find((one) => one.task === task);
  if (restore !== undefined)
    return `restoring ${Math.floor((100 * restore.recordsDone) / Math.max(1, restore.recordsTotal))} %`;
  return report.standbys.includes(task) ? 'standby' : null;
}

const counted = (count: number, one: string, many = `${one}s`): string =>
  `${formatCount(count)} ${count === 1 ? one : many}`;

const byTask = (a: string, b: string): number => a.localeCompare(b, 'en', { numeric: true });

function taskRows(now: Seen, before: Seen | undefined): readonly (readonly Cell[])[] {
  const { report } = now.figures;
  const tasks = [...report.tasks, ...report.restoring.map(({ task }) => task), ...report.standbys].sort(byTask);
  return tasks.map((task) => {
    const counts = measured(now.figures, task);
    const rate = (of: (task: TaskMeasures) => number) =>
      rateText(now, before, (figures) => {
        const found = measured(figures, task);
        return found === undefined ? 0 : of(found);
      });
    const state = counts?.state ?? null;
    return [
      task,
      `${now.process.address}/${now.figures.worker}`,
      stateOf(now.figures, task),
      formatCount(counts?.recordsIn ?? 0),
      rate(({ recordsIn }) => recordsIn),
      formatCount(counts?.recordsOut ?? 0),
      rate(({ recordsOut }) => recordsOut),
      formatCount(counts === undefined ? 0 : lagOf(counts)),
      formatCount(counts === undefined ? 0 : lostIn(counts)),
      state === null ? null : formatBytes(state.diskBytes + state.memoryBytes),
    ];
  });
}

function commitText({ commits }: WorkerFigures['measures']): string {
  if (commits.count === 0) return 'nothing committed yet';
  return `${formatCount(commits.count)} commits of ${formatSpan(commits.totalMs / commits.count)}`;
}

const taskHead = ['task', 'member', 'state', 'in', 'in/s', 'out', 'out/s', 'lag', 'dropped', 'state size'];

/** @param before the look before, null at the first */
export function topText(now: WholeStatus, before: WholeStatus | null): string {
  const seen = seenIn(now);
  const earlier = before === null ? [] : seenIn(before);
  const same = ({ process, figures }: Seen) =>
    earlier.find((one) => one.process.address === process.address && one.figures.worker === figures.worker);
  const members = seen.map(({ process, figures: { worker, report, measures } }) =>
    [
      `${process.address}/${worker}`,
      report.state,
      counted(report.tasks.length, 'task'),
      counted(report.standbys.length, 'standby'),
      counted(report.rebalances, 'rebalance'),
      commitText(measures),
    ].join(', '),
  );
  const all = seen.flatMap(({ figures }) => figures.measures.tasks);
  const restoring = restoreText(seen.flatMap(({ figures }) => figures.report.restoring));
  const lag = `${formatCount(sumOf(all, lagOf))} records wait`;
  const rows = seen.flatMap((one) => taskRows(one, same(one)));
  return [
    `${now.processes[0]?.job ?? ''}: ${counted(seen.length, 'member')} in ${counted(now.processes.length, 'process', 'processes')}, ${lag}`,
    ...members.map((line) => `  ${line}`),
    ...now.silent.map((address) => `  ${address} does not answer`),
    ...(restoring === '' ? [] : [restoring]),
    '',
    rows.length === 0 ? 'no tasks yet' : tableText(taskHead, rows),
  ].join('\n');
}

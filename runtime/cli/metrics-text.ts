// The figures of a job as Prometheus reads them, by prom-client. All counting is done where the work is; here are only the
// names, made by Prometheus's conventions: base units, `_total` for what only grows. A family is made anew at each scrape.
import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import type { TaskMeasures, WorkerMeasures } from '../worker/measures.ts';
import type { WorkerReport } from '../worker/worker.ts';

/** One worker of this process, as it is now. */
export interface WorkerFigures {
  readonly worker: number;
  readonly report: WorkerReport;
  readonly measures: WorkerMeasures;
}

type Labels = Readonly<Record<string, string>>;

export interface Families {
  counter(name: string, help: string, labels: Labels, value: number): void;
  gauge(name: string, help: string, labels: Labels, value: number): void;
}

export interface MetricsText {
  readonly contentType: string;
  /** The process's own figures and what `fill` adds. */
  render(fill: (families: Families) => void): Promise<string>;
}

export function createMetricsText(): MetricsText {
  const ofProcess = new Registry();
  collectDefaultMetrics({ register: ofProcess });
  return {
    contentType: ofProcess.contentType,
    async render(fill) {
      const registry = new Registry();
      const counters = new Map<string, Counter>();
      const gauges = new Map<string, Gauge>();
      fill({
        counter(name, help, labels, value) {
          const made =
            counters.get(name) ?? new Counter({ name, help, labelNames: Object.keys(labels), registers: [registry] });
          counters.set(name, made);
          made.inc({ ...labels }, value);
        },
        gauge(name, help, labels, value) {
          const made =
            gauges.get(name) ?? new Gauge({ name, help, labelNames: Object.keys(labels), registers: [registry] });
          gauges.set(name, made);
          made.set({ ...labels }, value);
        },
      });
      return await Registry.merge([registry, ofProcess]).metrics();
    },
  };
}

const seconds = (ms: number): number => ms / 1_000;

/** @param nowMs of the wall clock, from which lag in time is told */
export function jobFamilies(job: string, workers: readonly WorkerFigures[], nowMs: number): (to: Families) => void {
  return (to) => {
    for (const figures of workers) {
      const labels = { job, worker: String(figures.worker) };
      workerFamilies(to, labels, figures);
      for (const task of figures.measures.tasks) taskFamilies(to, { ...labels, task: task.task }, task, nowMs);
    }
  };
}

function workerFamilies(to: Families, labels: Labels, { report, measures }: WorkerFigures): void {
  const { commits } = measures;
  const states = {
    running: report.tasks.length,
    restoring: report.restoring.length,
    standby: report.standbys.length,
  };
  for (const [state, count] of Object.entries(states))
    to.gauge('millrace_tasks', 'Tasks this worker has, by what they are at', { ...labels, state }, count);
  to.counter('millrace_rebalances_total', 'Assignments this worker got from its group', labels, report.rebalances);
  to.counter('millrace_commits_total', 'Commits of progress', labels, commits.count);
  to.counter('millrace_commit_seconds_total', 'Time that commits took', labels, seconds(commits.totalMs));
  to.gauge('millrace_commit_last_seconds', 'Time that the last commit took', labels, seconds(commits.lastMs));
  for (const { task, recordsDone, recordsTotal } of report.restoring) {
    const own = { ...labels, task };
    to.gauge('millrace_restore_done_records', 'Records of changelogs that are restored', own, recordsDone);
    to.gauge(
      'millrace_restore_remaining_records',
      'Records of changelogs that are still to be restored',
      own,
      Math.max(0, recordsTotal - recordsDone),
    );
  }
}

const reasonNames = {
  nullKey: 'null_key',
  nullValue: 'null_value',
  late: 'late',
  negativeTimestamp: 'negative_timestamp',
} as const;

function taskFamilies(to: Families, labels: Labels, task: TaskMeasures, nowMs: number): void {
  to.counter('millrace_records_in_total', 'Records processed', labels, task.recordsIn);
  to.counter('millrace_records_out_total', 'Records written to topics and sinks', labels, task.recordsOut);
  for (const [reason, count] of Object.entries(task.dropped))
    to.counter(
      'millrace_records_dropped_total',
      'Records that had no effect, by reason; of late ones, once per window',
      { ...labels, reason: reasonNames[reason as keyof typeof reasonNames] },
      count,
    );
  for (const [operator, count] of Object.entries(task.lateBy))
    to.counter('millrace_records_late_total', 'Late records, by operator', { ...labels, operator }, count);
  for (const [stage, count] of Object.entries(task.skipped))
    to.counter('millrace_records_skipped_total', 'Records that failed and were skipped', { ...labels, stage }, count);
  to.counter(
    'millrace_records_dead_lettered_total',
    'Records that failed and were sent to a dead-letter topic',
    labels,
    task.deadLettered,
  );
  for (const [operator, count] of Object.entries(task.failedIn))
    to.counter('millrace_errors_total', 'Records that failed, by operator', { ...labels, operator }, count);
  for (const { operator, recordsIn, recordsOut } of task.operators) {
    const own = { ...labels, operator };
    to.counter('millrace_operator_records_in_total', 'Records an operator was given', own, recordsIn);
    to.counter('millrace_operator_records_out_total', 'Records an operator passed on', own, recordsOut);
  }
  for (const { topic, partition, lagRecords, timestampMs } of task.inputs) {
    const own = { ...labels, topic, partition: String(partition) };
    if (lagRecords === null) continue;
    to.gauge('millrace_input_lag_records', 'Records of an input that wait', own, lagRecords);
    const behindMs = lagRecords === 0 || timestampMs < 0 ? 0 : Math.max(0, nowMs - timestampMs);
    to.gauge(
      'millrace_input_lag_seconds',
      'Age, by event time, of the record that is next; 0 where none waits',
      own,
      seconds(behindMs),
    );
  }
  if (task.state === null) return;
  to.gauge('millrace_state_bytes', 'State of a task on disk, about', labels, task.state.diskBytes);
  to.gauge('millrace_state_memory_bytes', 'State of a task in memory, about', labels, task.state.memoryBytes);
}

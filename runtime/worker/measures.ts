// How the tasks of a worker fare, in figures: put together when somebody asks, from what is counted anyway. Plain data, so
// that it crosses the border of a thread. Counts go on over the life of the worker, also those of a task that comes back.
import type { SubTopology, Topology } from '../../dsl/compile/topology.ts';
import { type OperatorRecords, operatorRecords } from '../task/operator-records.ts';
import { createTaskMetrics, type DropReason, type Stage, type TaskMetrics } from '../task/task-metrics.ts';
import { parseTaskId, type TaskId } from './assignor.ts';
import type { RunningTask } from './running-task.ts';
import type { InputMeasures, TaskInputs } from './task-inputs.ts';

export interface TaskMeasures {
  readonly task: TaskId;
  readonly recordsIn: number;
  readonly recordsOut: number;
  readonly dropped: Readonly<Record<DropReason, number>>;
  /** Of `dropped.late`, by operator. */
  readonly lateBy: Readonly<Record<string, number>>;
  readonly skipped: Readonly<Record<Stage, number>>;
  readonly deadLettered: number;
  /** Records that failed, skipped or sent to dead letters, by operator. */
  readonly failedIn: Readonly<Record<string, number>>;
  /** Empty unless operators are counted. */
  readonly operators: readonly OperatorRecords[];
  /** Empty where the task is not at work here. */
  readonly inputs: readonly InputMeasures[];
  /** Null where the task keeps none, or is not at work here. */
  readonly state: { readonly diskBytes: number; readonly memoryBytes: number } | null;
}

export interface CommitMeasures {
  readonly count: number;
  /** Of all of them: from the last record they cover to when they are answered. */
  readonly totalMs: number;
  readonly lastMs: number;
}

export interface WorkerMeasures {
  readonly commits: CommitMeasures;
  readonly tasks: readonly TaskMeasures[];
}

export const nothingMeasured: WorkerMeasures = { commits: { count: 0, totalMs: 0, lastMs: 0 }, tasks: [] };

/** What the tasks of a worker count, by task. */
export interface TaskCounts {
  of(task: TaskId): TaskMetrics;
  all(): Iterable<TaskMetrics>;
  committed(elapsedMs: number): void;
  measure(running: ReadonlyMap<TaskId, RunningTask>, inputs: TaskInputs): Promise<WorkerMeasures>;
}

export function createTaskCounts(topology: Topology, countOperators: boolean): TaskCounts {
  const byTask = new Map<TaskId, TaskMetrics>();
  let commits = nothingMeasured.commits;

  async function stateOf({ stores, subTopology }: RunningTask): Promise<TaskMeasures['state']> {
    if (subTopology.stores.length === 0) return null;
    // A task may be closed in the middle of the question.
    const diskBytes = await stores.diskBytes().catch(() => 0);
    return { diskBytes, memoryBytes: stores.cachedBytes };
  }

  return {
    of(task) {
      const known = byTask.get(task) ?? createTaskMetrics({ countOperators });
      byTask.set(task, known);
      return known;
    },
    all: () => byTask.values(),
    committed(elapsedMs) {
      commits = { count: commits.count + 1, totalMs: commits.totalMs + elapsedMs, lastMs: elapsedMs };
    },
    async measure(running, inputs) {
      const tasks = [...byTask].map(async ([task, metrics]): Promise<TaskMeasures> => {
        const subTopology: SubTopology = topology.subTopologies[parseTaskId(task).subTopology]!;
        const entry = running.get(task);
        return {
          task,
          recordsIn: metrics.recordsProcessed,
          recordsOut: metrics.recordsWritten,
          dropped: metrics.dropped,
          lateBy: metrics.lateBy,
          skipped: metrics.skipped,
          deadLettered: metrics.recordsDeadLettered,
          failedIn: metrics.failedIn,
          operators: operatorRecords(subTopology, metrics),
          inputs: entry === undefined ? [] : inputs.measure(entry),
          state: entry === undefined ? null : await stateOf(entry),
        };
      });
      return { commits, tasks: await Promise.all(tasks) };
    },
  };
}

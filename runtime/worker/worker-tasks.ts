// The tasks of a worker: opened beside the others, which go on while a state is restored, and closed. A task is at work from
// when its worker has taken it in; one that isn't wanted any more before that is given up where it stands.
import type { SubTopology, Topology } from '../../dsl/compile/topology.ts';
import type { TaskOutput } from '../task/task-output.ts';
import { parseTaskId, type TaskId } from './assignor.ts';
import { changelogsOf, sumOf } from './open-state.ts';
import type { RestoreProgress, TaskRestore } from './restore-task.ts';
import { openTask, type RunningTask, type TaskEnvironment } from './running-task.ts';
import type { TaskInputs } from './task-inputs.ts';

export interface WorkerTasksOptions {
  readonly environment: TaskEnvironment & { readonly topology: Topology };
  readonly inputs: TaskInputs;
  readonly output: TaskOutput;
  /** A task is open: resolves once it is taken in. Called in no turn of the worker's. */
  readonly onOpened: (take: () => void) => Promise<void>;
  readonly onFailed: (error: unknown) => void;
}

export interface WorkerTasks {
  readonly running: ReadonlyMap<TaskId, RunningTask>;
  readonly opening: readonly TaskId[];
  open(ids: readonly TaskId[]): void;
  /** What was not committed is thrown away. */
  close(ids: Iterable<TaskId>): Promise<void>;
  restoring(): readonly RestoreProgress[];
  /** How far the state of tasks is that were closed here. */
  readonly closedAt: Map<TaskId, number>;
}

interface Opening {
  readonly abort: AbortController;
  restore: TaskRestore | null;
  done: Promise<void>;
}

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });

export function createWorkerTasks({ environment, inputs, output, ...on }: WorkerTasksOptions): WorkerTasks {
  const { topology } = environment;
  const running = new Map<TaskId, RunningTask>();
  const opening = new Map<TaskId, Opening>();
  const closedAt = new Map<TaskId, number>();

  async function begin(id: TaskId, sub: SubTopology, partition: number, own: Opening): Promise<void> {
    const { signal } = own.abort;
    try {
      const committed = await inputs.start(id, sub, partition);
      const onRestore = (restore: TaskRestore) => {
        own.restore = restore;
      };
      const task = await openTask(environment, { subTopology: sub, partition, output, committed, signal, onRestore });
      const given = on.onOpened(() => {
        if (signal.aborted) return;
        running.set(id, task);
        opening.delete(id);
      });
      // The turn that gives it up waits for this, and so may not be waited for.
      await Promise.race([given, aborted(signal)]);
      if (running.get(id) !== task) await task.close();
    } catch (error) {
      if (!signal.aborted) on.onFailed(error);
    }
  }

  async function closeOne(id: TaskId): Promise<void> {
    const starting = opening.get(id);
    opening.delete(id);
    starting?.abort.abort(new Error('the task is somewhere else'));
    await starting?.done;
    const task = running.get(id);
    running.delete(id);
    if (task !== undefined) {
      await task.close();
      closedAt.set(id, sumOf(changelogsOf(topology, id).map((topic) => task.stores.checkpoint(topic))));
    }
    inputs.forget(id);
  }

  return {
    running,
    closedAt,
    get opening() {
      return [...opening.keys()];
    },
    open(ids) {
      for (const id of ids) {
        const { subTopology, partition } = parseTaskId(id);
        const own: Opening = { abort: new AbortController(), restore: null, done: Promise.resolve() };
        opening.set(id, own);
        own.done = begin(id, topology.subTopologies[subTopology]!, partition, own);
      }
    },
    async close(ids) {
      for (const id of [...ids]) await closeOne(id);
    },
    restoring: () => [...opening.values()].flatMap(({ restore }) => (restore === null ? [] : [restore.progress()])),
  };
}

// One task as a worker has it: its state brought up to date from the changelog, its sinks opened, the task itself made.
// Closing it throws away what was not committed.
import type { Client } from '../../core/client/index.ts';
import type { Clock } from '../../core/kernel/clock.ts';
import type { Logger } from '../../core/kernel/logger.ts';
import type { Random } from '../../core/kernel/random.ts';
import type { StorageEngine } from '../../core/storage/storage.ts';
import type { SubTopology, Topology } from '../../dsl/compile/topology.ts';
import type { SinkConnector, SinkTask } from '../../dsl/connector.ts';
import type { GlobalRows } from '../state/store.ts';
import { openTaskStores, type TaskStores } from '../state/task-stores.ts';
import { createTask, type Task } from '../task/task.ts';
import type { TaskMetrics } from '../task/task-metrics.ts';
import type { TaskOutput } from '../task/task-output.ts';
import { taskId } from './assignor.ts';
import { openState } from './open-state.ts';
import { createTaskRestore, type TaskRestore } from './restore-task.ts';

export interface TaskEnvironment {
  readonly topology: Topology;
  readonly client: Client;
  readonly stateEngine: StorageEngine;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** What a task counts, which goes on where it comes back. */
  readonly metricsOf: (task: string) => TaskMetrics;
  /** Rows of a global table, by its topic. */
  readonly globalRows: (topic: string) => GlobalRows;
}

export interface RunningTask {
  readonly id: string;
  readonly subTopology: SubTopology;
  readonly partition: number;
  readonly task: Task;
  readonly stores: TaskStores;
  close(): Promise<void>;
}

export interface OpenTaskOptions {
  readonly subTopology: SubTopology;
  readonly partition: number;
  readonly output: TaskOutput;
  /** Offsets of the task's input topics in the job's group. */
  readonly committed: ReadonlyMap<string, number>;
  /** Gives up opening it. */
  readonly signal: AbortSignal;
  readonly onRestore?: (restore: TaskRestore) => void;
}

/** @throws the signal's reason */
export async function openTask(environment: TaskEnvironment, options: OpenTaskOptions): Promise<RunningTask> {
  const { subTopology: sub, partition, output, signal } = options;
  const id = taskId(sub.id, partition);
  const storage = sub.stores.length > 0 ? await openState(environment, id, signal) : null;
  const sinks = new Map<SinkConnector<unknown, unknown>, SinkTask<unknown, unknown>>();
  const stopping = new AbortController();
  let stores: TaskStores | undefined;
  let task: Task | undefined;
  const close = async () => {
    stopping.abort(new Error('the task is closed'));
    await task?.close();
    await Promise.all([...sinks.values()].map((sink) => sink.close()));
    await (stores ?? storage)?.close();
  };
  try {
    stores = await openTaskStores({ storage, specs: sub.stores, place: `the state of task ${id}` });
    const restore = createTaskRestore({ ...environment, ...options, stores });
    options.onRestore?.(restore);
    await restore.run();
    await stores.load();
    const { clock, random, logger } = environment;
    for (const step of sub.steps) {
      if (step.kind !== 'connectorSink' || sinks.has(step.connector)) continue;
      const sink = await step.connector.open({ clock, random, logger, signal: stopping.signal, task: id });
      sinks.set(step.connector, inTurn(sink));
    }
    task = createTask({
      topology: environment.topology,
      subTopology: sub,
      partition,
      stores,
      output,
      clock,
      random,
      logger,
      metrics: environment.metricsOf(id),
      openSink: (connector) => sinks.get(connector)!,
      globalRows: environment.globalRows,
    });
    return { id, subTopology: sub, partition, task, stores, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** A sink that a program has at several places is still called one call at a time. */
function inTurn(sink: SinkTask<unknown, unknown>): SinkTask<unknown, unknown> {
  let last: Promise<void> = Promise.resolve();
  const turn = (call: () => Promise<void>): Promise<void> => {
    last = last.then(call, call);
    return last;
  };
  return {
    write: (records) => turn(() => sink.write(records)),
    flush: () => turn(() => sink.flush()),
    close: () => turn(() => sink.close()),
  };
}

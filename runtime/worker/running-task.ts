// One task as a worker has it: its state brought up to date from the changelog, its sinks opened, the task itself made.
// Closing it throws away what was not committed.
import type { Client } from '../../core/client/index.ts';
import type { Clock } from '../../core/kernel/clock.ts';
import { isFault } from '../../core/kernel/fault.ts';
import type { Logger } from '../../core/kernel/logger.ts';
import type { Random } from '../../core/kernel/random.ts';
import type { Storage, StorageEngine } from '../../core/storage/storage.ts';
import type { SubTopology, Topology } from '../../dsl/compile/topology.ts';
import type { SinkConnector, SinkTask } from '../../dsl/connector.ts';
import { createRestorer } from '../state/restore.ts';
import type { GlobalRows } from '../state/store.ts';
import { openTaskStores, type TaskStores } from '../state/task-stores.ts';
import { RecordCursor } from '../task/record-cursor.ts';
import { createTask, type Task } from '../task/task.ts';
import type { TaskMetrics } from '../task/task-metrics.ts';
import type { TaskOutput } from '../task/task-output.ts';
import { taskId } from './assignor.ts';

export interface TaskEnvironment {
  readonly topology: Topology;
  readonly client: Client;
  readonly stateEngine: StorageEngine;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly metrics: TaskMetrics;
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

/** How long a state folder may still be held by the member that had the task before. */
const handOverMsMax = 30_000;

async function openState(environment: TaskEnvironment, id: string): Promise<Storage> {
  const { clock, stateEngine } = environment;
  const startedMs = clock.monotonicMs();
  for (;;) {
    try {
      return await stateEngine.open(id);
    } catch (error) {
      if (!isFault(error, 'STORAGE_IN_USE') || clock.monotonicMs() - startedMs > handOverMsMax) throw error;
      await clock.sleep(20);
    }
  }
}

/** Replays the changelogs' tails, each from the offset that the state on disk has reached. */
async function restore(
  environment: TaskEnvironment,
  sub: SubTopology,
  partition: number,
  stores: TaskStores,
  committed: ReadonlyMap<string, number>,
): Promise<void> {
  const { client, clock, logger } = environment;
  const admin = client.admin();
  const changelogs = sub.stores.map((store) => ({ topic: store.changelog, partition }));
  // Not the last stable offset: a transaction whose offsets are committed already may still wait for its marker here, and
  // the state must have it (Kafka Streams' StoreChangelogReader as well goes to the end of what is written).
  const ends = await admin.listOffsets(changelogs, 'latest', 'readUncommitted');
  const starts = await admin.listOffsets(changelogs, 'earliest');
  const ending = new Map<string, number>();
  const positions: { topic: string; partition: number; offset: number }[] = [];
  for (const [i, store] of sub.stores.entries()) {
    const endOffset = store.ownChangelog ? ends[i]!.offset : (committed.get(store.changelog) ?? 0);
    const from = Math.max(stores.checkpoint(store.changelog) ?? 0, starts[i]!.offset);
    if (from >= endOffset) continue;
    ending.set(store.changelog, endOffset);
    positions.push({ topic: store.changelog, partition, offset: from });
  }
  if (ending.size === 0) return;
  const startedMs = clock.monotonicMs();
  const fetcher = client.fetcher({ isolation: 'readCommitted', from: 'earliest' });
  const restorer = createRestorer({ stores, cursor: new RecordCursor() });
  try {
    fetcher.assign(positions);
    while (ending.size > 0) {
      for (const fetched of await fetcher.poll(1_000)) {
        const endOffset = ending.get(fetched.topic);
        if (endOffset === undefined) continue;
        await restorer.restoreBatches(fetched.topic, { ...fetched, endOffset });
        if (fetched.nextOffset < endOffset) continue;
        ending.delete(fetched.topic);
        fetcher.pause(fetched);
      }
    }
    await restorer.finish();
  } finally {
    fetcher.close();
  }
  const elapsedMs = Math.round(clock.monotonicMs() - startedMs);
  logger.info({ task: taskId(sub.id, partition), records: restorer.records, elapsedMs }, 'state restored');
}

/** @param committed offsets of the task's input topics in the job's group */
export async function openTask(
  environment: TaskEnvironment,
  sub: SubTopology,
  partition: number,
  output: TaskOutput,
  committed: ReadonlyMap<string, number>,
): Promise<RunningTask> {
  const id = taskId(sub.id, partition);
  const storage = sub.stores.length > 0 ? await openState(environment, id) : null;
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
    await restore(environment, sub, partition, stores, committed);
    await stores.load();
    const { clock, random, logger } = environment;
    for (const step of sub.steps) {
      if (step.kind !== 'connectorSink') continue;
      sinks.set(
        step.connector,
        await step.connector.open({ clock, random, logger, signal: stopping.signal, task: id }),
      );
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
      metrics: environment.metrics,
      openSink: (connector) => sinks.get(connector)!,
      globalRows: environment.globalRows,
    });
    return { id, subTopology: sub, partition, task, stores, close };
  } catch (error) {
    await close();
    throw error;
  }
}

// Brings the state of a task up to date from its changelogs' tails, each from the offset that the state on disk has
// reached. How far it is can be looked at while it goes on. Nothing here runs a task.
import type { Client } from '../../core/client/index.ts';
import type { Clock } from '../../core/kernel/clock.ts';
import type { Logger } from '../../core/kernel/logger.ts';
import type { SubTopology } from '../../dsl/compile/topology.ts';
import { createRestorer } from '../state/restore.ts';
import type { TaskStores } from '../state/task-stores.ts';
import { RecordCursor } from '../task/record-cursor.ts';
import { type TaskId, taskId } from './assignor.ts';

/** How far a restore is. Offsets that hold no record any more count as done, so it may be quicker than it looks. */
export interface RestoreProgress {
  readonly task: TaskId;
  readonly recordsDone: number;
  readonly recordsTotal: number;
  readonly elapsedMs: number;
}

export interface TaskRestore {
  /** @throws the signal's reason */
  run(): Promise<void>;
  progress(): RestoreProgress;
}

export interface TaskRestoreOptions {
  readonly client: Client;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly subTopology: SubTopology;
  readonly partition: number;
  readonly stores: TaskStores;
  /** Committed offsets of the task's input topics: a table's own topic is read up to them. */
  readonly committed: ReadonlyMap<string, number>;
  readonly signal: AbortSignal;
}

const sayEveryMs = 5_000;

export function createTaskRestore(options: TaskRestoreOptions): TaskRestore {
  const { client, clock, logger, subTopology: sub, partition, stores, committed, signal } = options;
  const task = taskId(sub.id, partition);
  const startedMs = clock.monotonicMs();
  let recordsTotal = 0;
  let recordsDone = 0;

  async function run(): Promise<void> {
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
      recordsTotal += endOffset - from;
    }
    if (ending.size > 0) await replay(ending, positions);
  }

  let saidAtMs = startedMs;

  /** A long restore is told of while it goes on, with how long it will take. */
  function sayHowFar(): void {
    const nowMs = clock.monotonicMs();
    if (nowMs - saidAtMs < sayEveryMs) return;
    saidAtMs = nowMs;
    const recordsPerSecond = Math.round((1_000 * recordsDone) / (nowMs - startedMs));
    const leftSeconds = recordsDone === 0 ? null : Math.round((recordsTotal - recordsDone) / recordsPerSecond);
    logger.info({ task, recordsDone, recordsTotal, recordsPerSecond, leftSeconds }, 'restoring state');
  }

  async function replay(
    ending: Map<string, number>,
    positions: readonly { topic: string; partition: number; offset: number }[],
  ): Promise<void> {
    const fetcher = client.fetcher({ isolation: 'readCommitted', from: 'earliest' });
    const restorer = createRestorer({ stores, cursor: new RecordCursor() });
    try {
      fetcher.assign(positions);
      while (ending.size > 0) {
        for (const fetched of await fetcher.poll(1_000, signal)) {
          const endOffset = ending.get(fetched.topic);
          if (endOffset === undefined) continue;
          await restorer.restoreBatches(fetched.topic, { ...fetched, endOffset });
          recordsDone += Math.min(fetched.nextOffset, endOffset) - fetched.fetchOffset;
          if (fetched.nextOffset < endOffset) continue;
          ending.delete(fetched.topic);
          fetcher.pause(fetched);
        }
        signal.throwIfAborted();
        sayHowFar();
      }
      await restorer.finish();
    } finally {
      fetcher.close();
    }
    const elapsedMs = Math.round(clock.monotonicMs() - startedMs);
    logger.info({ task, records: restorer.records, elapsedMs }, 'state restored');
  }

  return {
    run,
    progress: () => ({ task, recordsDone, recordsTotal, elapsedMs: clock.monotonicMs() - startedMs }),
  };
}

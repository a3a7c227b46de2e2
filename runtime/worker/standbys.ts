// Copies of the state of tasks that run elsewhere: their changelogs are followed into databases of this process, so that
// it can take them over with little to restore. A copy is never ahead of what is committed, and nothing is ever written to
// the log from here.
import type { Client, FetchedPartition } from '../../core/client/index.ts';
import type { Clock } from '../../core/kernel/clock.ts';
import { partitionName, type TopicPartition } from '../../core/kernel/ids.ts';
import type { Logger } from '../../core/kernel/logger.ts';
import type { StorageEngine } from '../../core/storage/storage.ts';
import type { Topology } from '../../dsl/compile/topology.ts';
import { createRestorer, type Restorer } from '../state/restore.ts';
import { openTaskStores, type TaskStores } from '../state/task-stores.ts';
import { RecordCursor } from '../task/record-cursor.ts';
import { parseTaskId, type TaskId } from './assignor.ts';
import { isFaultThatPasses } from './lost-membership.ts';
import { openState, sumOf } from './open-state.ts';

export interface StandbysOptions {
  readonly topology: Topology;
  readonly client: Client;
  readonly stateEngine: StorageEngine;
  readonly clock: Clock;
  readonly logger: Logger;
  /** A copy could not be written or read. */
  readonly onFailed: (error: unknown) => void;
}

export interface Standbys {
  /** Follows these and no others; resolves when the databases of those that go are closed. */
  keep(tasks: readonly TaskId[]): Promise<void>;
  readonly tasks: readonly TaskId[];
  /** As `MemberData.positions`, also of copies that were kept here before. */
  positions(): ReadonlyMap<TaskId, number>;
  /** Records of its changelogs that a copy lacks; Infinity before that is known. */
  lag(task: TaskId): number;
  close(): Promise<void>;
}

/** A changelog of a copy. */
interface Followed extends TopicPartition {
  /** Next to be fetched. */
  at: number;
  /** A topic of others that a table is made of: its records count once they are committed. Infinity for changelogs. */
  limit: number;
}

interface Copy {
  readonly task: TaskId;
  readonly stores: TaskStores;
  readonly restorer: Restorer;
  readonly followed: readonly Followed[];
}

const pollMs = 500;
const limitEveryMs = 1_000;

export function createStandbys(options: StandbysOptions): Standbys {
  const { topology, client, clock, logger } = options;
  const copies = new Map<TaskId, Copy>();
  const opening = new Map<TaskId, { readonly abort: AbortController; readonly done: Promise<void> }>();
  const closedAt = new Map<TaskId, number>();
  const offsets = client.offsets(topology.job);
  const stopping = new AbortController();
  let fetcher: ReturnType<Client['fetcher']> | null = null;
  let looping: Promise<void> | null = null;
  let turns: Promise<unknown> = Promise.resolve();
  let limitsAtMs = Number.NEGATIVE_INFINITY;

  function inOrder<T>(work: () => Promise<T>): Promise<T> {
    const turn = turns.then(work, work);
    turns = turn.catch(() => {});
    return turn;
  }

  const allFollowed = () => [...copies.values()].flatMap(({ followed }) => followed);

  function assign(): void {
    fetcher?.assign(
      allFollowed()
        .filter(({ at, limit }) => at < limit)
        .map(({ topic, partition, at }) => ({ topic, partition, offset: at })),
    );
  }

  async function open(task: TaskId, signal: AbortSignal): Promise<void> {
    const { subTopology, partition } = parseTaskId(task);
    const sub = topology.subTopologies[subTopology]!;
    const storage = await openState(options, task, signal);
    let stores: TaskStores | undefined;
    try {
      stores = await openTaskStores({ storage, specs: sub.stores, place: `the copy of task ${task}` });
      const starts = await client.admin().listOffsets(
        sub.stores.map(({ changelog }) => ({ topic: changelog, partition })),
        'earliest',
      );
      const followed = sub.stores.map(({ changelog, ownChangelog }, i): Followed => {
        const at = Math.max(stores!.checkpoint(changelog) ?? 0, starts[i]!.offset);
        return { topic: changelog, partition, at, limit: ownChangelog ? Number.POSITIVE_INFINITY : at };
      });
      signal.throwIfAborted();
      const restorer = createRestorer({ stores, cursor: new RecordCursor() });
      copies.set(task, { task, stores, restorer, followed });
      limitsAtMs = Number.NEGATIVE_INFINITY;
    } catch (error) {
      await (stores ?? storage).close();
      throw error;
    }
  }

  function start(task: TaskId): void {
    const abort = new AbortController();
    const done = open(task, abort.signal)
      .catch((error: unknown) => {
        if (!abort.signal.aborted) options.onFailed(error);
      })
      .finally(() => opening.delete(task));
    opening.set(task, { abort, done });
    // No part of `done`: a turn that ends this copy waits for that, and would wait for the turn after itself.
    void done.then(() => inOrder(async () => assign()));
  }

  async function end(task: TaskId): Promise<void> {
    const starting = opening.get(task);
    starting?.abort.abort(new Error('the copy is not wanted any more'));
    await starting?.done;
    const copy = copies.get(task);
    if (copy === undefined) return;
    copies.delete(task);
    await copy.restorer.finish();
    closedAt.set(task, sumOf(checkpoints(copy)));
    await copy.stores.close();
  }

  /** What others have written to the topics of tables counts as far as the job has committed it. */
  async function raiseLimits(): Promise<void> {
    const limited = allFollowed().filter(({ limit }) => Number.isFinite(limit));
    if (limited.length === 0 || clock.monotonicMs() - limitsAtMs < limitEveryMs) return;
    limitsAtMs = clock.monotonicMs();
    const committed = await offsets.fetch(limited);
    for (const one of limited) one.limit = Math.max(one.limit, committed.get(partitionName(one))?.offset ?? 0);
    assign();
  }

  async function take(fetched: readonly FetchedPartition[]): Promise<void> {
    const touched = new Set<Copy>();
    for (const part of fetched) {
      for (const copy of copies.values()) {
        const one = copy.followed.find(({ topic, partition }) => topic === part.topic && partition === part.partition);
        if (one === undefined || one.at !== part.fetchOffset) continue;
        await copy.restorer.restoreBatches(part.topic, { ...part, endOffset: one.limit });
        one.at = Math.min(part.nextOffset, one.limit);
        touched.add(copy);
        if (part.nextOffset > one.limit) assign();
      }
    }
    for (const copy of touched) await copy.restorer.finish();
  }

  /** A copy can wait for a log that is out of reach. */
  function untilItPasses(error: unknown): void {
    if (!isFaultThatPasses(error)) throw error;
    logger.warn({ error }, 'copies of the state of others can not be followed; trying again');
  }

  async function loop(): Promise<void> {
    fetcher = client.fetcher({ isolation: 'readCommitted', from: 'earliest' });
    assign();
    while (!stopping.signal.aborted) {
      try {
        await inOrder(raiseLimits).catch(untilItPasses);
        const fetched = await fetcher.poll(pollMs, stopping.signal);
        await inOrder(() => take(fetched));
      } catch (error) {
        if (stopping.signal.aborted) return;
        options.onFailed(error);
        return;
      }
      await clock.nextTurn();
    }
  }

  const checkpoints = ({ stores, followed }: Copy) => followed.map(({ topic }) => stores.checkpoint(topic));

  return {
    async keep(tasks) {
      const leaving = [...copies.keys(), ...opening.keys()].filter((task) => !tasks.includes(task));
      if (leaving.length > 0) {
        await inOrder(async () => {
          for (const task of leaving) await end(task);
          assign();
        });
      }
      for (const task of tasks) {
        if (copies.has(task) || opening.has(task)) continue;
        logger.debug({ task }, 'a copy of the state is kept here from now on');
        start(task);
      }
      if (tasks.length > 0) looping ??= loop();
    },
    get tasks() {
      return [...copies.keys()];
    },
    positions: () =>
      new Map([...closedAt, ...[...copies].map(([task, copy]) => [task, sumOf(checkpoints(copy))] as const)]),
    lag(task) {
      const copy = copies.get(task);
      if (copy === undefined) return Number.POSITIVE_INFINITY;
      return copy.followed.reduce((sum, { topic, partition, at, limit }) => {
        const end = fetcher?.endOffset({ topic, partition });
        if (end === undefined) return sum + (at < limit ? Number.POSITIVE_INFINITY : 0);
        return sum + Math.max(0, Math.min(end, limit) - at);
      }, 0);
    },
    async close() {
      stopping.abort(new Error('the copies are closed'));
      await looping;
      await inOrder(async () => {
        for (const task of [...copies.keys(), ...opening.keys()]) await end(task);
      });
      fetcher?.close();
    },
  };
}

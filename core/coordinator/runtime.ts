// Runs the shards of one coordinator, one a partition of its internal topic: loads a shard at its first use, runs
// commands one after another, appends what they made, replays it, and answers once it is committed. It knows no group
// and no transaction. Persist, then speak: no reply, not even of a command that only read, leaves before everything
// that it may have seen is committed.
import type { Clock } from '../kernel/clock.ts';
import { Fault, isFault } from '../kernel/fault.ts';
import type { Logger } from '../kernel/logger.ts';
import type { CommandResult, Shard, ShardLog, TransactionMarker } from './shard.ts';
import { createShardTimers, type ShardTimers, type ShardTimersControl } from './shard-timers.ts';

/** Looks at the shard and says what is to be written. Throws only for mistakes of ours: a refusal is a reply. */
export type Command<S, Reply> = (shard: S) => CommandResult<Reply>;

/** What a shard is made with. */
export interface ShardContext<S> {
  readonly topic: string;
  readonly partition: number;
  /** Of the log: a node that takes the shard over later has a higher one. */
  readonly epoch: number;
  readonly clock: Clock;
  /** Deadlines come back as commands of this shard; none survives an unload. */
  readonly timers: ShardTimers<Command<S, unknown>>;
}

export interface CoordinatorRuntimeOptions<S extends Shard> {
  readonly topic: string;
  /** Of the topic; it may not be known before there is one. */
  readonly partitions: () => number;
  readonly makeShard: (context: ShardContext<S>) => S;
  /** Opens the partition's log, making it when it isn't there. Rejects where another node has it. */
  readonly openLog: (topic: string, partition: number) => Promise<ShardLog>;
  /** Partitions that have a log, for commands that go to all shards. */
  readonly existing: () => Promise<readonly number[]>;
  /** A shard that could not write was forgotten. Whoever has work that nobody asks for reads it again. */
  readonly onDropped?: (partition: number) => void;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * Every call rejects with Fault `STORAGE_FAILED` when the shard can't be loaded or its records can't be written (the
 * shard is then loaded anew at the next call), and with `CLOSED` after close().
 */
export interface CoordinatorRuntime<S extends Shard> {
  /** The partition that owns a group or a transactional id, as Kafka finds it: Java's hash of the string, modulo. */
  partitionFor(id: string): number;
  /** Runs a command on the shard that owns `id`, where what is known here can't be old; the others are carried out all the same. */
  run<Reply>(id: string, command: Command<S, Reply>): Promise<Awaited<Reply>>;
  runOn<Reply>(partition: number, command: Command<S, Reply>): Promise<Awaited<Reply>>;
  /** Runs a command on every shard that has a log. */
  runOnAll<Reply>(command: Command<S, Reply>): Promise<Awaited<Reply>[]>;
  /** Writes the end of a transaction into a partition and has the shard replay it. */
  endTransaction(partition: number, marker: TransactionMarker): Promise<void>;
  /** The partition is another node's now: whoever waits is told so. */
  unload(partition: number): void;
  close(): Promise<void>;
}

interface Loaded<S> {
  readonly shard: S;
  readonly log: ShardLog;
  readonly timers: ShardTimersControl<Command<S, unknown>>;
  /** Resolves when everything appended so far is committed. */
  committed: Promise<void> | null;
  /** Resolves when no write is under way, however they end. */
  settled: Promise<unknown>;
  dropped: boolean;
}

/** Why a log refuses the marker of a transaction that a later one has ended. */
export const passedBy: readonly string[] = ['INVALID_PRODUCER_EPOCH', 'TRANSACTION_COORDINATOR_FENCED'];

function goOnIfPassed(error: unknown): void {
  if (!isFault(error, 'LOG_REFUSED') || !passedBy.includes(error.detail.error)) throw error;
}

/** Java's String.hashCode, made non-negative as Kafka's Utils.abs does. */
export function javaHash(text: string): number {
  let hash = 0;
  for (let i = 0; i < text.length; i++) hash = (Math.imul(hash, 31) + text.charCodeAt(i)) | 0;
  return hash === -(2 ** 31) ? 0 : Math.abs(hash);
}

export function createCoordinatorRuntime<S extends Shard>(
  options: CoordinatorRuntimeOptions<S>,
): CoordinatorRuntime<S> {
  const { topic, partitions, makeShard, openLog, existing, clock, logger } = options;
  const shards = new Map<number, Promise<Loaded<S>>>();
  /** Writes of shards that were dropped: one that begins anew must not read the log before they have ended. */
  const leftovers = new Map<number, Promise<unknown>>();
  let closed = false;

  async function load(partition: number): Promise<Loaded<S>> {
    await leftovers.get(partition);
    leftovers.delete(partition);
    const log = await openLog(topic, partition);
    const timers = createShardTimers<Command<S, unknown>>({
      clock,
      run: (command) => {
        runOn(partition, command).catch((error: unknown) => {
          if (!closed) logger.warn({ err: error, topic, partition }, 'a coordinator deadline could not be carried out');
        });
      },
    });
    const shard = makeShard({ topic, partition, epoch: log.epoch, clock, timers });
    await log.replay({
      record: (record, transaction) => shard.replay(record, transaction),
      marker: (marker) => shard.replayMarker?.(marker),
    });
    if (closed) throw new Fault('CLOSED', { what: `the coordinator of ${topic}` });
    shard.loaded?.();
    return { shard, log, timers, committed: null, settled: Promise.resolve(), dropped: false };
  }

  function shardOf(partition: number): Promise<Loaded<S>> {
    if (closed) return Promise.reject(new Fault('CLOSED', { what: `the coordinator of ${topic}` }));
    let loading = shards.get(partition);
    if (loading === undefined) {
      loading = load(partition);
      shards.set(partition, loading);
      const started = loading;
      loading.catch(() => {
        if (shards.get(partition) === started) shards.delete(partition);
      });
    }
    return loading;
  }

  async function liveShardOf(partition: number): Promise<Loaded<S>> {
    let loaded = await shardOf(partition);
    while (loaded.dropped) loaded = await shardOf(partition); // it failed between the load and this turn
    return loaded;
  }

  function drop(loaded: Loaded<S>): void {
    loaded.dropped = true;
    loaded.timers.cancelAll();
    loaded.shard.unloaded?.();
  }

  /** After a failed append memory is ahead of the log: the shard is forgotten, and read from the log at its next use. */
  function append(partition: number, loaded: Loaded<S>, written: Promise<void>): void {
    const before = loaded.committed;
    const current = shards.get(partition);
    const committed: Promise<void> = (async () => {
      await before;
      await written;
    })();
    loaded.committed = committed;
    // Also looks at the failure of one that nobody awaits, because one before it has failed.
    loaded.settled = Promise.allSettled([loaded.settled, written]);
    committed.then(
      () => {
        if (loaded.committed === committed) loaded.committed = null;
      },
      (error: unknown) => {
        if (current === undefined || shards.get(partition) !== current) return;
        shards.delete(partition);
        leftovers.set(partition, loaded.settled);
        logger.warn({ err: error, topic, partition }, 'a coordinator could not write; it starts anew from its log');
        drop(loaded);
        options.onDropped?.(partition);
      },
    );
  }

  async function runOn<Reply>(partition: number, command: Command<S, Reply>): Promise<Awaited<Reply>> {
    const loaded = await liveShardOf(partition);
    const { records, reply, transaction, applied, settle } = command(loaded.shard);
    let ownError: unknown;
    if (records.length > 0) {
      const written = loaded.log.append(records, transaction);
      written.catch((error: unknown) => {
        ownError = error;
      });
      append(partition, loaded, written);
      if (applied !== true) for (const record of records) loaded.shard.replay(record, transaction ?? null);
    }
    if (loaded.committed !== null) {
      try {
        await loaded.committed;
      } catch (error) {
        settle?.('failed');
        if (reply instanceof Promise) reply.catch(() => {});
        throw error === ownError ? error : startsAnew(partition, error);
      }
    }
    settle?.('committed');
    return await reply;
  }

  /** What the log doesn't take of one, as an offset of a producer that was fenced, is no fault of those who waited behind it. */
  function startsAnew(partition: number, error: unknown): unknown {
    if (!isFault(error, 'LOG_REFUSED') || error.detail.error === 'NOT_LEADER_OR_FOLLOWER') return error;
    const why = 'the coordinator starts anew from its log';
    return new Fault('LOG_REFUSED', { partition: `${topic}-${partition}`, error: 'NOT_COORDINATOR', why }, error);
  }

  async function run<Reply>(id: string, command: Command<S, Reply>): Promise<Awaited<Reply>> {
    const partition = partitionFor(id);
    (await liveShardOf(partition)).log.assertCurrent();
    return runOn(partition, command);
  }

  async function endTransaction(partition: number, marker: TransactionMarker): Promise<void> {
    const loaded = await liveShardOf(partition);
    // Replayed once it is written: where it is refused, nothing has changed, and the shard goes on.
    const written = loaded.log.appendMarker(marker).then(() => loaded.shard.replayMarker?.(marker));
    append(partition, loaded, written.catch(goOnIfPassed));
    await loaded.committed;
    await written;
  }

  function partitionFor(id: string): number {
    return javaHash(id) % partitions();
  }

  return {
    partitionFor,
    run,
    runOn,
    runOnAll: async (command) => Promise.all((await existing()).map((partition) => runOn(partition, command))),
    endTransaction,
    unload(partition) {
      const loading = shards.get(partition);
      if (loading === undefined) return;
      shards.delete(partition);
      loading.then(
        (loaded) => {
          leftovers.set(partition, loaded.settled);
          drop(loaded);
        },
        () => {},
      );
    },
    async close() {
      closed = true;
      const loading = [...shards.values()];
      shards.clear();
      for (const outcome of await Promise.allSettled(loading)) {
        if (outcome.status === 'fulfilled') drop(outcome.value);
      }
      for (const outcome of await Promise.allSettled(loading)) {
        if (outcome.status === 'fulfilled') await outcome.value.settled;
      }
    },
  };
}

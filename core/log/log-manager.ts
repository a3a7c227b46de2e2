// All partitions of a node: opened on first use, found by name, deleted, cleaned within a budget. It owns the cache of
// newest batches and the bound on open databases; what happens in a partition is its log's.
import type { Clock } from '../kernel/clock.ts';
import { Fault, isFault } from '../kernel/fault.ts';
import { partitionName, type TopicPartition } from '../kernel/ids.ts';
import { type Logger, silentLogger } from '../kernel/logger.ts';
import type { Disk } from '../storage/disk.ts';
import { isDamage } from '../storage/failure-reason.ts';
import type { StorageEngine } from '../storage/storage.ts';
import { createBatchCache } from './batch-cache.ts';
import type { LogConfig } from './log-config.ts';
import { openPartitionLog, type PartitionLog } from './partition-log.ts';
import { createStoragePool } from './storage-pool.ts';

export interface LogManagerOptions {
  /** A folder whose databases are partitions; others in it, such as `__catalog`, are left alone. */
  readonly engine: StorageEngine;
  readonly clock: Clock;
  readonly logger?: Logger;
  /** Of the newest batches of all partitions in memory. Default 64 MiB. */
  readonly cacheBytesMax?: number;
  /** Databases open at a time. Default what the engine says. */
  readonly openMax?: number;
  /** A database unused for that long is closed by clean(). Default 10 minutes. */
  readonly idleCloseMs?: number;
  /** 'written': a partition's high watermark follows its log end by itself. Default. */
  readonly highWatermark?: 'written' | 'replicated';
  /** `producer.id.expiration.ms`. Default a day. */
  readonly producerIdExpirationMs?: number;
  /** Is told of writes that fail. */
  readonly disk?: Disk;
}

export interface CleanBudget {
  /** No new partition is begun after that. Default 10 seconds. */
  readonly ms?: number;
  /** Both are done by default. */
  readonly what?: 'retention' | 'compaction';
}

export interface LogManager {
  /**
   * The log of a partition, opened or made if it isn't there. The same one for the same partition until it is deleted; it
   * stays valid when its database is closed for a while. `config` replaces what an open log has.
   *
   * @throws Fault `PARTITION_DAMAGED`, `STORAGE_IN_USE`, `STORAGE_NEWER`, `STORAGE_FAILED`
   */
  open(topic: string, partition: number, config: LogConfig): Promise<PartitionLog>;
  /** The log, if it has been opened. */
  get(topic: string, partition: number): PartitionLog | undefined;
  /** Closes the log and deletes what it has on disk. */
  delete(topic: string, partition: number): Promise<void>;
  /** Partitions that have a database, open or not. */
  list(): Promise<TopicPartition[]>;
  /** Retention, compaction of what is dirty enough, idle databases. Of the logs that are open; a failure is logged. */
  clean(budget?: CleanBudget): Promise<void>;
  /** Reads all logs that are open, slowly, and reports what is damaged in them, before somebody needs it. */
  scrub(signal: AbortSignal): Promise<void>;
  close(): Promise<void>;
}

/** A disk reads some hundreds of megabytes a second: clients notice nothing, and a terabyte takes a day and a half. */
const scrubBytesPerSecond = 8 << 20;

export function createLogManager(options: LogManagerOptions): LogManager {
  const { engine, clock, logger = silentLogger } = options;
  const diskOf = options.disk === undefined ? {} : { disk: options.disk };
  const pool = createStoragePool({
    engine,
    clock,
    openMax: options.openMax ?? engine.openMax ?? Number.POSITIVE_INFINITY,
    ...diskOf,
  });
  const cache = createBatchCache(options.cacheBytesMax ?? 64 << 20);
  const opening = new Map<string, Promise<PartitionLog>>();
  const logs = new Map<string, PartitionLog>();
  let isClosed = false;

  async function openLog(topic: string, partition: number, config: LogConfig): Promise<PartitionLog> {
    const name = partitionName({ topic, partition });
    const storage = await pool.take(name).catch((error: unknown) => {
      if (isFault(error, 'STORAGE_FAILED') && !isDamage(error)) options.disk?.failed(error);
      throw error;
    });
    try {
      const { highWatermark = 'written', producerIdExpirationMs = 86_400_000 } = options;
      const parts = { storage, config, clock, logger, cache, highWatermark, producerIdExpirationMs, ...diskOf };
      const log = await openPartitionLog({ topic, partition, ...parts });
      logs.set(name, log);
      return log;
    } catch (error) {
      await storage.close();
      throw error;
    }
  }

  async function cleanLog(log: PartitionLog, what: CleanBudget['what']): Promise<void> {
    try {
      if (what !== 'compaction') await log.applyRetention();
      if (what === 'retention') return;
      const { minCleanableDirtyRatio } = log.config();
      const dirty = log.dirtyRatio();
      if (dirty > 0 && dirty >= minCleanableDirtyRatio) await log.compact();
    } catch (error) {
      if (isFault(error, 'LOG_REFUSED') && error.detail.error === 'CORRUPT_MESSAGE') return; // the log has said where
      const partition = partitionName(log);
      if (!isClosed && logs.has(partition))
        logger.error({ partition, error: String(error) }, 'cleaning a partition failed');
    }
  }

  return {
    async open(topic, partition, config) {
      if (isClosed) throw new Fault('CLOSED', { what: 'the node' });
      const name = partitionName({ topic, partition });
      const found = logs.get(name);
      if (found !== undefined) {
        if (found.config() !== config) found.updateConfig(config);
        return found;
      }
      let promise = opening.get(name);
      if (promise === undefined) {
        promise = openLog(topic, partition, config).finally(() => opening.delete(name));
        opening.set(name, promise);
      }
      return promise;
    },
    get: (topic, partition) => logs.get(partitionName({ topic, partition })),
    async delete(topic, partition) {
      const name = partitionName({ topic, partition });
      await opening.get(name)?.catch(() => {});
      const log = logs.get(name);
      logs.delete(name);
      await log?.close();
      await engine.destroy(name);
    },
    async list() {
      const names = await engine.list();
      return names.flatMap((name) => {
        const [, topic, partition] = /^(.+)-(\d+)$/.exec(name) ?? [];
        return topic === undefined ? [] : [{ topic, partition: Number(partition) }];
      });
    },
    async clean({ ms = 10_000, what } = {}) {
      const endMs = clock.monotonicMs() + ms;
      for (const [name, log] of [...logs]) {
        if (isClosed || clock.monotonicMs() > endMs) break;
        await cleanLog(log, what);
        // To the end of the row, so that a budget that is too small for all still comes to each in turn.
        if (logs.delete(name)) logs.set(name, log);
      }
      await pool.closeIdle(options.idleCloseMs ?? 600_000);
    },
    async scrub(signal) {
      for (const [name, log] of [...logs])
        try {
          for (let from: number | null = 0; from !== null && logs.get(name) === log; ) {
            const { next, bytes } = await log.verify(from);
            from = next;
            await clock.sleep(Math.ceil((bytes * 1_000) / scrubBytesPerSecond), signal);
          }
        } catch (error) {
          if (isClosed || signal.aborted) return;
          // What is damaged the log has reported; what can't be read now is read the next time.
          logger.debug({ err: error, partition: name }, 'a log could not be read through');
        }
    },
    async close() {
      isClosed = true;
      await Promise.allSettled(opening.values());
      const closed = await Promise.allSettled([...logs.values()].map((log) => log.close()));
      logs.clear();
      const failed = closed.find((result) => result.status === 'rejected');
      if (failed !== undefined) throw failed.reason;
    },
  };
}

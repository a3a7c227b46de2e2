// What the parts of one partition log share: its state, the queue of writes, and what happens when a write fails. The
// parts are log-appender.ts, log-reader.ts and log-maintenance.ts; nobody else may see this.
import type { Clock } from '../kernel/clock.ts';
import { type Fault, isFault } from '../kernel/fault.ts';
import { partitionName } from '../kernel/ids.ts';
import type { Logger } from '../kernel/logger.ts';
import type { Disk } from '../storage/disk.ts';
import { isDamage } from '../storage/failure-reason.ts';
import type { BatchOperation } from '../storage/storage.ts';
import type { BatchCache, PartitionCache } from './batch-cache.ts';
import { createGroupCommit, type PendingWrite } from './group-commit.ts';
import type { LogConfig } from './log-config.ts';
import { type LogLimits, type LogState, logLimits } from './log-state.ts';
import type { LogStorage } from './log-storage.ts';
import { type RecoveryOptions, recover } from './recovery.ts';
import { type LogError, objection, refusal } from './refusal.ts';

/** 'logEnd' is for followers, who must have what isn't on all in-sync replicas yet. */
export type ReadIsolation = 'readUncommitted' | 'readCommitted' | 'logEnd';

export interface LogCoreOptions {
  readonly topic: string;
  readonly partition: number;
  readonly storage: LogStorage;
  readonly config: LogConfig;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly cache: BatchCache;
  /** 'written': follows the log end by itself. 'replicated': only by advanceHighWatermark(). Default 'written'. */
  readonly highWatermark?: 'written' | 'replicated';
  /** `producer.id.expiration.ms`. Default a day. */
  readonly producerIdExpirationMs?: number;
  /** Default `logLimits`. */
  readonly limits?: LogLimits;
  /** Is told of writes that fail, and says so for all logs on it. */
  readonly disk?: Disk;
}

export interface LogCore {
  readonly name: string;
  readonly storage: LogStorage;
  readonly clock: Clock;
  readonly cache: PartitionCache;
  /** Another object after a failed write and after a truncation: whoever awaits must look again. */
  state: LogState;
  config: LogConfig;
  status: 'open' | 'failed' | 'truncating' | 'closed';
  /** @throws Fault `LOG_REFUSED` unless appends are taken */
  assertUsable(): void;
  /** Resolves when written. @throws Fault `LOG_REFUSED` with KAFKA_STORAGE_ERROR */
  commit(write: Omit<PendingWrite, 'sync'>): Promise<void>;
  /** Behind everything that was appended before; what the operations describe must be in the state already. */
  commitOperations(operations: readonly BatchOperation[]): Promise<void>;
  drain(): Promise<void>;
  /** A write failed, so that memory and disk may differ: the log is opened again underneath. */
  fail(error: unknown): void;
  refuse(error: LogError, why: string): Fault<'LOG_REFUSED'>;
  /**
   * What was read back is not what was written: says so, once for each place.
   *
   * @returns the refusal for whoever wanted to read there
   */
  damaged(offset: number, what: string): Fault<'LOG_REFUSED'>;
  storageRefusal(cause?: unknown): Fault<'LOG_REFUSED'>;
  recoveryOptions(): RecoveryOptions;
  expireProducers(): void;
  advance(offset: number): void;
  /** Puts a state in place whose batches were read back; the high watermark doesn't go back below what is still there. */
  replaceState(state: LogState): void;
  /** First offset that a reader may not see. */
  boundOf(isolation: ReadIsolation): number;
  readonly listeners: Set<() => void>;
  readonly writtenListeners: Set<() => void>;
  readonly damageListeners: Set<(offset: number) => void>;
  recovered(): Promise<void>;
}

const dayMs = 86_400_000;

/** @throws Fault `PARTITION_DAMAGED`, `STORAGE_NEWER`, and what the storage throws */
export async function openLogCore(options: LogCoreOptions): Promise<LogCore> {
  const { storage, clock, logger } = options;
  const followsWrites = (options.highWatermark ?? 'written') === 'written';
  const name = partitionName(options);
  const listeners = new Set<() => void>();
  const writtenListeners = new Set<() => void>();
  const damageListeners = new Set<(offset: number) => void>();
  const damages = new Set<number>();
  let failure: unknown;
  let recovering: Promise<void> | null = null;
  let stableSeen = -1;

  const queue = createGroupCommit({
    write: (operations, sync) => storage.write(operations, { sync }),
    onGroupWritten() {
      if (followsWrites) core.advance(core.state.writtenOffset);
      if (writtenListeners.size > 0) tell(writtenListeners);
    },
    onFailed: (error) => core.fail(error),
  });

  /** What is in memory is ahead of the disk then. Until it is read back, everything is refused. */
  function recoverFromFailure(): Promise<void> {
    recovering ??= (async () => {
      try {
        await storage.reopen();
        core.replaceState(await recover(core.recoveryOptions()));
        core.expireProducers();
        if (core.status === 'failed') core.status = 'open';
      } catch (error) {
        failure = error;
      } finally {
        recovering = null;
      }
    })();
    return recovering;
  }

  function notify(): void {
    stableSeen = core.boundOf('readCommitted');
    tell(listeners);
  }

  function tell(whom: Iterable<() => void>): void {
    for (const listener of [...whom]) {
      try {
        listener();
      } catch (error) {
        logger.error({ partition: name, error: String(error) }, 'a listener of a partition failed');
      }
    }
  }

  const core: LogCore = {
    name,
    storage,
    clock,
    listeners,
    writtenListeners,
    damageListeners,
    cache: options.cache.partition(),
    config: options.config,
    status: 'open',
    state: await recover(recoveryOptions(options.config)),
    assertUsable() {
      if (core.status === 'open') return;
      if (core.status === 'closed') throw core.refuse('NOT_LEADER_OR_FOLLOWER', 'the log is closed');
      if (core.status === 'truncating') throw core.refuse('NOT_LEADER_OR_FOLLOWER', 'the log is being truncated');
      void recoverFromFailure();
      throw core.storageRefusal();
    },
    commit: ({ operations, sizeBytes, onWritten }) =>
      queue.add({ operations, sizeBytes, sync: core.config.sync, onWritten }).catch((error: unknown) => {
        throw core.storageRefusal(error);
      }),
    async commitOperations(operations) {
      // They would describe batches that never came to the disk.
      if (core.status === 'failed') throw core.storageRefusal();
      const sizeBytes = operations.reduce((sum, op) => sum + (op.type === 'put' ? op.value.length : 0), 0);
      await core.commit({ operations, sizeBytes, onWritten: () => {} });
    },
    fail(error) {
      if (core.status !== 'closed') core.status = 'failed';
      failure = error;
      const line = { partition: name, error: String(error) };
      const told = 'a write to a partition failed; it is read back from disk';
      if (options.disk === undefined) logger.error(line, told);
      else if (isFault(error, 'STORAGE_FAILED')) logger.debug(line, told);
      else logger.warn(line, told);
      if (isDamage(error)) core.damaged(core.state.logStartOffset, (error as Error).message);
      else if (isFault(error, 'STORAGE_FAILED')) options.disk?.failed(error);
      void recoverFromFailure();
    },
    drain: queue.drain,
    refuse: (error, why) => refusal(name, objection(error, why)),
    damaged(offset, what) {
      if (!damages.has(offset)) {
        damages.add(offset);
        const { topic, partition } = options;
        logger.warn(
          { topic, partition, offset, what },
          `the batch of ${name} that holds offset ${offset} is damaged on the disk of this node, and is not served`,
        );
        tell([...damageListeners].map((listener) => () => listener(offset)));
      }
      return core.refuse('CORRUPT_MESSAGE', `what is stored at offset ${offset} is damaged: ${what}`);
    },
    storageRefusal(cause = failure) {
      failure ??= cause;
      return refusal(name, objection('KAFKA_STORAGE_ERROR', (cause as Error).message ?? String(cause)), cause);
    },
    recoveryOptions: () => recoveryOptions(core.config),
    expireProducers: () => core.state.producers.expire(clock.now(), options.producerIdExpirationMs ?? dayMs),
    advance(offset) {
      const { state } = core;
      const target = Math.min(offset, state.writtenOffset);
      const moved = target > state.highWatermark;
      if (moved) state.highWatermark = target;
      if (moved || core.boundOf('readCommitted') !== stableSeen) notify();
    },
    replaceState(state) {
      const known = followsWrites ? state.writtenOffset : Math.max(core.state.highWatermark, state.highWatermark);
      state.highWatermark = Math.min(known, state.writtenOffset);
      core.state = state;
      damages.clear();
      core.cache.clear();
      notify();
    },
    boundOf(isolation) {
      const { transactions, highWatermark, logStartOffset } = core.state;
      if (isolation === 'logEnd') return core.state.writtenOffset;
      if (isolation === 'readUncommitted') return highWatermark;
      // A transaction may be open whose first records are deleted.
      return Math.max(transactions.lastStableOffset(highWatermark), logStartOffset);
    },
    recovered: async () => {
      await recovering;
    },
  };

  function recoveryOptions(rules: LogConfig): RecoveryOptions {
    return { storage, partition: name, nowMs: clock.now(), rules, limits: options.limits ?? logLimits };
  }

  core.expireProducers();
  core.replaceState(core.state);
  return core;
}

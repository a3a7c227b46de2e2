// One partition: an ordered run of record batches with what belongs to it. Appends are judged and get their offsets at
// once, in memory, and are written in groups behind; nothing of them is shown before it is written. The path of a produce
// or fetch decodes no record. This file is the contract; what it does stands in the files it puts together.
import type { Records } from '../protocol/transport.ts';
import { type FoundRecord, firstRecordAt, newestRecord } from './batch-lookup.ts';
import { checkpointOperations } from './checkpoint.ts';
import { dirtyRatioOf } from './compaction.ts';
import type { EpochEnd } from './epoch-cache.ts';
import { type AppendOptions, type AppendResult, createAppender, createReplicaAppender } from './log-appender.ts';
import type { LogConfig } from './log-config.ts';
import { type LogCoreOptions, openLogCore } from './log-core.ts';
import { createMaintenance } from './log-maintenance.ts';
import {
  type ReadOptions,
  type ReadResult,
  readCached,
  readStored,
  reportingDamage,
  verifyStored,
} from './log-reader.ts';
import type { ProducerInfo } from './producer-state.ts';

export type { AppendOptions, AppendResult } from './log-appender.ts';
export type { ReadOptions, ReadResult } from './log-reader.ts';

/** Every method that touches storage can reject with `LOG_REFUSED` whose `error` is KAFKA_STORAGE_ERROR. */
export interface PartitionLog {
  readonly topic: string;
  readonly partition: number;
  readonly logStartOffset: number;
  /** After the last batch that is written. */
  readonly logEndOffset: number;
  readonly highWatermark: number;
  readonly lastStableOffset: number;
  readonly leaderEpoch: number;
  /** Of the batches in the log, without what storage adds. */
  readonly sizeBytes: number;
  config(): LogConfig;
  updateConfig(config: LogConfig): void;
  /**
   * Takes whole batches as produced, all or none. The order of calls is the order of offsets; it resolves when they are
   * written. The bytes belong to the log from here on, which changes them in place.
   *
   * @throws Fault `LOG_REFUSED` whose `error` is Kafka's name for what is wrong
   */
  append(records: Records, options: AppendOptions): Promise<AppendResult>;
  /**
   * Takes whole batches from the partition's leader at the offsets that they have there. What is here already is left
   * out. Resolves when they are written.
   *
   * @throws Fault `LOG_REFUSED` with CORRUPT_MESSAGE for bytes that changed on the way, INVALID_RECORD for a batch that
   * begins before the end of this log and goes past it
   */
  appendReplica(records: Records): Promise<void>;
  /**
   * @throws Fault `LOG_REFUSED` with OFFSET_OUT_OF_RANGE below the log start or above the log end, with CORRUPT_MESSAGE where
   * the batch at `from` is damaged on disk: what follows it can be read
   */
  read(options: ReadOptions): Promise<ReadResult>;
  /** The same at once from the newest batches in memory; null where the disk is needed. */
  readCached(options: ReadOptions): ReadResult | null;
  /** The first record at or after a time. It may be above the high watermark. */
  offsetForTimestamp(timestampMs: number): Promise<FoundRecord | null>;
  /** The record with the largest time, the first of several. */
  maxTimestamp(): Promise<FoundRecord | null>;
  /** Where the largest leader epoch up to `leaderEpoch` ends, -1 for both where nothing is known. */
  epochEnd(leaderEpoch: number): EpochEnd;
  /** A new leader's epoch begins at the log end. Resolves when it is on disk. */
  beginEpoch(leaderEpoch: number): Promise<void>;
  /** Never goes back, never above the log end. */
  advanceHighWatermark(offset: number): void;
  /**
   * Cuts off everything at and after `offset`; a batch that holds it goes as a whole. Appends are refused meanwhile. Below
   * the high watermark, as after an unclean election, transactions that compaction saw ended stay ended.
   */
  truncateTo(offset: number): Promise<void>;
  /** Lets go everything and goes on empty at `offset`: for a follower whose leader has nothing left of what follows it. */
  restartAt(offset: number): Promise<void>;
  /** @returns the log start. @throws Fault `LOG_REFUSED` with OFFSET_OUT_OF_RANGE above the high watermark */
  deleteRecordsBefore(offset: number): Promise<number>;
  /** Lets go what age and size say, and forgets producers that have been silent for long. */
  applyRetention(): Promise<void>;
  /** Compacts if `cleanup.policy` says so, whatever the dirty ratio. */
  compact(): Promise<void>;
  /** The part of what compaction may touch that it hasn't seen, 0 to 1; 0 for topics that aren't compacted. */
  dirtyRatio(): number;
  producers(): readonly ProducerInfo[];
  /** Whether a batch of that producer's transaction is in the log, written or on its way, and no marker after it. */
  hasOpenTransaction(producerId: number, producerEpoch: number): boolean;
  /** Calls back when the high watermark or the last stable offset has moved. @returns how to stop that */
  onAdvance(listener: () => void): () => void;
  /** Calls back when the log end has moved on. @returns how to stop that */
  onWritten(listener: () => void): () => void;
  /** Calls back when a batch was found damaged on disk, with an offset that it holds. @returns how to stop that */
  onDamage(listener: (offset: number) => void): () => void;
  /**
   * Looks at some of what is stored from `from` on, past the batches in memory, and reports what is damaged.
   *
   * @returns where to go on, null at the end; and how much was read
   */
  verify(from: number): Promise<{ readonly next: number | null; readonly bytes: number }>;
  /** Cuts the log off before the batch that holds `offset`, which needn't be readable. */
  truncateBefore(offset: number): Promise<void>;
  /** Resolves when all that was appended so far is written, or has failed. */
  drained(): Promise<void>;
  /** What is under way is written first. */
  close(): Promise<void>;
}

/** @throws Fault `PARTITION_DAMAGED`, `STORAGE_NEWER`, and what the storage throws */
export async function openPartitionLog(options: LogCoreOptions): Promise<PartitionLog> {
  const core = await openLogCore(options);
  const maintenance = createMaintenance(core);
  const { storage, clock, listeners } = core;

  async function close(): Promise<void> {
    if (core.status === 'closed') return;
    await maintenance.idle();
    await core.recovered();
    // Spares the next opening the reading of headers; without it they are read.
    if (core.status === 'open') await core.commitOperations(checkpointOperations(core.state)).catch(() => {});
    core.status = 'closed';
    await core.drain();
    core.cache.clear();
    listeners.clear();
    core.writtenListeners.clear();
    core.damageListeners.clear();
    await storage.close();
  }

  return {
    topic: options.topic,
    partition: options.partition,
    get logStartOffset() {
      return core.state.logStartOffset;
    },
    get logEndOffset() {
      return core.state.writtenOffset;
    },
    get highWatermark() {
      return core.state.highWatermark;
    },
    get lastStableOffset() {
      return core.boundOf('readCommitted');
    },
    get leaderEpoch() {
      return Math.max(core.state.epochs.latest, 0);
    },
    get sizeBytes() {
      return core.state.spans.bytes;
    },
    config: () => core.config,
    updateConfig(config) {
      core.config = config;
    },
    append: createAppender(core),
    appendReplica: createReplicaAppender(core),
    read: async (read) => readCached(core, read) ?? readStored(core, read),
    readCached: (read) => readCached(core, read),
    offsetForTimestamp: (timestampMs) =>
      reportingDamage(core, firstRecordAt(storage, core.state.spans, timestampMs, core.state.logStartOffset)),
    maxTimestamp: () => reportingDamage(core, newestRecord(storage, core.state.spans, core.state.logStartOffset)),
    epochEnd: (leaderEpoch) => core.state.epochs.endOf(leaderEpoch, core.state.writtenOffset),
    async beginEpoch(leaderEpoch) {
      core.assertUsable();
      core.state.epochs.assign(leaderEpoch, core.state.nextOffset);
      await core.commitOperations(checkpointOperations(core.state));
    },
    advanceHighWatermark: core.advance,
    truncateTo: maintenance.truncateTo,
    restartAt: maintenance.restartAt,
    deleteRecordsBefore: maintenance.deleteBefore,
    applyRetention: maintenance.applyRetention,
    compact: maintenance.compact,
    dirtyRatio: () => dirtyRatioOf({ state: core.state, config: core.config, nowMs: clock.now() }),
    producers: () => core.state.producers.list(),
    drained: core.drain,
    hasOpenTransaction: (producerId, producerEpoch) => core.state.producers.isOpen(producerId, producerEpoch),
    onAdvance(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    onWritten(listener) {
      core.writtenListeners.add(listener);
      return () => void core.writtenListeners.delete(listener);
    },
    onDamage(listener) {
      core.damageListeners.add(listener);
      return () => void core.damageListeners.delete(listener);
    },
    verify: (from) => verifyStored(core, from),
    truncateBefore: maintenance.truncateBefore,
    close,
  };
}

// Parts that the log's tests share: logs over memory, and batches as a producer makes them.

import { silentLogger } from '../../../core/kernel/logger.ts';
import { createManualClock, type ManualClock } from '../../../core/kernel/manual-clock.ts';
import { createBatchCache } from '../../../core/log/batch-cache.ts';
import { type ConfigOverrides, logConfig } from '../../../core/log/log-config.ts';
import { type LogLimits, logLimits } from '../../../core/log/log-state.ts';
import { openLogStorage } from '../../../core/log/log-storage.ts';
import { openPartitionLog, type PartitionLog } from '../../../core/log/partition-log.ts';
import { BatchBuilder } from '../../../core/protocol/batch-builder.ts';
import { endTransactionMarker } from '../../../core/protocol/control-record.ts';
import { type CompressionName, splitBatches } from '../../../core/protocol/record-batch.ts';
import { RecordCursor } from '../../../core/protocol/record-cursor.ts';
import type { Records } from '../../../core/protocol/transport.ts';
import { createMemoryEngine } from '../../../core/storage/memory-storage.ts';
import type { StorageEngine } from '../../../core/storage/storage.ts';

/** 2026-01-01, so that the timestamps of records are never in the node's future. */
export const startMs = 1_767_225_600_000;

export const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
export const text = (value: Uint8Array | null): string | null =>
  value === null ? null : new TextDecoder().decode(value);

export interface TestRecord {
  readonly key?: string | null;
  readonly value?: string | null;
  readonly timestampMs?: number;
}

export interface BatchOptions {
  readonly compression?: CompressionName;
  readonly producerId?: number;
  readonly producerEpoch?: number;
  readonly baseSequence?: number;
  readonly isTransactional?: boolean;
}

export function batch(records: readonly TestRecord[], options: BatchOptions = {}): Uint8Array {
  const builder = new BatchBuilder(options.compression === undefined ? {} : { compression: options.compression });
  for (const { key = null, value = 'v', timestampMs = startMs } of records)
    builder.append(timestampMs, key === null ? null : bytes(key), value === null ? null : bytes(value));
  const { compression: _, ...fields } = options;
  return builder.build(fields);
}

/** `count` records valued by their number in the batch. */
export const numbered = (count: number, options: BatchOptions = {}, timestampMs = startMs): Uint8Array =>
  batch(
    Array.from({ length: count }, (_, i) => ({ value: String(i), timestampMs })),
    options,
  );

export function marker(
  producerId: number,
  producerEpoch: number,
  commit: boolean,
  coordinatorEpoch = 0,
  timestampMs = startMs,
): Uint8Array {
  const { key, value } = endTransactionMarker({ commit, coordinatorEpoch });
  const builder = new BatchBuilder();
  builder.append(timestampMs, key, value);
  return builder.build({ producerId, producerEpoch, isTransactional: true, isControl: true });
}

export interface ReadRecord {
  readonly offset: number;
  readonly key: string | null;
  readonly value: string | null;
  readonly timestampMs: number;
}

export function recordsOf(records: Records): ReadRecord[] {
  const cursor = new RecordCursor();
  const found: ReadRecord[] = [];
  for (const piece of records.flatMap((r) => splitBatches(r))) {
    cursor.open(piece);
    while (cursor.next())
      found.push({
        offset: cursor.offset,
        key: text(cursor.key()),
        value: text(cursor.value()),
        timestampMs: cursor.timestampMs,
      });
  }
  return found;
}

/** Where a crash leaves a log: its storage is closed under it, and nothing more of it is written. */
export interface Opened {
  readonly log: PartitionLog;
  crash(): Promise<void>;
}

export interface OpenOptions {
  readonly highWatermark?: 'written' | 'replicated';
  readonly cacheBytesMax?: number;
  readonly limits?: Partial<LogLimits>;
}

export interface Bench {
  readonly engine: StorageEngine;
  readonly clock: ManualClock;
  open(overrides?: ConfigOverrides, options?: OpenOptions): Promise<PartitionLog>;
  openToCrash(overrides?: ConfigOverrides, options?: OpenOptions): Promise<Opened>;
}

/** Opens partition `t-0` of one engine, as often as wanted. */
export function bench(engine: StorageEngine & { life?(): StorageEngine } = createMemoryEngine()): Bench {
  const clock = createManualClock(startMs);
  async function openToCrash(overrides: ConfigOverrides = {}, options: OpenOptions = {}): Promise<Opened> {
    const { highWatermark = 'written', cacheBytesMax = 1 << 20, limits = {} } = options;
    const storage = await openLogStorage(engine.life?.() ?? engine, 't-0');
    const log = await openPartitionLog({
      topic: 't',
      partition: 0,
      storage,
      config: logConfig(overrides),
      clock,
      logger: silentLogger,
      cache: createBatchCache(cacheBytesMax),
      highWatermark,
      limits: { ...logLimits, ...limits },
    });
    return { log, crash: () => storage.close() };
  }
  return {
    engine,
    clock,
    openToCrash,
    open: async (overrides, options) => (await openToCrash(overrides, options)).log,
  };
}

export const client = { origin: 'client' } as const;
export const coordinator = { origin: 'coordinator' } as const;
export const uncommitted = { maxBytes: 1 << 20, isolation: 'readUncommitted' } as const;
export const committed = { maxBytes: 1 << 20, isolation: 'readCommitted' } as const;

/** The error name of the refusal that `promise` ends in. */
export async function refusalOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
  } catch (error) {
    return (error as { detail?: { error?: string } }).detail?.error ?? String(error);
  }
  return 'none';
}

// Collects records into one open batch a partition, bounded in memory. write() is the hot path: it makes no promise and
// allocates nothing but batch bytes. Nothing here sends: a sealed batch waits in its queue for the sender.
import type { Clock, Timer } from '../kernel/clock.ts';
import { Fault } from '../kernel/fault.ts';
import { createLatch, type Latch } from '../kernel/latch.ts';
import { BatchBuilder } from '../protocol/batch-builder.ts';
import { type CompressionName, loadCompression } from '../protocol/compression/registry.ts';
import type { RecordHeaders } from '../protocol/record-cursor.ts';
import {
  createPartitionQueue,
  type FlushWaiter,
  type PartitionQueue,
  type Reply,
  sealOpen,
} from './partition-queue.ts';
import { printable } from './split-batch.ts';

export interface AccumulatorOptions {
  readonly clock: Clock;
  readonly batchBytes: number;
  readonly lingerMs: number;
  /** Of one partition. Where so many batches are sealed, the open one goes on filling: sealed, it would only wait. */
  readonly inFlightMax: number;
  readonly bufferBytesMax: number;
  /** Larger records are refused before they are taken. */
  readonly recordBytesMax: number;
  readonly compression: CompressionName;
  readonly isTransactional: boolean;
  /** A batch was sealed and waits in that queue. */
  readonly onSealed: (queue: PartitionQueue) => void;
}

export interface Accumulator {
  /** @returns false when the buffer is full: the record was taken all the same. @throws Fault `RECORD_TOO_LARGE` */
  write(
    topic: string,
    partition: number,
    timestampMs: number,
    key: Uint8Array | null,
    value: Uint8Array | string | null,
    headers?: RecordHeaders,
  ): boolean;
  /** Like `write`, resolving with the record's offset once it is acknowledged. */
  writeAcknowledged(
    topic: string,
    partition: number,
    timestampMs: number,
    key: Uint8Array | null,
    value: Uint8Array | null,
    headers?: RecordHeaders,
  ): Promise<{ readonly offset: number; readonly timestampMs: number }>;
  /** Resolves when there is room. */
  ready(): Promise<void>;
  /** Seals what is open; resolves when all that was written so far is acknowledged or given up. */
  flush(): Promise<void>;
  /** A batch of that queue is over: gives its room back, and seals the open one if that has waited for it. */
  release(bytes: number, queue: PartitionQueue): void;
  /** Drops all open batches; rejects those who wait for a record in them. @returns how many records that were */
  dropOpen(reason: Fault): number;
  queue(topic: string, partition: number): PartitionQueue | undefined;
  queues(): Iterable<PartitionQueue>;
  close(): void;
}

/** A full buffer is let run down to that before writers go on, so that they don't wake for every batch. */
const resumeShare = 0.875;
/** Of a record beyond its key, value and headers, at most. */
const recordOverheadBytes = 40;

export function createAccumulator(options: AccumulatorOptions): Accumulator {
  const { clock, batchBytes, lingerMs, inFlightMax, bufferBytesMax, recordBytesMax, isTransactional, onSealed } =
    options;
  const byTopic = new Map<string, PartitionQueue[]>();
  let lastTopic: string | undefined;
  let lastQueues: PartitionQueue[] = [];
  let bufferedBytes = 0;
  let sealedBytes = 0;
  let lingerTimer: Timer | null = null;
  let room: Latch<void> | null = null;
  // Batches stay plain until the codecs are loaded: writing begins before.
  let codec: CompressionName = 'none';
  if (options.compression !== 'none') loadCompression().then(() => (codec = options.compression));

  function queuesOf(topic: string): PartitionQueue[] {
    let queues = byTopic.get(topic);
    if (queues === undefined) {
      queues = [];
      byTopic.set(topic, queues);
    }
    lastTopic = topic;
    lastQueues = queues;
    return queues;
  }

  function tooLarge(topic: string, key: Uint8Array | null, bytes: number): Fault {
    const text = key === null ? undefined : printable(key);
    const detail = { topic, bytes, bytesMax: recordBytesMax, ...(text === undefined ? {} : { key: text }) };
    return new Fault('RECORD_TOO_LARGE', detail);
  }

  function seal(queue: PartitionQueue): void {
    sealedBytes += queue.builder.sizeBytes;
    sealOpen(queue, clock.monotonicMs(), isTransactional);
    onSealed(queue);
  }

  const isHeld = (queue: PartitionQueue): boolean => queue.pending.length >= inFlightMax;

  function sealDue(): void {
    lingerTimer = null;
    const dueMs = clock.monotonicMs() - lingerMs;
    let next = Number.POSITIVE_INFINITY;
    for (const queues of byTopic.values()) {
      for (const queue of queues) {
        if (queue === undefined || queue.builder.recordCount === 0) continue;
        if (isHeld(queue)) continue;
        if (queue.openedMs <= dueMs) seal(queue);
        else next = Math.min(next, queue.openedMs - dueMs);
      }
    }
    if (next < Number.POSITIVE_INFINITY) lingerTimer = clock.after(Math.ceil(next), sealDue);
  }

  function append(
    topic: string,
    partition: number,
    timestampMs: number,
    key: Uint8Array | null,
    value: Uint8Array | string | null,
    headers: RecordHeaders | undefined,
  ): PartitionQueue {
    // Any other number would make a batch that nobody can read.
    if (!Number.isSafeInteger(timestampMs) || timestampMs < 0)
      throw new Fault('BAD_TIMESTAMP', { where: `a record for '${topic}'`, timestampMs });
    const queues = topic === lastTopic ? lastQueues : queuesOf(topic);
    let queue = queues[partition];
    if (queue === undefined) {
      // It would be no place of the list, and nobody would ever send what is put there.
      if (!Number.isInteger(partition) || partition < 0) throw new Fault('BAD_PARTITION', { topic, partition });
      queue = queues[partition] = createPartitionQueue(topic, partition);
    }
    let bytes = (key === null ? 0 : key.length) + recordOverheadBytes;
    // Each at a place of its own, as in BatchBuilder.
    if (typeof value === 'string') {
      const textLength = value.length;
      // A character takes three bytes at most, so they are counted only where the limit is near.
      bytes += (bytes + textLength) * 3 > recordBytesMax ? Buffer.byteLength(value) : textLength;
    } else if (value !== null) bytes += value.length;
    if (headers !== undefined && headers.length > 0) bytes += headersBytes(headers);
    if (bytes > recordBytesMax) throw tooLarge(topic, key, bytes);
    if (queue.builder.recordCount > 0 && queue.builder.sizeBytes + bytes > batchBytes) seal(queue);
    let before = queue.builder.sizeBytes;
    if (queue.builder.recordCount === 0) {
      before = 0;
      if (queue.codec !== codec) {
        queue.codec = codec;
        queue.builder = new BatchBuilder({ compression: codec });
      }
      queue.openedMs = clock.monotonicMs();
      lingerTimer ??= clock.after(lingerMs, sealDue);
    }
    queue.builder.append(timestampMs, key, value, headers);
    bufferedBytes += queue.builder.sizeBytes - before;
    return queue;
  }

  function* all(): Iterable<PartitionQueue> {
    for (const queues of byTopic.values()) for (const queue of queues) if (queue !== undefined) yield queue;
  }

  return {
    write(topic, partition, timestampMs, key, value, headers) {
      append(topic, partition, timestampMs, key, value, headers);
      return bufferedBytes < bufferBytesMax;
    },
    writeAcknowledged(topic, partition, timestampMs, key, value, headers) {
      const queue = append(topic, partition, timestampMs, key, value, headers);
      const latch = createLatch<{ offset: number; timestampMs: number }>();
      const replies: Reply[] = (queue.openReplies ??= []);
      replies.push({ index: queue.builder.recordCount - 1, timestampMs, latch });
      return latch.promise;
    },
    ready() {
      if (bufferedBytes < bufferBytesMax) return Promise.resolve();
      // Where something is on its way already, room comes by itself and open batches may go on filling.
      if (sealedBytes === 0) for (const queue of all()) if (queue.builder.recordCount > 0) seal(queue);
      room ??= createLatch();
      return room.promise;
    },
    async flush() {
      const waiter: FlushWaiter = { left: 0, latch: createLatch() };
      for (const queue of all()) {
        if (queue.builder.recordCount > 0) seal(queue);
        for (const batch of queue.pending) {
          batch.flushes = batch.flushes === null ? [waiter] : [...batch.flushes, waiter];
          waiter.left += 1;
        }
      }
      if (waiter.left > 0) await waiter.latch.promise;
    },
    release(bytes, queue) {
      bufferedBytes -= bytes;
      sealedBytes -= bytes;
      if (queue.builder.recordCount > 0 && !isHeld(queue)) {
        const leftMs = queue.openedMs + lingerMs - clock.monotonicMs();
        if (leftMs <= 0) seal(queue);
        else lingerTimer ??= clock.after(Math.ceil(leftMs), sealDue);
      }
      const isRoomy = sealedBytes === 0 || bufferedBytes < bufferBytesMax * resumeShare;
      if (room === null || !isRoomy) return;
      room.resolve();
      room = null;
    },
    dropOpen(reason) {
      let records = 0;
      for (const queue of all()) {
        if (queue.builder.recordCount === 0) continue;
        records += queue.builder.recordCount;
        bufferedBytes -= queue.builder.sizeBytes;
        queue.builder.reset();
        for (const { latch } of queue.openReplies ?? []) latch.reject(reason);
        queue.openReplies = null;
      }
      return records;
    },
    queue: (topic, partition) => byTopic.get(topic)?.[partition],
    queues: all,
    close() {
      lingerTimer?.cancel();
      lingerTimer = null;
    },
  };
}

function headersBytes(headers: RecordHeaders): number {
  let bytes = 0;
  for (const [name, value] of headers) bytes += Buffer.byteLength(name) + (value === null ? 0 : value.length) + 10;
  return bytes;
}

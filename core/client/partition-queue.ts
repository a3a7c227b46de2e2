// The batches of one partition that are not yet acknowledged, and their place in the producer's sequence. Bytes and
// arithmetic only: no clock, no requests. Sequences follow Kafka's TransactionManager (KIP-98, KIP-360): they are
// contiguous per producer epoch, and a batch that never reached the log gives its numbers to those behind it.
import { assert } from '../kernel/assert.ts';
import type { Latch } from '../kernel/latch.ts';
import { BatchBuilder } from '../protocol/batch-builder.ts';
import type { CompressionName } from '../protocol/compression/registry.ts';
import { attribute, batchField, batchHeaderBytes, sealBatch, setInt64 } from '../protocol/record-batch.ts';

/** Where a producer's `send` waits for one record. */
export interface Reply {
  /** Place of the record in its batch. */
  readonly index: number;
  readonly timestampMs: number;
  readonly latch: Latch<{ readonly offset: number; readonly timestampMs: number }>;
}

/** A flush that waits for `left` more batches. */
export interface FlushWaiter {
  left: number;
  readonly latch: Latch<void>;
}

export interface SealedBatch {
  readonly queue: PartitionQueue;
  /** Given away with each request: a node in this process writes into them, so a repeated one sends a copy. */
  bytes: Uint8Array;
  /** The header as stamped last, to undo what a node wrote into it. */
  readonly header: Uint8Array;
  readonly recordCount: number;
  /** What it takes of the buffer. */
  readonly bufferedBytes: number;
  readonly sealedMs: number;
  /** Of its first record under the queue's producer epoch; -1 while there is none. */
  sequence: number;
  /** As the bytes have them. */
  stampedId: number;
  stampedEpoch: number;
  stampedSequence: number;
  sends: number;
  /** Which of the queue's batches it was when it was first sent; -1 before. */
  number: number;
  inFlight: boolean;
  /** A request with it was lost, or its leader gave up waiting for others: it may or may not be in the log. */
  uncertain: boolean;
  replies: readonly Reply[] | null;
  flushes: readonly FlushWaiter[] | null;
}

export interface PartitionQueue {
  readonly topic: string;
  readonly partition: number;
  builder: BatchBuilder;
  codec: CompressionName;
  /** When the open batch got its first record, on the monotonic clock. */
  openedMs: number;
  openReplies: Reply[] | null;
  /** Batches closed so far. */
  sealed: number;
  /** In the order of sequences. */
  readonly pending: SealedBatch[];
  inFlight: number;
  /** Batches sent so far, repeated ones once. */
  numbered: number;
  producerId: number;
  producerEpoch: number;
  nextSequence: number;
  /** A batch of this producer epoch has been acknowledged: only then the log checks sequences, so only then several go at once. */
  settled: boolean;
  /** The log knows another sequence: start again under a new epoch once nothing is in flight. */
  restart: boolean;
  retryAtMs: number;
  /** Offset of the last acknowledged record, and its batch's number. */
  lastOffset: number | undefined;
  lastNumber: number;
}

export function createPartitionQueue(topic: string, partition: number): PartitionQueue {
  return {
    topic,
    partition,
    builder: new BatchBuilder(),
    codec: 'none',
    openedMs: 0,
    openReplies: null,
    sealed: 0,
    pending: [],
    inFlight: 0,
    numbered: 0,
    producerId: -1,
    producerEpoch: -1,
    nextSequence: 0,
    settled: false,
    restart: false,
    retryAtMs: 0,
    lastOffset: undefined,
    lastNumber: -1,
  };
}

/** Sequences wrap to 0 after 2^31 - 1, as in Kafka's DefaultRecordBatch. */
const advance = (sequence: number, records: number): number => (sequence + records) % 2 ** 31;

/** Turns the open batch into a sealed one behind the others. */
export function sealOpen(queue: PartitionQueue, nowMs: number, isTransactional: boolean): SealedBatch {
  const { builder, producerId, producerEpoch } = queue;
  const sequence = producerId < 0 ? -1 : queue.nextSequence;
  const bytes = builder.build({ producerId, producerEpoch, baseSequence: sequence, isTransactional });
  const batch: SealedBatch = {
    queue,
    bytes,
    header: bytes.slice(0, batchHeaderBytes),
    recordCount: builder.recordCount,
    bufferedBytes: builder.sizeBytes,
    sealedMs: nowMs,
    sequence,
    stampedId: producerId,
    stampedEpoch: producerEpoch,
    stampedSequence: sequence,
    sends: 0,
    number: -1,
    inFlight: false,
    uncertain: false,
    replies: queue.openReplies,
    flushes: null,
  };
  if (producerId >= 0) queue.nextSequence = advance(sequence, builder.recordCount);
  queue.openReplies = null;
  queue.sealed += 1;
  queue.pending.push(batch);
  builder.reset();
  return batch;
}

/** Puts the queue under a producer id and epoch: its batches count from 0 again. */
export function adoptProducer(queue: PartitionQueue, producerId: number, producerEpoch: number): void {
  queue.producerId = producerId;
  queue.producerEpoch = producerEpoch;
  queue.settled = false;
  queue.restart = false;
  renumber(queue, 0, 0);
}

/** Gives the batches from `index` on contiguous sequences that begin with `sequence`. */
function renumber(queue: PartitionQueue, index: number, sequence: number): void {
  if (queue.producerId < 0) return;
  let next = sequence;
  for (let i = index; i < queue.pending.length; i++) {
    const batch = queue.pending[i]!;
    batch.sequence = next;
    next = advance(next, batch.recordCount);
  }
  queue.nextSequence = next;
}

/** Takes out a batch that is in the log, under the sequence that it was sent with. */
export function removeWritten(batch: SealedBatch): void {
  const { queue } = batch;
  const index = queue.pending.indexOf(batch);
  assert(index >= 0, 'a batch was dealt with twice');
  queue.pending.splice(index, 1);
  queue.settled = true;
  const isRenumbered = batch.sequence !== batch.stampedSequence;
  if (isRenumbered) renumber(queue, index, advance(batch.stampedSequence, batch.recordCount));
}

/**
 * Takes out a batch that is given up. One that certainly isn't in the log leaves no hole; after another the next batch
 * finds out: it is accepted, or refused for the hole, and then the queue restarts.
 */
export function removeFailed(batch: SealedBatch): void {
  const { queue } = batch;
  const index = queue.pending.indexOf(batch);
  assert(index >= 0, 'a batch was dealt with twice');
  queue.pending.splice(index, 1);
  if (!batch.uncertain) renumber(queue, index, batch.sequence);
}

/** Puts smaller batches of the same records in the place of one that the log found too large. */
export function replaceBatch(batch: SealedBatch, parts: readonly SealedBatch[]): void {
  const { queue } = batch;
  const index = queue.pending.indexOf(batch);
  assert(index >= 0, 'a batch was dealt with twice');
  queue.pending.splice(index, 1, ...parts);
  renumber(queue, index, batch.sequence);
}

/** Makes the bytes say what the queue says, before they are sent. */
export function stamp(batch: SealedBatch): void {
  const { queue } = batch;
  const isStale =
    batch.stampedId !== queue.producerId ||
    batch.stampedEpoch !== queue.producerEpoch ||
    batch.stampedSequence !== batch.sequence;
  if (batch.sends > 0) {
    batch.bytes = batch.bytes.slice();
    batch.bytes.set(batch.header);
  }
  if (!isStale) return;
  const view = new DataView(batch.bytes.buffer, batch.bytes.byteOffset, batchHeaderBytes);
  setInt64(view, batchField.producerId, queue.producerId);
  view.setInt16(batchField.producerEpoch, queue.producerEpoch);
  view.setInt32(batchField.baseSequence, batch.sequence);
  sealBatch(batch.bytes);
  batch.header.set(batch.bytes.subarray(0, batchHeaderBytes));
  batch.stampedId = queue.producerId;
  batch.stampedEpoch = queue.producerEpoch;
  batch.stampedSequence = batch.sequence;
}

export const isTransactionalBatch = (batch: SealedBatch): boolean =>
  (batch.header[batchField.attributes + 1]! & attribute.transactional) !== 0;

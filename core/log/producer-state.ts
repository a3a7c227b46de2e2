// What is known of each producer: enough to answer a repeated batch with the offsets it got the first time, and to refuse
// a gap or a fenced epoch (KIP-98, KIP-360; Kafka's ProducerStateManager and ProducerAppendInfo). Pure memory.
import type { ByteReader } from '../kernel/byte-reader.ts';
import type { ByteWriter } from '../kernel/byte-writer.ts';
import type { BatchHeader } from '../protocol/record-batch.ts';
import { type Objection, objection } from './refusal.ts';

/** As many as a producer may have in flight and so may repeat (`max.in.flight.requests.per.connection`). */
const batchesMax = 5;
const sequenceMax = 2 ** 31 - 1;

export interface ProducedBatch {
  readonly baseSequence: number;
  readonly lastSequence: number;
  readonly baseOffset: number;
  readonly lastOffset: number;
}

interface ProducerEntry {
  epoch: number;
  /** Of the marker that ended its last transaction; -1 before. */
  coordinatorEpoch: number;
  /**
   * When it last appended, by this node's clock. Kafka takes the records' own time, and so forgets a producer that is
   * at work on old events.
   */
  lastAppendMs: number;
  /** -1 where it has no transaction open. */
  transactionFirstOffset: number;
  batches: ProducedBatch[];
}

/** As the DescribeProducers API shows it. */
export interface ProducerInfo {
  readonly producerId: number;
  readonly producerEpoch: number;
  /** -1 where it has written nothing in this epoch. */
  readonly lastSequence: number;
  readonly lastTimestampMs: number;
  readonly coordinatorEpoch: number;
  readonly transactionFirstOffset: number;
}

export type ProducerVerdict =
  | { readonly kind: 'next' }
  | { readonly kind: 'duplicate'; readonly of: ProducedBatch }
  | { readonly kind: 'refused'; readonly objection: Objection };

export interface ProducerState {
  /** Where a batch of an idempotent producer stands. Coordinators' batches carry no sequences: only their epoch counts. */
  judge(batch: BatchHeader, origin: 'client' | 'coordinator'): ProducerVerdict;
  judgeMarker(batch: BatchHeader, coordinatorEpoch: number): Objection | null;
  /** Remembers a batch that has its offsets. @returns whether it began a transaction */
  record(batch: BatchHeader, nowMs: number): boolean;
  /** @returns the first offset of the transaction that the marker ends, -1 for one that wrote nothing here */
  recordMarker(batch: BatchHeader, coordinatorEpoch: number, nowMs: number): number;
  /** Whether the producer has a transaction open here in that epoch. */
  isOpen(producerId: number, producerEpoch: number): boolean;
  /** Whether it holds the newest sequence of its producer: without it the next one would be taken for a gap. */
  isNewest(batch: BatchHeader): boolean;
  /** Forgets who has been silent for `producer.id.expiration.ms` and has no transaction open. */
  expire(nowMs: number, expirationMs: number): void;
  list(): ProducerInfo[];
  encode(writer: ByteWriter): void;
}

const next: ProducerVerdict = { kind: 'next' };

export function createProducerState(): ProducerState {
  return producerStateOf(new Map());
}

function producerStateOf(entries: Map<number, ProducerEntry>): ProducerState {
  function entryFor(batch: BatchHeader, nowMs: number): ProducerEntry {
    let entry = entries.get(batch.producerId);
    if (entry === undefined) {
      entry = {
        epoch: batch.producerEpoch,
        coordinatorEpoch: -1,
        lastAppendMs: nowMs,
        transactionFirstOffset: -1,
        batches: [],
      };
      entries.set(batch.producerId, entry);
    }
    entry.lastAppendMs = nowMs;
    if (entry.epoch !== batch.producerEpoch) {
      entry.epoch = batch.producerEpoch;
      entry.batches = [];
    }
    return entry;
  }

  return {
    judge(batch, origin) {
      const entry = entries.get(batch.producerId);
      if (entry === undefined) return next; // forgotten or new: any sequence may begin (KIP-360)
      if (batch.producerEpoch < entry.epoch) return refused(fenced(batch, entry));
      if (origin === 'client') {
        const repeated = duplicateOf(batch, entry);
        if (repeated !== undefined) return { kind: 'duplicate', of: repeated };
        const last = batch.producerEpoch === entry.epoch ? (entry.batches.at(-1)?.lastSequence ?? -1) : -1;
        if (batch.baseSequence !== sequenceAfter(last, 1)) return refused(outOfOrder(batch, last));
      }
      if (entry.transactionFirstOffset >= 0 && !batch.isTransactional)
        return refused(
          objection('INVALID_TXN_STATE', `producer ${batch.producerId} has a transaction open and wrote outside it`),
        );
      return next;
    },
    judgeMarker(batch, coordinatorEpoch) {
      const entry = entries.get(batch.producerId);
      if (entry === undefined) return null;
      if (batch.producerEpoch < entry.epoch) return fenced(batch, entry);
      if (coordinatorEpoch >= entry.coordinatorEpoch) return null;
      return objection(
        'TRANSACTION_COORDINATOR_FENCED',
        `a coordinator of epoch ${coordinatorEpoch} wrote after one of epoch ${entry.coordinatorEpoch}`,
      );
    },
    record(batch, nowMs) {
      const entry = entryFor(batch, nowMs);
      if (batch.baseSequence >= 0) {
        const { baseSequence, baseOffset, lastOffset } = batch;
        const lastSequence = lastSequenceOf(batch);
        entry.batches.push({ baseSequence, lastSequence, baseOffset, lastOffset });
        if (entry.batches.length > batchesMax) entry.batches.shift();
      }
      if (!batch.isTransactional || entry.transactionFirstOffset >= 0) return false;
      entry.transactionFirstOffset = batch.baseOffset;
      return true;
    },
    recordMarker(batch, coordinatorEpoch, nowMs) {
      const entry = entryFor(batch, nowMs);
      const firstOffset = entry.transactionFirstOffset;
      entry.coordinatorEpoch = coordinatorEpoch;
      entry.transactionFirstOffset = -1;
      return firstOffset;
    },
    isOpen(producerId, producerEpoch) {
      const entry = entries.get(producerId);
      return entry !== undefined && entry.transactionFirstOffset >= 0 && entry.epoch === producerEpoch;
    },
    isNewest: ({ producerId, lastOffset }) => entries.get(producerId)?.batches.at(-1)?.lastOffset === lastOffset,
    expire(nowMs, expirationMs) {
      for (const [producerId, entry] of entries) {
        const isSilent = nowMs - entry.lastAppendMs >= expirationMs;
        if (isSilent && entry.transactionFirstOffset < 0) entries.delete(producerId);
      }
    },
    list: () => [...entries].map(([producerId, entry]) => producerInfo(producerId, entry)),
    encode(writer) {
      writer.int32(entries.size);
      for (const [producerId, entry] of entries) encodeEntry(writer, producerId, entry);
    },
  };
}

const refused = (given: Objection): ProducerVerdict => ({ kind: 'refused', objection: given });

const fenced = (batch: BatchHeader, entry: ProducerEntry): Objection =>
  objection(
    'INVALID_PRODUCER_EPOCH',
    `producer ${batch.producerId} has epoch ${batch.producerEpoch}, and epoch ${entry.epoch} has written since`,
  );

const outOfOrder = (batch: BatchHeader, last: number): Objection =>
  objection(
    'OUT_OF_ORDER_SEQUENCE_NUMBER',
    `producer ${batch.producerId} sent sequence ${batch.baseSequence} after ${last}`,
  );

function duplicateOf(batch: BatchHeader, entry: ProducerEntry): ProducedBatch | undefined {
  if (batch.producerEpoch !== entry.epoch) return undefined;
  const lastSequence = lastSequenceOf(batch);
  return entry.batches.find((b) => b.baseSequence === batch.baseSequence && b.lastSequence === lastSequence);
}

const lastSequenceOf = (batch: BatchHeader) => sequenceAfter(batch.baseSequence, batch.lastOffset - batch.baseOffset);

/** Sequences are 31 bits and begin again at 0. */
const sequenceAfter = (sequence: number, steps: number): number =>
  sequence > sequenceMax - steps ? steps - (sequenceMax - sequence) - 1 : sequence + steps;

const producerInfo = (producerId: number, entry: ProducerEntry): ProducerInfo => ({
  producerId,
  producerEpoch: entry.epoch,
  lastSequence: entry.batches.at(-1)?.lastSequence ?? -1,
  lastTimestampMs: entry.lastAppendMs,
  coordinatorEpoch: entry.coordinatorEpoch,
  transactionFirstOffset: entry.transactionFirstOffset,
});

function encodeEntry(writer: ByteWriter, producerId: number, entry: ProducerEntry): void {
  writer.int64(producerId);
  writer.int16(entry.epoch);
  writer.int32(entry.coordinatorEpoch);
  writer.int64(entry.lastAppendMs);
  writer.int64(entry.transactionFirstOffset);
  writer.int8(entry.batches.length);
  for (const batch of entry.batches) {
    writer.int32(batch.baseSequence);
    writer.int32(batch.lastSequence);
    writer.int64(batch.baseOffset);
    writer.int64(batch.lastOffset);
  }
}

/** What `encode` wrote. */
export function decodeProducerState(reader: ByteReader): ProducerState {
  const entries = new Map<number, ProducerEntry>();
  for (let left = reader.int32(); left > 0; left--) {
    const producerId = reader.int64();
    const epoch = reader.int16();
    const coordinatorEpoch = reader.int32();
    const lastAppendMs = reader.int64();
    const transactionFirstOffset = reader.int64();
    const batches: ProducedBatch[] = [];
    for (let count = reader.int8(); count > 0; count--) {
      const baseSequence = reader.int32();
      const lastSequence = reader.int32();
      const baseOffset = reader.int64();
      batches.push({ baseSequence, lastSequence, baseOffset, lastOffset: reader.int64() });
    }
    entries.set(producerId, { epoch, coordinatorEpoch, lastAppendMs, transactionFirstOffset, batches });
  }
  return producerStateOf(entries);
}

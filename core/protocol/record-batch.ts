// Record batches (magic 2) as bytes: header, checksum, and the changes that a broker makes without decoding a record.
// Records inside are read by record-cursor.ts and written by batch-builder.ts. Layout: KIP-98, Kafka's DefaultRecordBatch.
import { crc32c } from '../kernel/crc32c.ts';
import { Fault } from '../kernel/fault.ts';
import { type CompressionName, compression, compressionNames } from './compression/registry.ts';

export type { CompressionName } from './compression/registry.ts';

/** Where each field of the header stands, in bytes from the start of the batch. */
export const batchField = {
  baseOffset: 0,
  length: 8,
  leaderEpoch: 12,
  magic: 16,
  crc: 17,
  attributes: 21,
  lastOffsetDelta: 23,
  baseTimestamp: 27,
  maxTimestamp: 35,
  producerId: 43,
  producerEpoch: 51,
  baseSequence: 53,
  recordCount: 57,
  records: 61,
} as const;

export const attribute = {
  compression: 0x07,
  logAppendTime: 0x08,
  transactional: 0x10,
  control: 0x20,
  /** The base timestamp is when the tombstones of a compacted batch may go (KIP-534). */
  deleteHorizon: 0x40,
} as const;

/** Bytes of the header: a batch without records. */
export const batchHeaderBytes = batchField.records;
/** Bytes before those that the batch's own length counts. */
const prefixBytes = batchField.leaderEpoch;
const magic = 2;

export interface BatchHeader {
  readonly baseOffset: number;
  /** Of the whole batch with its 12-byte prefix. */
  readonly sizeBytes: number;
  /** -1 as a producer writes it. */
  readonly leaderEpoch: number;
  readonly attributes: number;
  readonly compression: CompressionName;
  readonly timestampType: 'createTime' | 'logAppendTime';
  readonly isTransactional: boolean;
  readonly isControl: boolean;
  /** Stays that of the batch as produced when compaction takes its last record out. */
  readonly lastOffset: number;
  readonly baseTimestampMs: number;
  readonly maxTimestampMs: number;
  /** -1 for a producer that is not idempotent; likewise epoch and sequence. */
  readonly producerId: number;
  readonly producerEpoch: number;
  readonly baseSequence: number;
  readonly recordCount: number;
}

/** Whether what begins like a batch says that it is part of a transaction; false for what is too short to say. */
export const batchIsTransactional = (bytes: Uint8Array): boolean =>
  bytes.length >= batchHeaderBytes && (bytes[batchField.attributes + 1]! & attribute.transactional) !== 0;

/** The field is at the same place in all formats, old and to come. */
function checkMagic(bytes: Uint8Array, at: number): void {
  const found = bytes[at + batchField.magic]!;
  if (found === magic) return;
  const why =
    found < magic ? ': it is as Kafka wrote before 0.11; copy the topic with an older client to a new one' : '';
  throw corrupt(`magic is ${found}, only ${magic} is known${why}`);
}

/**
 * Reads the header of the batch that begins at `at`; more bytes may follow it, and it may be cut after the header.
 *
 * @throws Fault `CORRUPT_BATCH` for fewer bytes than a header, another magic than 2, an unknown codec or impossible numbers
 */
export function readBatchHeader(bytes: Uint8Array, at = 0): BatchHeader {
  if (bytes.length - at < batchHeaderBytes) throw corrupt(`${bytes.length - at} bytes are less than a header`);
  checkMagic(bytes, at);
  const view = new DataView(bytes.buffer, bytes.byteOffset + at, batchHeaderBytes);
  const sizeBytes = view.getInt32(batchField.length) + prefixBytes;
  const attributes = view.getInt16(batchField.attributes);
  const codec = compressionNames[attributes & attribute.compression];
  const baseOffset = int64(view, batchField.baseOffset);
  const lastOffsetDelta = view.getInt32(batchField.lastOffsetDelta);
  const recordCount = view.getInt32(batchField.recordCount);
  if (sizeBytes < batchHeaderBytes) throw corrupt(`its length is ${sizeBytes} bytes`);
  if (codec === undefined) throw corrupt(`compression type ${attributes & attribute.compression} is unknown`);
  if (lastOffsetDelta < 0) throw corrupt(`the last offset delta is ${lastOffsetDelta}`);
  if (recordCount < 0) throw corrupt(`the record count is ${recordCount}`);
  return {
    baseOffset,
    sizeBytes,
    leaderEpoch: view.getInt32(batchField.leaderEpoch),
    attributes,
    compression: codec,
    timestampType: (attributes & attribute.logAppendTime) === 0 ? 'createTime' : 'logAppendTime',
    isTransactional: (attributes & attribute.transactional) !== 0,
    isControl: (attributes & attribute.control) !== 0,
    lastOffset: baseOffset + lastOffsetDelta,
    baseTimestampMs: int64(view, batchField.baseTimestamp),
    maxTimestampMs: int64(view, batchField.maxTimestamp),
    producerId: int64(view, batchField.producerId),
    producerEpoch: view.getInt16(batchField.producerEpoch),
    baseSequence: view.getInt32(batchField.baseSequence),
    recordCount,
  };
}

/**
 * Views of the whole batches in `bytes`, in order. An incomplete last one is left out, because a fetch may cut it.
 *
 * @throws Fault `CORRUPT_BATCH` for a batch that claims to be shorter than a header
 */
export function splitBatches(bytes: Uint8Array): Uint8Array[] {
  const batches: Uint8Array[] = [];
  for (let at = 0; bytes.length - at >= prefixBytes; ) {
    const sizeBytes = int32(bytes, at + batchField.length) + prefixBytes;
    // A message of the old format may be shorter than a header of ours: what is wrong is the format.
    if (bytes.length - at > batchField.magic && bytes[at + batchField.magic]! < magic) checkMagic(bytes, at);
    if (sizeBytes < batchHeaderBytes) throw corrupt(`its length is ${sizeBytes} bytes`);
    if (sizeBytes > bytes.length - at) break;
    batches.push(at === 0 && sizeBytes === bytes.length ? bytes : bytes.subarray(at, at + sizeBytes));
    at += sizeBytes;
  }
  return batches;
}

/** @throws Fault `CORRUPT_BATCH` unless `bytes` are exactly one batch of magic 2 whose CRC-32C is right */
export function verifyBatch(bytes: Uint8Array): void {
  if (bytes.length < batchHeaderBytes) throw corrupt(`${bytes.length} bytes are less than a header`);
  checkMagic(bytes, 0);
  const sizeBytes = int32(bytes, batchField.length) + prefixBytes;
  if (sizeBytes !== bytes.length) throw corrupt(`it says ${sizeBytes} bytes and has ${bytes.length}`);
  const expected = int32(bytes, batchField.crc) >>> 0;
  const actual = crc32c(bytes.subarray(batchField.attributes));
  if (actual !== expected) throw corrupt(`the checksum is ${actual}, the header says ${expected}`);
}

/** Sets in place what the checksum leaves out, so that a leader can take a batch without reading it. */
export function patchBatch(
  bytes: Uint8Array,
  { baseOffset, leaderEpoch }: { readonly baseOffset: number; readonly leaderEpoch: number },
): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, batchHeaderBytes);
  setInt64(view, batchField.baseOffset, baseOffset);
  view.setInt32(batchField.leaderEpoch, leaderEpoch);
}

/** In place: every record's time is the time of append (`message.timestamp.type=LogAppendTime`). Renews the checksum. */
export function restampBatch(bytes: Uint8Array, { timestampMs }: { readonly timestampMs: number }): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, batchHeaderBytes);
  view.setInt16(batchField.attributes, view.getInt16(batchField.attributes) | attribute.logAppendTime);
  setInt64(view, batchField.maxTimestamp, timestampMs);
  sealBatch(bytes);
}

/**
 * The same records under another codec, for topics whose `compression.type` is not `producer`.
 *
 * @returns `bytes` itself where it has that codec already, otherwise memory of its own
 */
export function recompressBatch(bytes: Uint8Array, codec: CompressionName): Uint8Array {
  const header = readBatchHeader(bytes);
  if (header.compression === codec) return bytes;
  const records = packRecords(batchRecords(bytes, header.compression), codec);
  const batch = joinBatch(bytes.subarray(0, batchHeaderBytes), records);
  const view = new DataView(batch.buffer, batch.byteOffset, batchHeaderBytes);
  const attributes = header.attributes & ~attribute.compression;
  view.setInt16(batchField.attributes, attributes | compressionNames.indexOf(codec));
  sealBatch(batch);
  return batch;
}

/** The records section, decompressed. @throws Fault `CORRUPT_BATCH`, `UNSUPPORTED_COMPRESSION` */
export function batchRecords(batch: Uint8Array, codec: CompressionName): Uint8Array {
  const raw = batch.subarray(batchHeaderBytes, int32(batch, batchField.length) + prefixBytes);
  return codec === 'none' ? raw : compression(codec).decompress(raw);
}

/** The records section as `codec` writes it; `records` itself for 'none'. @throws Fault `UNSUPPORTED_COMPRESSION` */
export function packRecords(records: Uint8Array, codec: CompressionName, level?: number): Uint8Array {
  return codec === 'none' ? records : compression(codec).compress(records, level);
}

/** One batch in memory of its own, which holds nothing else and so may be given to another thread. Length is set. */
export function joinBatch(header: Uint8Array, records: Uint8Array): Uint8Array {
  const size = batchHeaderBytes + records.length;
  const batch = new Uint8Array(Buffer.allocUnsafeSlow(size).buffer);
  batch.set(header, 0);
  batch.set(records, batchHeaderBytes);
  new DataView(batch.buffer).setInt32(batchField.length, size - prefixBytes);
  return batch;
}

/** Sets the checksum of a batch that is otherwise complete. */
export function sealBatch(batch: Uint8Array): void {
  const crc = crc32c(batch.subarray(batchField.attributes));
  new DataView(batch.buffer, batch.byteOffset, batchHeaderBytes).setUint32(batchField.crc, crc);
}

export const corrupt = (what: string, cause?: unknown) => new Fault('CORRUPT_BATCH', { what }, cause);

const int32 = (bytes: Uint8Array, at: number) =>
  (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!;

function int64(view: DataView, at: number): number {
  const n = view.getInt32(at) * 2 ** 32 + view.getUint32(at + 4);
  if (!Number.isSafeInteger(n)) throw corrupt(`the number at byte ${at} is beyond ±2^53`);
  return n;
}

export function setInt64(view: DataView, at: number, n: number): void {
  const high = Math.floor(n / 2 ** 32);
  view.setInt32(at, high);
  view.setUint32(at + 4, n - high * 2 ** 32);
}

// Writes records straight into the bytes of a batch: no object and no promise a record. A class, as RecordCursor is,
// because a producer's write() goes through append() once a record. Sizes and limits are the caller's to watch.
import { type CompressionName, compressionNames } from './compression/registry.ts';
import {
  attribute,
  batchField,
  batchHeaderBytes,
  joinBatch,
  packRecords,
  sealBatch,
  setInt64,
} from './record-batch.ts';
import type { RecordHeaders } from './record-cursor.ts';

export interface BatchBuilderOptions {
  /** Default 'none'. */
  readonly compression?: CompressionName;
  /** Default the codec's own; snappy and lz4 have none. */
  readonly level?: number;
}

export interface BatchFields {
  /** Default 0, as a producer sends it. */
  readonly baseOffset?: number;
  /** Default -1: the leader sets it. */
  readonly leaderEpoch?: number;
  /** Default -1, not idempotent; likewise epoch and sequence. */
  readonly producerId?: number;
  readonly producerEpoch?: number;
  readonly baseSequence?: number;
  readonly isTransactional?: boolean;
  readonly isControl?: boolean;
  /** For a compacted batch, whose last records may be gone. Default that of the last record, or 0. */
  readonly lastOffsetDelta?: number;
  /** Makes it the time of every record (`LogAppendTime`). Default each has the time it was appended with. */
  readonly logAppendTimeMs?: number;
}

/** What `write(…, 'utf8')` calls, once it has looked at its arguments for as long as the writing takes. */
interface WrittenBuffer extends Buffer {
  utf8Write(text: string, at: number): number;
}

const allocate = (bytes: number) => Buffer.allocUnsafeSlow(bytes) as WrittenBuffer;

const magic = 2;
/** Of the largest varints of a record's fields, without its headers. */
const fieldBytesMax = 5 + 1 + 10 + 5 + 5 + 5 + 5;
/** From here on a native copy is quicker than a loop over the bytes. */
const nativeCopyMin = 48;

/** Reusable: `build()` leaves the records in place until `reset()`. */
export class BatchBuilder {
  recordCount = 0;
  #buffer: WrittenBuffer;
  #bytes: Uint8Array;
  #at: number = batchHeaderBytes;
  #baseTimestampMs = -1.5; // a fraction, as in RecordCursor
  #maxTimestampMs = -1.5;
  #lastOffsetDelta = -1;
  /** So far every text took one byte a character, so the next is tried without counting its bytes first. */
  #isAscii = true;
  readonly #compression: CompressionName;
  readonly #level: number | undefined;

  constructor(options: BatchBuilderOptions = {}) {
    this.#compression = options.compression ?? 'none';
    this.#level = options.level;
    this.#buffer = allocate(16_384);
    this.#bytes = new Uint8Array(this.#buffer.buffer);
  }

  /** Of the batch before compression, so an upper bound but for bytes that don't compress. */
  get sizeBytes(): number {
    return this.#at;
  }

  /**
   * Puts a record after the last. The first one's time is the batch's base; any order of times is right.
   *
   * @param value a text is written as UTF-8 in its place, in two thirds of the time that encoding it first takes
   */
  append(
    timestampMs: number,
    key: Uint8Array | null,
    value: Uint8Array | string | null,
    headers?: RecordHeaders,
  ): void {
    this.appendAt(this.#lastOffsetDelta + 1, timestampMs, key, value, headers);
  }

  /** Like `append` with a gap before the record, as compaction leaves it. @param offsetDelta larger than the last one's */
  appendAt(
    offsetDelta: number,
    timestampMs: number,
    key: Uint8Array | null,
    value: Uint8Array | string | null,
    headers?: RecordHeaders,
  ): void {
    const start = this.#at;
    if (this.recordCount === 0) this.#baseTimestampMs = this.#maxTimestampMs = timestampMs;
    else if (timestampMs > this.#maxTimestampMs) this.#maxTimestampMs = timestampMs;
    const timestampDelta = timestampMs - this.#baseTimestampMs;
    const keyLength = key === null ? -1 : key.length;
    let valueLength = -1;
    // Texts and bytes at places of their own: read at one, the length of so many kinds of objects is looked up each time.
    let textLength = 0;
    if (typeof value === 'string') {
      textLength = value.length;
      valueLength = this.#isAscii ? textLength : Buffer.byteLength(value, 'utf8');
    } else if (value !== null) valueLength = value.length;
    const headerCount = headers === undefined ? 0 : headers.length;
    const size =
      1 +
      varlongBytes(timestampDelta) +
      varintBytes(offsetDelta) +
      varintBytes(keyLength) +
      varintBytes(valueLength) +
      varintBytes(headerCount) +
      Math.max(keyLength, 0) +
      Math.max(valueLength, 0) +
      (headerCount > 0 ? headersBytes(headers!) : 0);
    const room = size + fieldBytesMax + 2 * textLength;
    if (this.#at + room > this.#bytes.length) this.#grow(room);
    this.#varint(size);
    this.#bytes[this.#at++] = 0;
    this.#varlong(timestampDelta);
    this.#varint(offsetDelta);
    this.#varint(keyLength);
    if (keyLength > 0) this.#copy(key!);
    this.#varint(valueLength);
    if (typeof value === 'string') {
      const written = this.#buffer.utf8Write(value, this.#at);
      if (written !== valueLength) {
        this.#isAscii = false;
        this.#at = start;
        this.appendAt(offsetDelta, timestampMs, key, value, headers);
        return;
      }
      this.#at += written;
    } else if (valueLength > 0) this.#copy(value!);
    this.#varint(headerCount);
    if (headerCount > 0) this.#headers(headers!);
    this.#lastOffsetDelta = offsetDelta;
    this.recordCount++;
  }

  /**
   * The batch of what was appended, in memory of its own that may be patched or given to another thread.
   *
   * @throws Fault `UNSUPPORTED_COMPRESSION` where the codec isn't loaded or can't be on this machine
   */
  build(fields: BatchFields = {}): Uint8Array {
    const records = this.#bytes.subarray(batchHeaderBytes, this.#at);
    const packed = packRecords(records, this.#compression, this.#level);
    const batch = joinBatch(this.#bytes.subarray(0, batchHeaderBytes), packed);
    const { logAppendTimeMs } = fields;
    const view = new DataView(batch.buffer);
    setInt64(view, batchField.baseOffset, fields.baseOffset ?? 0);
    view.setInt32(batchField.leaderEpoch, fields.leaderEpoch ?? -1);
    view.setInt8(batchField.magic, magic);
    view.setInt16(batchField.attributes, attributesOf(this.#compression, fields));
    view.setInt32(batchField.lastOffsetDelta, fields.lastOffsetDelta ?? Math.max(this.#lastOffsetDelta, 0));
    setInt64(view, batchField.baseTimestamp, this.recordCount === 0 ? -1 : this.#baseTimestampMs);
    setInt64(view, batchField.maxTimestamp, logAppendTimeMs ?? (this.recordCount === 0 ? -1 : this.#maxTimestampMs));
    setInt64(view, batchField.producerId, fields.producerId ?? -1);
    view.setInt16(batchField.producerEpoch, fields.producerEpoch ?? -1);
    view.setInt32(batchField.baseSequence, fields.baseSequence ?? -1);
    view.setInt32(batchField.recordCount, this.recordCount);
    sealBatch(batch);
    return batch;
  }

  /** Drops the records; keeps the memory. */
  reset(): void {
    this.recordCount = 0;
    this.#at = batchHeaderBytes;
    this.#lastOffsetDelta = -1;
  }

  #headers(headers: RecordHeaders): void {
    for (const [name, value] of headers) {
      this.#varint(Buffer.byteLength(name));
      this.#at += this.#buffer.utf8Write(name, this.#at);
      this.#varint(value === null ? -1 : value.length);
      if (value !== null) this.#copy(value);
    }
  }

  #copy(source: Uint8Array): void {
    const bytes = this.#bytes;
    const at = this.#at;
    const length = source.length;
    if (length < nativeCopyMin) for (let i = 0; i < length; i++) bytes[at + i] = source[i]!;
    else bytes.set(source, at);
    this.#at = at + length;
  }

  #varint(n: number): void {
    const bytes = this.#bytes;
    let at = this.#at;
    let rest = ((n << 1) ^ (n >> 31)) >>> 0;
    while (rest > 0x7f) {
      bytes[at++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    bytes[at++] = rest;
    this.#at = at;
  }

  #varlong(n: number): void {
    if (n >= -0x40000000 && n <= 0x3fffffff) {
      this.#varint(n);
      return;
    }
    // Doubling a large one would lose its last bit, so the sign is added to the first six bits only.
    const positive = n < 0 ? -n - 1 : n;
    const low = ((positive % 64) << 1) | (n < 0 ? 1 : 0);
    let rest = Math.floor(positive / 64);
    this.#bytes[this.#at++] = low | 0x80;
    while (rest > 0x7f) {
      this.#bytes[this.#at++] = (rest % 128) | 0x80;
      rest = Math.floor(rest / 128);
    }
    this.#bytes[this.#at++] = rest;
  }

  #grow(needed: number): void {
    const grown = allocate(Math.max(this.#at + needed, this.#bytes.length * 2));
    grown.set(this.#bytes.subarray(0, this.#at));
    this.#buffer = grown;
    this.#bytes = new Uint8Array(grown.buffer);
  }
}

function attributesOf(codec: CompressionName, fields: BatchFields): number {
  return (
    compressionNames.indexOf(codec) |
    (fields.logAppendTimeMs === undefined ? 0 : attribute.logAppendTime) |
    (fields.isTransactional === true ? attribute.transactional : 0) |
    (fields.isControl === true ? attribute.control : 0)
  );
}

function varintBytes(n: number): number {
  const zigzag = ((n << 1) ^ (n >> 31)) >>> 0;
  if (zigzag < 0x80) return 1;
  if (zigzag < 0x4000) return 2;
  if (zigzag < 0x200000) return 3;
  return zigzag < 0x10000000 ? 4 : 5;
}

function varlongBytes(n: number): number {
  if (n >= -0x40000000 && n <= 0x3fffffff) return varintBytes(n);
  let bytes = 1;
  for (let rest = Math.floor((n < 0 ? -n - 1 : n) / 64); rest > 0; rest = Math.floor(rest / 128)) bytes++;
  return bytes;
}

function headersBytes(headers: RecordHeaders): number {
  let bytes = 0;
  for (const [name, value] of headers) {
    const nameBytes = Buffer.byteLength(name);
    bytes += varintBytes(nameBytes) + nameBytes + varintBytes(value === null ? -1 : value.length);
    if (value !== null) bytes += value.length;
  }
  return bytes;
}

// Reads the records of one batch after another without making an object a record. A class and not a closure because
// this is the hottest loop there is: a worker keeps one cursor an input. It verifies no checksum: verifyBatch() does,
// once, where bytes come in. Record layout: KIP-98, Kafka's DefaultRecord.
import { cachedText } from '../kernel/text-cache.ts';
import { batchHeaderBytes, batchRecords, corrupt, readBatchHeader } from './record-batch.ts';

/** In their order; a name may come twice. */
export type RecordHeaders = readonly (readonly [name: string, value: Uint8Array | null])[];

export const noHeaders: RecordHeaders = Object.freeze([]);
const lentBytesMax = 48;
const noBytes = new Uint8Array(0);

/** What `toString('utf8', …)` calls, once it has looked at its arguments for half as long. */
interface SlicedBuffer extends Buffer {
  utf8Slice(start: number, end: number): string;
}

/**
 * @example
 * cursor.open(batch);
 * while (cursor.next()) if (cursor.offset >= from) use(cursor.key(), cursor.value());
 */
export class RecordCursor {
  /** Of the current record, as are the rest; meaningless before `next()` has returned true. */
  offset = -1;
  /** Since 1970; the time of append where the log stamps its batches. */
  timestampMs = -1.5; // a fraction, so that the field is a double from the start and no store has to change that
  #bytes: Uint8Array = noBytes;
  /** The same bytes, made when text is asked for. */
  #text: SlicedBuffer | null = null;
  #at = 0;
  #end = 0;
  #left = 0;
  #baseOffset = 0;
  #baseTimestampMs = 0;
  #appendTimeMs = 0;
  #isStamped = false;
  #keyAt = 0;
  #keyLength = -1;
  #valueAt = 0;
  #valueLength = -1;
  #headersAt = 0;
  #headerCount = 0;
  #recordEnd = 0;
  /** By length. */
  readonly #lent: Uint8Array[] = [];
  readonly #make = (at: number, length: number) => this.#textAt(at, length);

  /**
   * Begins with a whole batch and drops the one before. It decompresses here, so this is where an unknown codec shows.
   *
   * @throws Fault `CORRUPT_BATCH`, `UNSUPPORTED_COMPRESSION`
   */
  open(batch: Uint8Array): void {
    this.#left = 0;
    this.#recordEnd = this.#end = 0;
    const header = readBatchHeader(batch);
    if (header.sizeBytes > batch.length) throw corrupt(`it says ${header.sizeBytes} bytes and has ${batch.length}`);
    const isPlain = header.compression === 'none';
    const bytes = isPlain ? batch : batchRecords(batch, header.compression);
    // A Buffer's subarray() costs several times a Uint8Array's.
    this.#bytes =
      bytes.constructor === Uint8Array ? bytes : new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
    this.#text = null;
    this.#recordEnd = isPlain ? batchHeaderBytes : 0;
    this.#end = isPlain ? header.sizeBytes : bytes.length;
    this.#left = header.recordCount;
    this.#baseOffset = header.baseOffset;
    this.#baseTimestampMs = header.baseTimestampMs;
    this.#appendTimeMs = header.maxTimestampMs;
    this.#isStamped = header.timestampType === 'logAppendTime';
  }

  /** Goes to the next record; false when there is none. @throws Fault `CORRUPT_BATCH` */
  next(): boolean {
    if (this.#left === 0) {
      if (this.#recordEnd !== this.#end) throw corrupt(`${this.#end - this.#recordEnd} bytes follow the last record`);
      return false;
    }
    this.#at = this.#recordEnd;
    const size = this.#varint();
    const recordEnd = this.#at + size;
    if (size < 0 || recordEnd > this.#end) throw corrupt(`a record of ${size} bytes with ${this.#end - this.#at} left`);
    this.#at++; // record attributes, of which Kafka has defined none
    const timestampDelta = this.#varlong();
    this.offset = this.#baseOffset + this.#varint();
    this.timestampMs = this.#isStamped ? this.#appendTimeMs : this.#baseTimestampMs + timestampDelta;

    const keyLength = this.#varint();
    this.#keyAt = this.#at;
    this.#keyLength = keyLength;
    if (keyLength > 0) this.#at += keyLength;
    const valueLength = keyLength < -1 || this.#at > recordEnd ? -2 : this.#varint();
    this.#valueAt = this.#at;
    this.#valueLength = valueLength;
    if (valueLength > 0) this.#at += valueLength;
    const headerCount = valueLength < -1 || this.#at > recordEnd ? -1 : this.#varint();
    this.#headersAt = this.#at;
    this.#headerCount = headerCount;
    if (headerCount < 0 || (headerCount === 0 ? this.#at !== recordEnd : this.#at > recordEnd)) {
      throw corrupt(`a record's fields don't fit into its ${size} bytes`);
    }
    this.#recordEnd = recordEnd;
    this.#left--;
    return true;
  }

  /** A view into the batch, or into what it decompressed to. */
  key(): Uint8Array | null {
    return this.#keyLength < 0 ? null : this.#bytes.subarray(this.#keyAt, this.#keyAt + this.#keyLength);
  }

  /**
   * A copy of the key, lent until the next call: a short one is in memory that is used again, since making a view
   * takes many times as long as copying a few bytes.
   */
  lentKey(): Uint8Array | null {
    const length = this.#keyLength;
    if (length < 0 || length > lentBytesMax) return this.key();
    const lent = (this.#lent[length] ??= new Uint8Array(length));
    const bytes = this.#bytes;
    const at = this.#keyAt;
    for (let i = 0; i < length; i++) lent[i] = bytes[at + i]!;
    return lent;
  }

  /** A view like `key()`; null is a tombstone. */
  value(): Uint8Array | null {
    return this.#valueLength < 0 ? null : this.#bytes.subarray(this.#valueAt, this.#valueAt + this.#valueLength);
  }

  /** The key read as UTF-8, without a view being made: two thirds of the time of decoding `key()`, with the same result. */
  keyText(): string | null {
    if (this.#keyLength < 0) return null;
    const known = cachedText(this.#bytes, this.#keyAt, this.#keyLength, this.#make);
    return known ?? this.#textAt(this.#keyAt, this.#keyLength);
  }

  /** The value like `keyText()`. */
  valueText(): string | null {
    return this.#valueLength < 0 ? null : this.#textAt(this.#valueAt, this.#valueLength);
  }

  #textAt(at: number, length: number): string {
    this.#text ??= Buffer.from(this.#bytes.buffer, this.#bytes.byteOffset, this.#bytes.length) as SlicedBuffer;
    return this.#text.utf8Slice(at, at + length);
  }

  /** Decoded at each call; one shared empty array where there are none. @throws Fault `CORRUPT_BATCH` */
  headers(): RecordHeaders {
    if (this.#headerCount === 0) return noHeaders;
    const headers: (readonly [string, Uint8Array | null])[] = [];
    const { buffer, byteOffset, length } = this.#bytes;
    const text = Buffer.from(buffer, byteOffset, length);
    this.#at = this.#headersAt;
    for (let i = 0; i < this.#headerCount; i++) {
      const nameLength = this.#varint();
      const nameAt = this.#skip(nameLength < 0 ? -2 : nameLength);
      const valueLength = this.#varint();
      const valueAt = this.#skip(valueLength);
      const value = valueLength < 0 ? null : this.#bytes.subarray(valueAt, valueAt + valueLength);
      headers.push([text.toString('utf8', nameAt, nameAt + nameLength), value]);
    }
    if (this.#at !== this.#recordEnd) throw corrupt(`${this.#recordEnd - this.#at} bytes follow a record's headers`);
    return headers;
  }

  #skip(length: number): number {
    const at = this.#at;
    if (length < -1 || at + length > this.#recordEnd) throw corrupt(`a header of ${length} bytes at ${at}`);
    if (length > 0) this.#at = at + length;
    return at;
  }

  #varint(): number {
    const at = this.#at;
    // One or two bytes, as nearly all are, without the loop.
    if (at + 1 < this.#end) {
      const low = this.#bytes[at]!;
      if (low < 0x80) {
        this.#at = at + 1;
        return (low >>> 1) ^ -(low & 1);
      }
      const high = this.#bytes[at + 1]!;
      if (high < 0x80) {
        this.#at = at + 2;
        return (((low & 0x7f) | (high << 7)) >>> 1) ^ -(low & 1);
      }
    }
    return this.#longVarint();
  }

  #longVarint(): number {
    const bytes = this.#bytes;
    const end = this.#end;
    let at = this.#at;
    let n = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      if (at >= end) throw corrupt('the last record is cut');
      const byte = bytes[at++]!;
      n |= (byte & 0x7f) << shift;
      if (byte < 0x80) {
        this.#at = at;
        return (n >>> 1) ^ -(n & 1);
      }
    }
    throw corrupt(`a varint of more than 5 bytes at ${this.#at}`);
  }

  #varlong(): number {
    const bytes = this.#bytes;
    const end = this.#end;
    let at = this.#at;
    let low = 0; // 28 bits are more than the deltas of a batch commonly need, and stay in the integer registers
    for (let shift = 0; shift < 28; shift += 7) {
      if (at >= end) throw corrupt('the last record is cut');
      const byte = bytes[at++]!;
      low |= (byte & 0x7f) << shift;
      if (byte < 0x80) {
        this.#at = at;
        return (low >>> 1) ^ -(low & 1);
      }
    }
    this.#at = at;
    return this.#longVarlong(low);
  }

  #longVarlong(low: number): number {
    let n = low >>> 1; // without the sign bit, so that a whole safe integer fits
    let scale = 2 ** 27;
    for (let i = 4; i < 10; i++) {
      if (this.#at >= this.#end) throw corrupt('the last record is cut');
      const byte = this.#bytes[this.#at++]!;
      n += (byte & 0x7f) * scale;
      scale *= 128;
      if (byte < 0x80) {
        if (n > Number.MAX_SAFE_INTEGER) throw corrupt('a timestamp beyond ±2^53');
        return (low & 1) === 1 ? -n - 1 : n;
      }
    }
    throw corrupt(`a varlong of more than 10 bytes at ${this.#at}`);
  }
}

// A bounds-checked big-endian cursor over bytes that a peer or a disk gave. Nothing is trusted: a read past the end or
// a negative length is a Fault, never a short answer. It copies nothing: views share the memory of `bytes`.
import { Fault } from './fault.ts';

const short = 24; // below, a loop over the characters beats the call into the decoder

/** @throws Fault `MALFORMED_BYTES` from every read that goes past `end` */
export class ByteReader {
  position: number;
  readonly end: number;
  readonly #bytes: Uint8Array;
  #buffer: Buffer | undefined;

  constructor(bytes: Uint8Array, position = 0, end = bytes.length) {
    if (!(position >= 0 && position <= end && end <= bytes.length)) {
      throw malformed(`a range of ${position} to ${end} in ${bytes.length} bytes`);
    }
    this.#bytes = bytes;
    this.position = position;
    this.end = end;
  }

  get remaining(): number {
    return this.end - this.position;
  }

  int8(): number {
    const at = this.#advance(1);
    return (this.#bytes[at]! << 24) >> 24;
  }

  int16(): number {
    const at = this.#advance(2);
    const bytes = this.#bytes;
    return (((bytes[at]! << 8) | bytes[at + 1]!) << 16) >> 16;
  }

  uint16(): number {
    return this.int16() & 0xffff;
  }

  int32(): number {
    const at = this.#advance(4);
    const bytes = this.#bytes;
    return (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!;
  }

  uint32(): number {
    return this.int32() >>> 0;
  }

  /** Beyond ±(2^53 - 1) it throws, because a number would lose digits: `bigint64` reads those. */
  int64(): number {
    const high = this.int32();
    const n = high * 2 ** 32 + (this.int32() >>> 0);
    if (!Number.isSafeInteger(n)) throw malformed(`a 64-bit integer beyond ±2^53 at ${this.position - 8}`);
    return n;
  }

  bigint64(): bigint {
    const high = this.int32();
    return (BigInt(high) << 32n) | BigInt(this.int32() >>> 0);
  }

  float64(): number {
    const at = this.#advance(8);
    return this.#asBuffer().readDoubleBE(at);
  }

  /** A signed 32-bit integer in zigzag form. */
  varint(): number {
    const n = this.uvarint();
    return (n >>> 1) ^ -(n & 1);
  }

  /** A 64-bit integer in zigzag form; throws beyond ±(2^53 - 1). */
  varlong(): number {
    const start = this.position;
    const first = this.#byte();
    let n = (first >> 1) & 0x3f;
    let more = first > 0x7f;
    for (let scale = 64; more; scale *= 128) {
      if (this.position - start === 10) throw malformed(`a varlong of more than 10 bytes at ${start}`);
      const byte = this.#byte();
      n += (byte & 0x7f) * scale;
      more = byte > 0x7f;
    }
    if (n > Number.MAX_SAFE_INTEGER) throw malformed(`a varlong beyond ±2^53 at ${start}`);
    return (first & 1) === 1 ? -n - 1 : n;
  }

  /** An unsigned 32-bit integer. */
  uvarint(): number {
    let byte = this.#byte();
    if (byte < 0x80) return byte;
    const start = this.position - 1;
    let n = byte & 0x7f;
    for (let shift = 7; byte > 0x7f; shift += 7) {
      if (shift > 28) throw malformed(`a varint of more than 5 bytes at ${start}`);
      byte = this.#byte();
      n |= (byte & 0x7f) << shift;
    }
    return n >>> 0;
  }

  /** The next `n` bytes, sharing memory. */
  view(n: number): Uint8Array {
    const at = this.#advance(n);
    return this.#bytes.subarray(at, at + n);
  }

  /** The next `n` bytes as text; what is no UTF-8 becomes U+FFFD. */
  utf8(n: number): string {
    const at = this.#advance(n);
    if (n < short) {
      const text = this.#ascii(at, n);
      if (text !== undefined) return text;
    }
    return this.#asBuffer().toString('utf8', at, at + n);
  }

  skip(n: number): void {
    this.#advance(n);
  }

  #byte(): number {
    return this.#bytes[this.#advance(1)]!;
  }

  #advance(n: number): number {
    const at = this.position;
    // Written so that NaN fails too: a length may come from arithmetic on hostile numbers.
    if (!(n >= 0 && at + n <= this.end)) throw malformed(`${n} bytes wanted at ${at}, ${this.end - at} are left`);
    this.position = at + n;
    return at;
  }

  #ascii(at: number, n: number): string | undefined {
    const bytes = this.#bytes;
    let text = '';
    for (let i = at; i < at + n; i++) {
      const byte = bytes[i]!;
      if (byte > 0x7f) return undefined;
      text += String.fromCharCode(byte);
    }
    return text;
  }

  #asBuffer(): Buffer {
    const bytes = this.#bytes;
    return (this.#buffer ??= Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length));
  }
}

const malformed = (what: string) => new Fault('MALFORMED_BYTES', { what });

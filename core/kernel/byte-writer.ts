// A growing big-endian cursor for wire messages and stored values. No length prefixes, nulls or other conventions of a
// protocol: those belong to its codec.

const short = 24; // below, a loop over the characters beats the call into the encoder

/** Writes at `length`, growing as needed. Reusable by `reset()`. */
export class ByteWriter {
  /** Bytes written so far. */
  length = 0;
  #bytes: Uint8Array;
  #buffer: Buffer;

  constructor(capacity = 1024) {
    this.#buffer = Buffer.allocUnsafeSlow(Math.max(capacity, 16));
    this.#bytes = plain(this.#buffer);
  }

  int8(n: number): void {
    const at = this.reserve(1);
    this.#bytes[at] = n;
  }

  int16(n: number): void {
    const at = this.reserve(2);
    const bytes = this.#bytes;
    bytes[at] = n >> 8;
    bytes[at + 1] = n;
  }

  uint16(n: number): void {
    this.int16(n);
  }

  int32(n: number): void {
    const at = this.reserve(4);
    const bytes = this.#bytes;
    bytes[at] = n >> 24;
    bytes[at + 1] = n >> 16;
    bytes[at + 2] = n >> 8;
    bytes[at + 3] = n;
  }

  uint32(n: number): void {
    this.int32(n);
  }

  /** @param n a safe integer; others lose digits, so they go through `bigint64` */
  int64(n: number): void {
    const high = Math.floor(n / 2 ** 32);
    this.int32(high);
    this.int32(n - high * 2 ** 32);
  }

  bigint64(n: bigint): void {
    const at = this.reserve(8);
    this.#buffer.writeBigInt64BE(BigInt.asIntN(64, n), at);
  }

  float64(n: number): void {
    const at = this.reserve(8);
    this.#buffer.writeDoubleBE(n, at);
  }

  /** A signed 32-bit integer in zigzag form, 1 to 5 bytes. */
  varint(n: number): void {
    this.uvarint((n << 1) ^ (n >> 31));
  }

  /** A safe integer in zigzag form, 1 to 8 bytes: as Kafka writes a 64-bit one. */
  varlong(n: number): void {
    // Doubling a large one would lose its last bit, so the sign is added to the first six bits only.
    const positive = n < 0 ? -n - 1 : n;
    const low = ((positive % 64) << 1) | (n < 0 ? 1 : 0);
    let rest = Math.floor(positive / 64);
    let at = this.#ensure(10);
    const bytes = this.#bytes;
    bytes[at++] = rest > 0 ? low | 0x80 : low;
    while (rest > 0) {
      const next = Math.floor(rest / 128);
      bytes[at++] = (rest % 128) | (next > 0 ? 0x80 : 0);
      rest = next;
    }
    this.length = at;
  }

  /** An unsigned 32-bit integer, 1 to 5 bytes. */
  uvarint(n: number): void {
    let rest = n >>> 0;
    let at = this.#ensure(5);
    const bytes = this.#bytes;
    while (rest > 0x7f) {
      bytes[at++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    bytes[at++] = rest;
    this.length = at;
  }

  bytes(raw: Uint8Array): void {
    const at = this.reserve(raw.length);
    this.#bytes.set(raw, at);
  }

  /** @returns how many bytes that took; a lone surrogate becomes U+FFFD */
  utf8(text: string): number {
    const start = this.#ensure(text.length * 3);
    const written = text.length < short ? this.#ascii(text, start) : -1;
    const bytes = written < 0 ? this.#buffer.write(text, start, 'utf8') : written;
    this.length = start + bytes;
    return bytes;
  }

  /** Makes room for `n` bytes whose content is undefined until set. @returns their position */
  reserve(n: number): number {
    const at = this.#ensure(n);
    this.length = at + n;
    return at;
  }

  setInt8At(position: number, n: number): void {
    this.#bytes[position] = n;
  }

  setInt16At(position: number, n: number): void {
    this.#buffer.writeInt16BE(n, position);
  }

  setInt32At(position: number, n: number): void {
    this.#buffer.writeInt32BE(n | 0, position);
  }

  setUint32At(position: number, n: number): void {
    this.#buffer.writeInt32BE(n | 0, position);
  }

  /** @param n a safe integer */
  setInt64At(position: number, n: number): void {
    const high = Math.floor(n / 2 ** 32);
    this.#buffer.writeInt32BE(high | 0, position);
    this.#buffer.writeInt32BE((n - high * 2 ** 32) | 0, position + 4);
  }

  /** What is written, valid until the next write. */
  view(): Uint8Array {
    return this.#bytes.subarray(0, this.length);
  }

  /** What is written, as memory of its own that holds nothing else; the writer is empty afterwards. */
  take(): Uint8Array {
    const taken = this.#bytes.slice(0, this.length);
    this.length = 0;
    return taken;
  }

  reset(): void {
    this.length = 0;
  }

  #ascii(text: string, start: number): number {
    const bytes = this.#bytes;
    for (let i = 0; i < text.length; i++) {
      const code = text.charCodeAt(i);
      if (code > 0x7f) return -1;
      bytes[start + i] = code;
    }
    return text.length;
  }

  #ensure(n: number): number {
    const needed = this.length + n;
    if (needed > this.#bytes.length) this.#grow(needed);
    return this.length;
  }

  #grow(needed: number): void {
    const grown = Buffer.allocUnsafeSlow(Math.max(needed, this.#bytes.length * 2));
    grown.set(this.#bytes.subarray(0, this.length));
    this.#buffer = grown;
    this.#bytes = plain(grown);
  }
}

const plain = (buffer: Buffer): Uint8Array => new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.length);

// Frames: a big-endian int32 length, then that many bytes. Cuts them out of a stream's chunks and makes them from
// messages; what is in them is header.ts and the messages'.
import { ByteWriter } from '../kernel/byte-writer.ts';
import { malformed } from './field.ts';
import { createPieces, type Pieces } from './pieces.ts';

export interface FrameReader {
  /**
   * Takes what arrived and gives the frames that it completes, without their lengths. A frame within one chunk shares
   * its memory; others are copied together once. What is held is in proportion to what was received, however small the
   * chunks that it came in.
   * @throws Fault `MALFORMED_BYTES` for a length below zero or above the cap: the stream can't be read on after that
   */
  push(chunk: Uint8Array): readonly Uint8Array[];
  /** Bytes of a frame that isn't complete. */
  readonly pendingBytes: number;
  /** How long that frame says it is; 0 where none is begun or its length isn't there yet. */
  readonly expectedBytes: number;
}

/** @param frameBytesMax the longest frame taken; Kafka's `socket.request.max.bytes` is 100 MiB */
export function createFrameReader({ frameBytesMax }: { readonly frameBytesMax: number }): FrameReader {
  const parts: Uint8Array[] = [];
  let tail = empty; // small parts one behind the other, to be a part itself when it is full
  let tailUsed = 0;
  let held = 0;
  let needed = 4; // of which `held` are there: the length itself until that is known
  let known = false;
  let broken = false;

  function lengthOf(bytes: Uint8Array, at: number): number {
    const length = (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!;
    if (length >= 0 && length <= frameBytesMax) return length;
    broken = true;
    throw malformed(`a frame of ${length} bytes, at most ${frameBytesMax} are taken`);
  }

  /** Small parts are copied: kept as they came, each would hold on to its chunk and to an object for its view. */
  function keep(part: Uint8Array): void {
    if (part.length >= smallBytes) {
      sealTail();
      parts.push(part);
      return;
    }
    if (tailUsed + part.length > tail.length) {
      sealTail();
      tail = new Uint8Array(Math.max(part.length, Math.min(held, tailBytesMax)));
    }
    tail.set(part, tailUsed);
    tailUsed += part.length;
  }

  function sealTail(): void {
    if (tailUsed > 0) parts.push(tailUsed * 2 < tail.length ? tail.slice(0, tailUsed) : tail.subarray(0, tailUsed));
    tail = empty;
    tailUsed = 0;
  }

  return {
    get pendingBytes() {
      return held;
    },
    get expectedBytes() {
      return known ? needed : 0;
    },
    push(received) {
      if (broken) throw malformed('a stream that was given up');
      const chunk = plain(received);
      const frames: Uint8Array[] = [];
      let at = 0;
      while (at < chunk.length) {
        const taken = Math.min(needed - held, chunk.length - at);
        const part = chunk.subarray(at, at + taken);
        at += taken;
        held += taken;
        if (taken < needed) keep(part);
        if (held < needed) break;
        let whole = part;
        if (taken < needed) {
          sealTail();
          whole = joined(parts, needed);
          parts.length = 0;
        }
        held = 0;
        needed = known ? 4 : lengthOf(whole, 0);
        if (known || needed === 0) {
          frames.push(known ? whole : empty);
          needed = 4;
          known = false;
        } else {
          known = true;
        }
      }
      return frames;
    },
  };
}

/**
 * One frame of what `write` writes. Large records that it notes in `pieces` are handed on uncopied, so the frame comes
 * in parts, to be sent one after the other.
 */
export function encodeFrame(write: (writer: ByteWriter, pieces: Pieces) => void): Uint8Array[] {
  const writer = new ByteWriter(512);
  const pieces = createPieces();
  writer.reserve(4);
  write(writer, pieces);
  writer.setInt32At(0, writer.length - 4 + pieces.bytes);
  return pieces.join(writer.take());
}

const empty = new Uint8Array(0);
/** Not as a Buffer, whose `slice` copies nothing: whoever keeps bytes of a message relies on a copy. */
const plain = (chunk: Uint8Array): Uint8Array =>
  chunk.constructor === Uint8Array ? chunk : new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.length);

const smallBytes = 2_048;
const tailBytesMax = 64 * 1024;

function joined(parts: readonly Uint8Array[], length: number): Uint8Array {
  // Not filled with zeros: all of it is written here.
  const whole = new Uint8Array(Buffer.allocUnsafeSlow(length).buffer);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

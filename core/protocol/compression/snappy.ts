// Snappy as Kafka's Java client frames it: SnappyOutputStream of xerial, a magic and two versions, then blocks with
// their length in front. librdkafka writes that or one bare block, so the reader takes both; the writer frames, because
// older readers take nothing else. Output is copied, because memory made outside of V8 costs six times as much here.
import { broken, type Codec, decompressedBytesMax, tooLarge } from './codec.ts';

const magic = Uint8Array.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0x00]);
const headerBytes = 16;
/** xerial's default; every reader allocates at most this a block. */
const blockBytes = 32 * 1024;
/** A copy of 64 bytes takes 2 or 3, so no block decompresses to more than 32 times its size. */
const ratioMax = 32;

/** @throws what the import throws where there is no build for this platform */
export async function loadSnappy(): Promise<Codec> {
  const { compressSync, uncompressSync } = await import('snappy');

  function decompressBlock(block: Uint8Array): Uint8Array {
    if (uncompressedBytes(block) > block.length * ratioMax) throw broken('snappy', 'a block claims too much');
    try {
      return uncompressSync(block, { copyOutputData: true }) as Buffer;
    } catch (error) {
      throw broken('snappy', error);
    }
  }

  return {
    compress(bytes) {
      const pieces: Uint8Array[] = [header()];
      for (let at = 0; at < bytes.length; at += blockBytes) {
        const block = compressSync(bytes.subarray(at, at + blockBytes), { copyOutputData: true });
        pieces.push(int32Bytes(block.length), block);
      }
      return Buffer.concat(pieces);
    },
    decompress(bytes, sizeMax = decompressedBytesMax) {
      const blocks = isFramed(bytes) ? splitBlocks(bytes) : [bytes];
      const size = blocks.reduce((sum, block) => sum + uncompressedBytes(block), 0);
      if (size > sizeMax) throw tooLarge('snappy', sizeMax);
      return blocks.length === 1 ? decompressBlock(blocks[0]!) : Buffer.concat(blocks.map(decompressBlock), size);
    },
  };
}

const isFramed = (bytes: Uint8Array) => bytes.length >= headerBytes && magic.every((byte, i) => bytes[i] === byte);

function splitBlocks(bytes: Uint8Array): Uint8Array[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const blocks: Uint8Array[] = [];
  for (let at = headerBytes; at < bytes.length; ) {
    const length = at + 4 <= bytes.length ? view.getInt32(at) : -1;
    if (length <= 0 || at + 4 + length > bytes.length) throw broken('snappy', `a block of ${length} bytes`);
    blocks.push(bytes.subarray(at + 4, at + 4 + length));
    at += 4 + length;
  }
  return blocks;
}

/** A block begins with what it decompresses to, as a varint. */
function uncompressedBytes(block: Uint8Array): number {
  let size = 0;
  for (let i = 0; i < 5 && i < block.length; i++) {
    size += (block[i]! & 0x7f) * 128 ** i;
    if (block[i]! < 0x80) return size;
  }
  throw broken('snappy', 'a block without a size');
}

function header(): Uint8Array {
  const bytes = new Uint8Array(headerBytes);
  bytes.set(magic);
  bytes[11] = 1; // version
  bytes[15] = 1; // oldest version that reads it
  return bytes;
}

function int32Bytes(n: number): Uint8Array {
  return Uint8Array.from([n >> 24, n >> 16, n >> 8, n]);
}

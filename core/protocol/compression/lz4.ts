// LZ4 in its frame format (1.5.1), independent blocks of 64 KiB without checksums, as Kafka's Java client writes it
// (KIP-57). The frame is taken apart and put together here: the library's own takes five times as long, and no limit on
// what a frame may decompress to. Checksums inside a frame are skipped, because the batch has one over them all.
import { broken, type Codec, decompressedBytesMax, tooLarge } from './codec.ts';

/** Magic, version 1 with independent blocks, blocks of 64 KiB, and the checksum of those two bytes. */
const header = Uint8Array.from([0x04, 0x22, 0x4d, 0x18, 0x60, 0x40, 0x82]);
const blockBytes = 64 * 1024;
const magic = 0x184d2204;
const flag = { independent: 0x20, blockChecksum: 0x10, contentSize: 0x08, contentChecksum: 0x04, dictionaryId: 0x01 };
const storedBit = 0x80000000;
/** No block decompresses to more than 255 times its size. */
const ratioMax = 255;
/** The library wants a block's size in front of it. */
const prefixBytes = 4;

type Lz4 = typeof import('lz4-napi');

/** @throws what the import throws where there is no build for this platform */
export async function loadLz4(): Promise<Codec> {
  const { compressSync, decompressFrameSync, uncompressSync } = await import('lz4-napi');
  return {
    compress: (bytes) => writeFrame(bytes, compressSync),
    decompress(bytes, sizeMax = decompressedBytesMax) {
      const frame = readLz4Frame(bytes);
      if (frame.bound > sizeMax) throw tooLarge('lz4', sizeMax);
      try {
        if (!frame.isIndependent) return decompressFrameSync(asBuffer(bytes));
        const parts = frame.blocks.map((block) => (block.isStored ? block.bytes : unpack(block, uncompressSync)));
        return parts.length === 1 ? parts[0]! : Buffer.concat(parts);
      } catch (error) {
        throw broken('lz4', error);
      }
    },
  };
}

const asBuffer = (bytes: Uint8Array) => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);

function writeFrame(bytes: Uint8Array, compressSync: Lz4['compressSync']): Uint8Array {
  const pieces: Uint8Array[] = [header];
  for (let at = 0; at < bytes.length; at += blockBytes) {
    const raw = bytes.subarray(at, at + blockBytes);
    const packed = compressSync(asBuffer(raw)).subarray(prefixBytes);
    const isSmaller = packed.length < raw.length;
    pieces.push(uint32(isSmaller ? packed.length : raw.length + storedBit), isSmaller ? packed : raw);
  }
  pieces.push(uint32(0));
  return Buffer.concat(pieces);
}

function uint32(n: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, n, true);
  return bytes;
}

function unpack({ bytes, bound }: Block, uncompressSync: Lz4['uncompressSync']): Uint8Array {
  const prefixed = Buffer.allocUnsafe(prefixBytes + bytes.length);
  prefixed.writeUInt32LE(bound, 0);
  prefixed.set(bytes, prefixBytes);
  return uncompressSync(prefixed);
}

interface Block {
  readonly bytes: Uint8Array;
  readonly isStored: boolean;
  /** Most bytes that it can decompress to. */
  readonly bound: number;
}

interface Frame {
  readonly blocks: readonly Block[];
  readonly isIndependent: boolean;
  /** Most bytes that the blocks can decompress to. */
  readonly bound: number;
}

/** @throws Fault `CORRUPT_BATCH` for anything but one whole frame */
export function readLz4Frame(bytes: Uint8Array): Frame {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (bytes.length < header.length || view.getUint32(0, true) !== magic) throw broken('lz4', 'no frame');
  const flags = bytes[4]!;
  const sizeCode = (bytes[5]! >> 4) & 0x07;
  if (sizeCode < 4 || flags >> 6 !== 1) throw broken('lz4', 'a frame of another version');
  const has = (bit: number) => (flags & bit) !== 0;
  const blockBytesMax = 2 ** (8 + 2 * sizeCode);
  const blocks: Block[] = [];
  let at = header.length + (has(flag.contentSize) ? 8 : 0) + (has(flag.dictionaryId) ? 4 : 0);
  let bound = 0;
  for (;;) {
    if (at + 4 > bytes.length) throw broken('lz4', 'the frame has no end');
    const word = view.getUint32(at, true);
    at += 4;
    if (word === 0) break;
    const isStored = word >= storedBit;
    const size = word % storedBit;
    if (size > blockBytesMax || at + size > bytes.length) throw broken('lz4', `a block of ${size} bytes`);
    const blockBound = isStored ? size : Math.min(blockBytesMax, size * ratioMax);
    blocks.push({ bytes: bytes.subarray(at, at + size), isStored, bound: blockBound });
    bound += blockBound;
    at += size + (has(flag.blockChecksum) ? 4 : 0);
  }
  at += has(flag.contentChecksum) ? 4 : 0;
  if (at !== bytes.length) throw broken('lz4', `${bytes.length - at} bytes follow the frame`);
  return { blocks, isIndependent: has(flag.independent), bound };
}

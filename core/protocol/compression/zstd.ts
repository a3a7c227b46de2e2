// zstd by node:zlib where Node has it (22.15), by WebAssembly elsewhere. The latter trusts what a frame says and never
// gives memory back, so frames are walked and bounded first (RFC 8878, 3.1): a Java producer's don't say their size.
import * as zlib from 'node:zlib';
import { broken, type Codec, decompressedBytesMax, tooLarge } from './codec.ts';

interface ZlibZstd {
  zstdCompressSync(bytes: Uint8Array, options: { params: Record<number, number> }): Buffer;
  zstdDecompressSync(bytes: Uint8Array, options: { maxOutputLength: number }): Buffer;
  constants: { ZSTD_c_compressionLevel: number };
}

const levelDefault = 3;
/** WebAssembly memory never shrinks, so a hostile batch would keep what it once took. */
const wasmBytesMax = 256 * 1024 ** 2;
const magic = 0xfd2fb528;
const skippableMagic = 0x184d2a50; // to ...5f
const blockBytesMax = 128 * 1024;

/** Decompresses one whole frame. */
type DecompressFrame = (frame: Frame) => Uint8Array;

/** @throws what the import throws where WebAssembly can't be had */
export async function loadZstd(): Promise<Codec> {
  return 'zstdDecompressSync' in zlib ? native(zlib as unknown as ZlibZstd) : wasm();
}

function native({ zstdCompressSync, zstdDecompressSync, constants }: ZlibZstd): Codec {
  return {
    compress: (bytes, level = levelDefault) =>
      zstdCompressSync(bytes, { params: { [constants.ZSTD_c_compressionLevel]: level } }),
    decompress: (bytes, sizeMax = decompressedBytesMax) =>
      decompressFrames(bytes, sizeMax, (frame) =>
        zstdDecompressSync(frame.bytes, { maxOutputLength: Math.max(frame.bound, 1) }),
      ),
  };
}

async function wasm(): Promise<Codec> {
  const { init, compress, decompress } = await import('@bokuweb/zstd-wasm');
  await init();
  return {
    compress: (bytes, level = levelDefault) => compress(bytes, level),
    decompress: (bytes, sizeMax = decompressedBytesMax) =>
      decompressFrames(bytes, Math.min(sizeMax, wasmBytesMax), (frame) =>
        decompress(frame.bytes, { defaultHeapSize: frame.bound }),
      ),
  };
}

/** Frame by frame, because zlib stops after the first and WebAssembly makes room for the first only. */
function decompressFrames(bytes: Uint8Array, sizeMax: number, decompressFrame: DecompressFrame): Uint8Array {
  const frames = splitZstdFrames(bytes);
  if (frames.reduce((sum, frame) => sum + frame.bound, 0) > sizeMax) throw tooLarge('zstd', sizeMax);
  try {
    const parts = frames.map(decompressFrame);
    return parts.length === 1 ? parts[0]! : Buffer.concat(parts);
  } catch (error) {
    throw broken('zstd', error);
  }
}

interface Frame {
  readonly bytes: Uint8Array;
  /** Most bytes that it can decompress to. */
  readonly bound: number;
}

/** The frames of `bytes` without skippable ones. @throws Fault `CORRUPT_BATCH` for anything but whole frames */
export function splitZstdFrames(bytes: Uint8Array): Frame[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const frames: Frame[] = [];
  if (bytes.length === 0) throw broken('zstd', 'no frame');
  for (let at = 0; at < bytes.length; ) {
    if (at + 8 > bytes.length) throw broken('zstd', 'a cut frame');
    const word = view.getUint32(at, true);
    if ((word & 0xfffffff0) >>> 0 === skippableMagic) {
      at += 8 + view.getUint32(at + 4, true);
      continue;
    }
    if (word !== magic) throw broken('zstd', 'no frame');
    const { end, bound } = walkFrame(view, at);
    frames.push({ bytes: bytes.subarray(at, end), bound });
    at = end;
  }
  return frames;
}

function walkFrame(view: DataView, start: number): { end: number; bound: number } {
  const descriptor = view.getUint8(start + 4);
  const isSingleSegment = (descriptor & 0x20) !== 0;
  const sizeFlag = descriptor >> 6;
  const sizeBytes = sizeFlag === 0 ? (isSingleSegment ? 1 : 0) : 2 ** sizeFlag;
  const dictionaryBytes = [0, 1, 2, 4][descriptor & 0x03]!;
  const sizeAt = start + 5 + (isSingleSegment ? 0 : 1) + dictionaryBytes;
  let at = sizeAt + sizeBytes;
  let bound = 0;
  for (let isLast = false; !isLast; ) {
    if (at + 3 > view.byteLength) throw broken('zstd', 'a cut frame');
    const block = view.getUint16(at, true) | (view.getUint8(at + 2) << 16);
    const size = block >> 3;
    const type = (block >> 1) & 0x03; // raw, repeated byte, compressed
    isLast = (block & 1) === 1;
    bound += type === 2 ? blockBytesMax : size;
    at += 3 + (type === 1 ? 1 : size);
  }
  at += (descriptor & 0x04) === 0 ? 0 : 4;
  if (at > view.byteLength) throw broken('zstd', 'a cut frame');
  const claimed = sizeBytes === 0 ? undefined : contentSize(view, sizeAt, sizeBytes);
  if (claimed !== undefined && claimed > bound) throw broken('zstd', 'a frame claims too much');
  return { end: at, bound: claimed ?? bound };
}

function contentSize(view: DataView, at: number, bytes: number): number {
  switch (bytes) {
    case 1:
      return view.getUint8(at);
    case 2:
      return view.getUint16(at, true) + 256;
    case 4:
      return view.getUint32(at, true);
    default:
      return view.getUint32(at + 4, true) * 2 ** 32 + view.getUint32(at, true);
  }
}

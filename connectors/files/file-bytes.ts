// The content of a file as bytes in order, gzip or not, from any position. A position is one of the content: of a gzip
// file the unpacked one, reached by unpacking all before. Knows nothing of lines.
import { createReadStream } from 'node:fs';
import { type FileHandle, open, stat } from 'node:fs/promises';
import { createGunzip, type Gunzip } from 'node:zlib';
import { Fault } from '../../core/kernel/fault.ts';

export interface FileBytes {
  /** Bytes that are added to the file are content. */
  readonly grows: boolean;
  /** Of the next byte that `read` gives. */
  readonly position: number;
  /** Null at the end; of a plain file that grows, the end for now. */
  read(): Promise<Buffer | null>;
  /** Goes on at a later byte; false where the content ends before. */
  skipTo(byte: number): Promise<boolean>;
  /** The first bytes of the content, at most `headBytesMax` and not beyond the position. */
  head(length: number): Promise<Buffer>;
  /** Share of the file that has been read. */
  progress(): number;
  /** What has become of the file at the path while this one was read. */
  state(): Promise<'same' | 'truncated' | 'replaced'>;
  close(): Promise<void>;
}

/** By the beginning a file is known again. */
export const headBytesMax = 256;
const chunkBytes = 256 * 1024;

/** @throws Fault `FILE_FAILED` */
export async function openFile(path: string): Promise<FileBytes> {
  const handle = await open(path, 'r').catch((error: unknown) => failed(path, error));
  try {
    if ((await handle.stat()).isDirectory()) throw new Fault('FILE_FAILED', { path, reason: 'it is a folder' });
    const magic = Buffer.alloc(2);
    await handle.read(magic, 0, 2, 0);
    return magic[0] === 0x1f && magic[1] === 0x8b ? await gzipBytes(path, handle) : await plainBytes(path, handle);
  } catch (error) {
    await handle.close();
    throw error;
  }
}

async function plainBytes(path: string, handle: FileHandle): Promise<FileBytes> {
  let position = 0;
  let size = (await handle.stat()).size;
  return {
    grows: true,
    get position() {
      return position;
    },
    async read() {
      const buffer = Buffer.allocUnsafeSlow(chunkBytes);
      const { bytesRead } = await handle
        .read(buffer, 0, chunkBytes, position)
        .catch((error: unknown) => failed(path, error));
      position += bytesRead;
      return bytesRead === 0 ? null : buffer.subarray(0, bytesRead);
    },
    async skipTo(byte) {
      if (byte > size) return false;
      position = byte;
      return true;
    },
    async head(length) {
      const buffer = Buffer.alloc(Math.min(length, headBytesMax));
      const { bytesRead } = await handle.read(buffer, 0, buffer.length, 0);
      return buffer.subarray(0, bytesRead);
    },
    progress: () => (size === 0 ? 1 : Math.min(1, position / size)),
    async state() {
      const own = await handle.stat();
      size = own.size;
      if (size < position) return 'truncated';
      const there = await stat(path).catch(() => null);
      // While a file is being rotated there may be none: wait for the next.
      return there === null || (there.ino === own.ino && there.dev === own.dev) ? 'same' : 'replaced';
    },
    close: () => handle.close(),
  };
}

async function gzipBytes(path: string, handle: FileHandle): Promise<FileBytes> {
  const { size } = await handle.stat();
  await handle.close();
  const packed = createReadStream(path, { highWaterMark: chunkBytes });
  const unpacked: Gunzip = packed.pipe(createGunzip({ chunkSize: chunkBytes }));
  packed.on('error', (error) => unpacked.destroy(error));
  const chunks = unpacked[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  let head = Buffer.alloc(0);
  let kept: Buffer | null = null;
  let position = 0;

  async function read(): Promise<Buffer | null> {
    const chunk = kept ?? (await chunks.next().catch((error: unknown) => failed(path, error))).value ?? null;
    kept = null;
    if (chunk === null) return null;
    if (head.length < headBytesMax) head = Buffer.concat([head, chunk.subarray(0, headBytesMax - head.length)]);
    position += chunk.length;
    return chunk;
  }

  return {
    grows: false,
    get position() {
      return position;
    },
    read,
    async skipTo(byte) {
      while (position < byte) {
        const chunk = await read();
        if (chunk === null) return false;
        if (position <= byte) continue;
        kept = chunk.subarray(chunk.length - (position - byte));
        position = byte;
      }
      return true;
    },
    head: async (length) => head.subarray(0, length),
    progress: () => (size === 0 ? 1 : Math.min(1, packed.bytesRead / size)),
    state: async () => 'same',
    async close() {
      unpacked.destroy();
      packed.destroy();
    },
  };
}

export function failed(path: string, error: unknown): never {
  if (error instanceof Fault) throw error;
  const { code, message } = error as { code?: string; message?: string };
  throw new Fault('FILE_FAILED', { path, reason: reasons[code ?? ''] ?? message ?? String(error) }, error);
}

const reasons: Record<string, string> = {
  ENOENT: 'there is none',
  EACCES: 'this user may not use it',
  EISDIR: 'it is a folder',
  ENOSPC: 'the disk is full',
  Z_BUF_ERROR: 'its gzip data ends too early',
  Z_DATA_ERROR: 'its gzip data is damaged',
};

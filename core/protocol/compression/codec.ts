// What a codec of record batches does, and the limit that all of them keep.
import { Fault } from '../../kernel/fault.ts';

/** Most bytes that one batch may decompress to: a few kilobytes of zeros must not take the process down. */
export const decompressedBytesMax = 1024 ** 3;

export interface Codec {
  /** @param level default the codec's own; those without levels ignore it */
  compress(bytes: Uint8Array, level?: number): Uint8Array;
  /** @throws Fault `CORRUPT_BATCH` for what this codec didn't write, and beyond `sizeMax` bytes (default 1 GiB) */
  decompress(bytes: Uint8Array, sizeMax?: number): Uint8Array;
}

export const broken = (codec: string, cause: unknown) =>
  new Fault('CORRUPT_BATCH', { what: `its records are no ${codec}: ${(cause as Error).message ?? cause}` }, cause);

export const tooLarge = (codec: string, sizeMax: number) =>
  new Fault('CORRUPT_BATCH', { what: `its ${codec} records decompress to more than ${sizeMax} bytes` });

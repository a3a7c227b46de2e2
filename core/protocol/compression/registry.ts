// The codecs of record batches by name. Native and WebAssembly ones are loaded once, at start, so that reading a batch
// stays synchronous; one that can't be loaded on this machine fails where it is used, and the rest work.
import { Fault } from '../../kernel/fault.ts';
import type { Codec } from './codec.ts';
import { gzip } from './gzip.ts';
import { loadLz4 } from './lz4.ts';
import { loadSnappy } from './snappy.ts';
import { loadZstd } from './zstd.ts';

/** At the place of their number in a batch's attributes. */
export const compressionNames = ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const;

export type CompressionName = (typeof compressionNames)[number];

const loaders = { snappy: loadSnappy, lz4: loadLz4, zstd: loadZstd };
const codecs = new Map<CompressionName, Codec>([['gzip', gzip]]);
const failures = new Map<CompressionName, unknown>();
let loading: Promise<void> | undefined;

/** Loads what can be loaded; the second call waits for the first. Never rejects: an absent codec shows when it is used. */
export function loadCompression(): Promise<void> {
  loading ??= Promise.all(
    Object.entries(loaders).map(async ([name, load]) => {
      const codec = name as keyof typeof loaders;
      try {
        codecs.set(codec, await load());
      } catch (error) {
        failures.set(codec, error);
      }
    }),
  ).then(() => {});
  return loading;
}

/** @throws Fault `UNSUPPORTED_COMPRESSION` for one that isn't loaded, with the reason as its cause */
export function compression(name: Exclude<CompressionName, 'none'>): Codec {
  const codec = codecs.get(name);
  if (codec === undefined) throw new Fault('UNSUPPORTED_COMPRESSION', { codec: name }, failures.get(name));
  return codec;
}

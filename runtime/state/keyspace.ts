// The layout of a task's database, all of it: no key of it is made elsewhere.
//
//   00                              1 byte       format
//   01  changelog topic             8 bytes      next offset to replay
//   02  scope                       8 bytes      stream time
//   03  store name                  3 bytes …    its number (2), kind (1), how it is kept (JSON)
//   04  number                      8 bytes      windows that start before are expired
//   10  number  key                 stamped      key-value store
//   10  number  start (8)  key      stamped      window store
//
// Numbers are 2 bytes big-endian, given to a store when it is first seen: its name would weigh on each key. A start is big-
// endian with its sign flipped, so that byte order is time order. Windows are by time first, so that one entry a window is
// enough: what expires is one range at the head, and a key needs no escape. A key's windows are read by their starts,
// which alignment tells. A stamped value is 8 bytes of event time and the value's bytes.
import { Fault } from '../../core/kernel/fault.ts';

export const formatVersion = 1;

const tags = { format: 0x00, checkpoint: 0x01, streamTime: 0x02, store: 0x03, expired: 0x04, data: 0x10 } as const;
const signBit = 0x80000000;
const wordSize = 2 ** 32;

/** Bytes of a data key before what the store adds. */
export const dataPrefixSize = 3;

export const formatKey = (): Uint8Array => Uint8Array.of(tags.format);
export const checkpointKey = (topic: string): Uint8Array => tagged(tags.checkpoint, topic);
export const streamTimeKey = (scope: string): Uint8Array => tagged(tags.streamTime, scope);
export const storeKey = (name: string): Uint8Array => tagged(tags.store, name);
export const expiredKey = (number: number): Uint8Array => Uint8Array.of(tags.expired, number >>> 8, number & 0xff);
export const dataPrefix = (number: number): Uint8Array => Uint8Array.of(tags.data, number >>> 8, number & 0xff);

/** All keys but the data: read once at the start. */
export const metaRange = { gte: formatKey(), lt: Uint8Array.of(tags.data) };

/** From the first key to behind the last. */
export const wholeSpace = [formatKey(), Uint8Array.of(tags.data + 1)] as const;

export type MetaKey =
  | { readonly kind: 'format' }
  | { readonly kind: 'checkpoint' | 'streamTime' | 'store'; readonly name: string }
  | { readonly kind: 'expired'; readonly number: number };

/** Null for a key that this version doesn't know. */
export function readMetaKey(key: Uint8Array): MetaKey | null {
  const name = Buffer.from(key.buffer, key.byteOffset + 1, key.byteLength - 1).toString('utf8');
  switch (key[0]) {
    case tags.format:
      return { kind: 'format' };
    case tags.checkpoint:
      return { kind: 'checkpoint', name };
    case tags.streamTime:
      return { kind: 'streamTime', name };
    case tags.store:
      return { kind: 'store', name };
    case tags.expired:
      return { kind: 'expired', number: (key[1]! << 8) | key[2]! };
    default:
      return null;
  }
}

function tagged(tag: number, name: string): Uint8Array {
  const key = Buffer.allocUnsafeSlow(1 + Buffer.byteLength(name));
  key[0] = tag;
  key.write(name, 1);
  return key;
}

// Buffers, because LevelDB reads their pool in place and would first have to move a small Uint8Array out of the heap.

/** Of a key-value store. */
export function entryKey(prefix: Uint8Array, key: Uint8Array): Uint8Array {
  const bytes = Buffer.allocUnsafe(prefix.length + key.length);
  bytes.set(prefix);
  bytes.set(key, prefix.length);
  return bytes;
}

/** Of a window store. */
export function windowKey(prefix: Uint8Array, startMs: number, key: Uint8Array): Uint8Array {
  const bytes = Buffer.allocUnsafe(prefix.length + 8 + key.length);
  bytes.set(prefix);
  writeOrdered(bytes, prefix.length, startMs);
  bytes.set(key, prefix.length + 8);
  return bytes;
}

const noKey = new Uint8Array(0);

/** The first key of the windows that start at or after `startMs`. */
export const windowBound = (prefix: Uint8Array, startMs: number): Uint8Array => windowKey(prefix, startMs, noKey);

/** The first key after all of a store's. */
export function afterPrefix(prefix: Uint8Array): Uint8Array {
  const end = prefix.slice();
  let at = end.length - 1;
  while (end[at] === 0xff) end[at--] = 0;
  end[at]! += 1;
  return end;
}

export const entryKeyBytes = (stored: Uint8Array): Uint8Array => stored.subarray(dataPrefixSize);
export const windowKeyBytes = (stored: Uint8Array): Uint8Array => stored.subarray(dataPrefixSize + 8);
export const windowStart = (stored: Uint8Array): number => {
  const low = readInt(stored, dataPrefixSize + 4) >>> 0;
  return ((readInt(stored, dataPrefixSize) ^ signBit) | 0) * wordSize + low;
};

/** The key of a window in its changelog: key bytes, then 8 bytes of start. As Kafka's TimeWindowedSerializer. */
export function windowChangelogKey(startMs: number, key: Uint8Array): Uint8Array {
  const bytes = Buffer.allocUnsafe(key.length + 8);
  bytes.set(key);
  writeInt64(bytes, key.length, startMs);
  return bytes;
}

/** @throws Fault `MALFORMED_BYTES` for fewer than 8 bytes */
export function readWindowChangelogKey(key: Uint8Array): { readonly startMs: number; readonly keyBytes: Uint8Array } {
  if (key.length < 8) throw new Fault('MALFORMED_BYTES', { what: `a window's changelog key of ${key.length} bytes` });
  const at = key.length - 8;
  return { startMs: readInt64(key, at), keyBytes: key.subarray(0, at) };
}

export function stamp(timestampMs: number, value: Uint8Array): Uint8Array {
  const bytes = Buffer.allocUnsafe(8 + value.length);
  writeInt64(bytes, 0, timestampMs);
  bytes.set(value, 8);
  return bytes;
}

export const stampedTimestamp = (stored: Uint8Array): number => readInt64(stored, 0);
export const stampedValue = (stored: Uint8Array): Uint8Array => stored.subarray(8);

export function int64Bytes(value: number): Uint8Array {
  const bytes = new Uint8Array(8);
  writeInt64(bytes, 0, value);
  return bytes;
}

export const readInt64 = (bytes: Uint8Array, at: number): number =>
  readInt(bytes, at) * wordSize + (readInt(bytes, at + 4) >>> 0);

const readInt = (bytes: Uint8Array, at: number): number =>
  (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!;

function writeInt64(bytes: Uint8Array, at: number, value: number): void {
  writeInt(bytes, at, Math.floor(value / wordSize));
  writeInt(bytes, at + 4, value >>> 0);
}

function writeOrdered(bytes: Uint8Array, at: number, value: number): void {
  writeInt(bytes, at, Math.floor(value / wordSize) ^ signBit);
  writeInt(bytes, at + 4, value >>> 0);
}

function writeInt(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 24;
  bytes[at + 1] = value >>> 16;
  bytes[at + 2] = value >>> 8;
  bytes[at + 3] = value;
}

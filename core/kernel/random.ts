// Chance as a parameter. This is the only file that may draw a random number.
import { randomFillSync } from 'node:crypto';

export interface Random {
  /** Uniform in [0, 1). */
  next(): number;
  /** Uniform integer in [0, below). */
  integer(below: number): number;
  bytes(length: number): Uint8Array;
}

const fromNext = (next: () => number): Random => ({
  next,
  integer: (below) => Math.floor(next() * below),
  bytes: (length) => Uint8Array.from({ length }, () => Math.floor(next() * 256)),
});

export const systemRandom: Random = {
  ...fromNext(() => Math.random()),
  bytes: (length) => randomFillSync(new Uint8Array(length)),
};

/** The same numbers for the same seed, on every platform (mulberry32, public domain). */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  return fromNext(() => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  });
}

/** A version 4 UUID in its usual text form. */
export function randomUuid(random: Random): string {
  const bytes = random.bytes(16);
  bytes[6] = (bytes[6]! & 0x0f) | 0x40;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  return Buffer.from(bytes)
    .toString('hex')
    .replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

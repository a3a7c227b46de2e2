// The memory of a task's stores: entries by key, what they weigh, and which may go. An entry that is in the database may
// be forgotten, one that isn't may not. Forgetting is second chance (an approximation of least recently used), because
// keeping a list in order would cost each access what a hand that passes by costs only when room is needed.
// biome-ignore-all lint/suspicious/noExplicitAny: stores are erased, as the topology is
import type { Stamped } from './store.ts';

export const entryState = {
  /** As in the database. */
  clean: 0,
  /** Changed since the last drain; in its table's list of changes. */
  dirty: 1,
  /** Drained, and not in the database yet. */
  sealed: 2,
  /** No longer in the cache. */
  dropped: 3,
} as const;

export interface Entry {
  /** The key itself, or its encoded bytes where it is no primitive. */
  readonly key: string | number | bigint | Uint8Array;
  /** 0 in a key-value store. */
  readonly startMs: number;
  /** Undefined: known not to be there. */
  stamped: Stamped<any> | undefined;
  state: 0 | 1 | 2 | 3;
  /** The write that takes it to the database, while it waits for that. */
  sealedIn: number;
  /** Its place among that write's operations. */
  sealedAt: number;
  /** What the value was read from, until it is sealed; null where the store's serde writes it. */
  encoded: Uint8Array | null;
  used: boolean;
  /** What it weighs in memory, about. */
  bytes: number;
  /** Of the deletion, for its tombstone. */
  deletedMs: number;
}

/** Entries of a key-value store, or of a window store's windows of one start. */
export interface Bucket {
  readonly startMs: number;
  /** By the key itself: the fast path, which encodes nothing. */
  readonly primitives: Map<string | number | bigint, Entry>;
  /** By the key's bytes as latin1. */
  readonly encoded: Map<string, Entry>;
  /** Every key that the database has is here, so one that isn't needs no look-up. */
  complete: boolean;
}

export const createBucket = (startMs: number, complete: boolean): Bucket => ({
  startMs,
  primitives: new Map(),
  encoded: new Map(),
  complete,
});

export interface Budget {
  bytes: number;
  entries: number;
  /** Of entries that are not in the database. */
  dirtyBytes: number;
  dirtyEntries: number;
  readonly bytesMax: number;
  readonly entriesMax: number;
}

/** An entry, its stamped value and its place in a map: measured with 1,000,000 of them, without key and value. */
export const entryOverheadBytes = 176;
/** Objects against the bytes they are encoded to, about. */
export const objectBytesPerEncoded = 2;

export const createBudget = (bytesMax: number, entriesMax: number): Budget => ({
  bytes: 0,
  entries: 0,
  dirtyBytes: 0,
  dirtyEntries: 0,
  bytesMax,
  entriesMax,
});

/** Over its bounds, with enough in it that may go to be worth a pass. */
export const overBudget = (budget: Budget): boolean =>
  (budget.bytes > budget.bytesMax && budget.bytes - budget.dirtyBytes > budget.bytesMax / 16) ||
  (budget.entries > budget.entriesMax && budget.entries - budget.dirtyEntries > budget.entriesMax / 16);

/** Lets the tables forget until there is some room, or nothing more to forget. */
export function makeRoom(budget: Budget, tables: Iterable<{ forget(enough: () => boolean): void }>): void {
  const bytesWanted = budget.bytesMax * 0.875;
  const entriesWanted = budget.entriesMax * 0.875;
  const enough = () => budget.bytes <= bytesWanted && budget.entries <= entriesWanted;
  for (const table of tables) table.forget(enough);
}

/** Passes over the entries for ever, from where it stood; entries may be deleted meanwhile. */
export function createHand(buckets: () => Iterable<Bucket>) {
  function* pass(): Generator<{ bucket: Bucket; entry: Entry; forget: () => void }> {
    for (const bucket of buckets()) {
      for (const [key, entry] of bucket.primitives)
        yield { bucket, entry, forget: () => bucket.primitives.delete(key) };
      for (const [key, entry] of bucket.encoded) yield { bucket, entry, forget: () => bucket.encoded.delete(key) };
    }
  }
  let current = pass();
  return {
    next() {
      let found = current.next();
      if (found.done) {
        current = pass();
        found = current.next();
      }
      return found.done ? null : found.value;
    },
  };
}

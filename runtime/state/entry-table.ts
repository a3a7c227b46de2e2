// What a key-value store and a window store share: finding the entry of a key, in memory or in the database, changing it,
// and sealing what changed for the next commit. The hot path, a string or number that was seen before, is one Map look-up.
// biome-ignore-all lint/suspicious/noExplicitAny: stores are erased, as the topology is
import { assert } from '../../core/kernel/assert.ts';
import { Fault } from '../../core/kernel/fault.ts';
import { lentEncoder } from '../../core/schema/lent.ts';
import { utf8 } from '../../core/schema/primitive.ts';
import type { BatchOperation, Storage } from '../../core/storage/storage.ts';
import type { StoreSpec } from '../../dsl/compile/topology.ts';
import {
  type Bucket,
  type Budget,
  createHand,
  type Entry,
  entryOverheadBytes,
  entryState,
  objectBytesPerEncoded,
  overBudget,
} from './cache.ts';
import { stamp, stampedTimestamp, stampedValue } from './keyspace.ts';
import type { ChangeListener, ChangeVisitor, Stamped } from './store.ts';

/** Every so many puts a value is encoded only to learn its size, so that values that grow between commits are noticed. */
const measureEvery = 64;

/** What was drained and is not written yet: an operation and an entry a key, as it was when it was drained last. */
export interface Pending {
  readonly number: number;
  readonly operations: BatchOperation[];
  readonly entries: Entry[];
}

export interface TableOptions {
  readonly spec: StoreSpec;
  /** Null: all in memory, nothing forgotten. */
  readonly storage: Storage | null;
  readonly budget: Budget;
  readonly makeRoom: () => void;
  readonly buckets: () => Iterable<Bucket>;
  readonly storageKey: (startMs: number, key: Uint8Array) => Uint8Array;
  readonly changelogKey: (startMs: number, key: Uint8Array) => Uint8Array;
}

export type EntryTable = ReturnType<typeof createEntryTable>;

export function createEntryTable({ spec, storage, budget, makeRoom, buckets, storageKey, changelogKey }: TableOptions) {
  const { name, key: keySerde, value: valueSerde } = spec;
  const hand = createHand(buckets);
  let changes: Entry[] = [];
  let puts = 0;
  let valueBytes = 64;

  const keyBytesOf = (entry: Entry): Uint8Array =>
    typeof entry.key === 'object' ? entry.key : keySerde.encode(entry.key);
  const [lentKey, lentValue] = [lentEncoder(keySerde), lentEncoder(valueSerde)];
  const keyOf = (entry: Entry): any => (typeof entry.key === 'object' ? keySerde.decode(entry.key) : entry.key);

  function find(bucket: Bucket, key: any): Entry {
    // A Map takes -0 for 0, and a serde need not.
    if (typeof key === 'string' || (typeof key === 'number' && (key !== 0 || 1 / key > 0)) || typeof key === 'bigint') {
      const entry = bucket.primitives.get(key);
      if (entry !== undefined) {
        entry.used = true;
        return entry;
      }
    }
    return findEncoded(bucket, lentKey(key), key);
  }

  /**
   * Two primitives may have the same bytes (a uuid in capitals, -0 in JSON), so that only the one which those bytes
   * decode to stands for them.
   */
  function findEncoded(bucket: Bucket, encoded: Uint8Array, given?: unknown): Entry {
    // Whether bytes stand for a primitive is the same each time, so what is there needs no decoding.
    const seen = typeof given === 'object' ? bucket.encoded.get(idOf(encoded)) : undefined;
    if (seen !== undefined) {
      seen.used = true;
      return seen;
    }
    const primitive = asPrimitive(encoded, given);
    const id = primitive === undefined ? idOf(encoded) : '';
    const known = primitive === undefined ? bucket.encoded.get(id) : bucket.primitives.get(primitive);
    if (known !== undefined) {
      known.used = true;
      return known;
    }
    if (overBudget(budget)) makeRoom();
    const stored =
      storage === null || bucket.complete ? undefined : storage.getSync(storageKey(bucket.startMs, encoded));
    const key = primitive ?? new Uint8Array(encoded);
    const stamped = stored === undefined ? undefined : decodeStored(stored, key);
    const weight = stored === undefined ? Math.round(valueBytes) : stored.length * objectBytesPerEncoded;
    const bytes = entryOverheadBytes + encoded.length * 2 + weight;
    const entry: Entry = {
      key,
      startMs: bucket.startMs,
      stamped,
      state: entryState.clean,
      sealedIn: 0,
      sealedAt: 0,
      encoded: null,
      used: true,
      bytes,
      deletedMs: 0,
    };
    if (primitive === undefined) bucket.encoded.set(id, entry);
    else bucket.primitives.set(primitive, entry);
    budget.bytes += bytes;
    budget.entries++;
    return entry;
  }

  function asPrimitive(encoded: Uint8Array, given: unknown): string | number | bigint | undefined {
    // ASCII, which is what it decodes to.
    if (keySerde === utf8 && typeof given === 'string' && given.length === encoded.length) return given;
    const key = keySerde.decode(encoded);
    if ((typeof key !== 'string' && typeof key !== 'number' && typeof key !== 'bigint') || Object.is(key, -0))
      return undefined;
    // Bytes that were not encoded here (a changelog written by another) may not be what the key encodes to.
    return key === given || Buffer.compare(keySerde.encode(key), encoded) === 0 ? key : undefined;
  }

  function decodeStored(stored: Uint8Array, key: unknown): Stamped<any> {
    try {
      return { value: valueSerde.decode(stampedValue(stored)), timestampMs: stampedTimestamp(stored) };
    } catch (error) {
      throw new Fault(
        'STATE_NOT_DECODED',
        { store: name, key: describeKey(key), serde: valueSerde.name, reason: reasonOf(error) },
        error,
      );
    }
  }

  function encodeValue(entry: Entry, value: unknown): Uint8Array {
    try {
      return lentValue(value);
    } catch (error) {
      throw new Fault(
        'STATE_NOT_ENCODED',
        { store: name, key: describeKey(keyOf(entry)), serde: valueSerde.name, reason: reasonOf(error) },
        error,
      );
    }
  }

  function weigh(entry: Entry, encodedBytes: number): void {
    const bytes =
      entryOverheadBytes +
      encodedBytes * objectBytesPerEncoded +
      (typeof entry.key === 'string' ? entry.key.length * 2 : 16);
    budget.bytes += bytes - entry.bytes;
    if (entry.state === entryState.dirty || entry.state === entryState.sealed) budget.dirtyBytes += bytes - entry.bytes;
    entry.bytes = bytes;
    valueBytes += (encodedBytes * objectBytesPerEncoded - valueBytes) / 16;
  }

  function touch(entry: Entry): void {
    if (entry.state === entryState.dirty) return;
    assert(entry.state !== entryState.dropped, `an entry of store '${name}' was used after it was dropped`);
    if (entry.state === entryState.clean) {
      budget.dirtyBytes += entry.bytes;
      budget.dirtyEntries++;
    }
    entry.state = entryState.dirty;
    changes.push(entry);
  }

  function put(entry: Entry, value: any, timestampMs: number, encoded: Uint8Array | null = null): void {
    if (value === null || value === undefined) {
      remove(entry, timestampMs);
      return;
    }
    entry.stamped = { value, timestampMs };
    entry.encoded = encoded;
    touch(entry);
    if (++puts % measureEvery !== 0) return;
    try {
      weigh(entry, (encoded ?? valueSerde.encode(value)).length);
    } catch {
      // Said when it is sealed.
    }
  }

  function remove(entry: Entry, timestampMs: number | undefined): void {
    // What was never there needs no tombstone.
    if (entry.stamped === undefined && entry.state === entryState.clean) return;
    entry.deletedMs = timestampMs ?? entry.stamped?.timestampMs ?? entry.deletedMs;
    entry.stamped = undefined;
    entry.encoded = null;
    touch(entry);
  }

  function visitChange(entry: Entry, visit: ChangeVisitor<any, any>): void {
    if (entry.state === entryState.dirty) visit(keyOf(entry), entry.startMs, entry.stamped, entry.deletedMs);
  }

  function seal(pending: Pending, onChange: ChangeListener | null): void {
    let done = 0;
    try {
      for (const entry of changes) {
        if (entry.state === entryState.dirty) sealEntry(entry, pending, onChange);
        done++;
      }
    } finally {
      changes = done === changes.length ? [] : changes.slice(done);
    }
  }

  function sealEntry(entry: Entry, pending: Pending, onChange: ChangeListener | null): void {
    const key = typeof entry.key === 'object' ? entry.key : lentKey(entry.key);
    const { stamped } = entry;
    if (stamped === undefined) {
      onChange?.(spec.changelog, changelogKey(entry.startMs, key), null, entry.deletedMs);
      toWrite(entry, pending, key, null);
    } else {
      const stored = stamp(stamped.timestampMs, entry.encoded ?? encodeValue(entry, stamped.value));
      onChange?.(spec.changelog, changelogKey(entry.startMs, key), stored, stamped.timestampMs);
      toWrite(entry, pending, key, stored);
      weigh(entry, stored.length);
    }
    entry.encoded = null;
    entry.state = entryState.sealed;
  }

  /** A key that is drained again before it was written is written once. */
  function toWrite(entry: Entry, { number, operations, entries }: Pending, key: Uint8Array, stored: Uint8Array | null) {
    const isThere = entry.sealedIn === number;
    const at = isThere ? operations[entry.sealedAt]!.key : storageKey(entry.startMs, key);
    const operation: BatchOperation =
      stored === null ? { type: 'del', key: at } : { type: 'put', key: at, value: stored };
    if (isThere) {
      operations[entry.sealedAt] = operation;
      return;
    }
    entry.sealedIn = number;
    entry.sealedAt = operations.length;
    operations.push(operation);
    entries.push(entry);
  }

  return {
    spec,
    find,
    findEncoded,
    put,
    remove,
    seal,
    changed(visit: ChangeVisitor<any, any>): void {
      for (const entry of changes) visitChange(entry, visit);
    },
    changedIn(bucket: Bucket, visit: ChangeVisitor<any, any>): void {
      for (const map of [bucket.primitives, bucket.encoded])
        for (const entry of map.values()) visitChange(entry, visit);
    },
    keyOf,
    keyBytesOf,
    decodeStored,
    /** A restored entry of a store in memory. */
    load(bucket: Bucket, key: Uint8Array, stored: Uint8Array | null): void {
      const entry = findEncoded(bucket, key);
      entry.stamped = stored === null ? undefined : decodeStored(stored, entry.key);
    },
    forget(enough: () => boolean): void {
      for (let left = budget.entries * 2; left > 0 && !enough(); left--) {
        const at = hand.next();
        if (at === null) return;
        if (at.entry.state !== entryState.clean) continue;
        if (at.entry.used) at.entry.used = false;
        else {
          at.forget();
          if (at.entry.stamped !== undefined) at.bucket.complete = false;
          drop(at.entry);
        }
      }
    },
    drop,
    dropBucket,
    reset(all: Iterable<Bucket>): void {
      for (const bucket of all) dropBucket(bucket);
      changes = [];
    },
  };

  function dropBucket(bucket: Bucket): void {
    for (const entry of bucket.primitives.values()) drop(entry);
    for (const entry of bucket.encoded.values()) drop(entry);
    bucket.primitives.clear();
    bucket.encoded.clear();
  }

  function drop(entry: Entry): void {
    budget.bytes -= entry.bytes;
    budget.entries--;
    if (entry.state === entryState.dirty || entry.state === entryState.sealed) {
      budget.dirtyBytes -= entry.bytes;
      budget.dirtyEntries--;
    }
    entry.state = entryState.dropped;
  }
}

const idOf = (encoded: Uint8Array): string =>
  Buffer.from(encoded.buffer, encoded.byteOffset, encoded.byteLength).toString('latin1');

/** After the commit `number` has reached the database. */
export function settleEntries(pending: Pending, budget: Budget): void {
  for (const entry of pending.entries) {
    if (entry.state !== entryState.sealed || entry.sealedIn !== pending.number) continue;
    entry.state = entryState.clean;
    budget.dirtyBytes -= entry.bytes;
    budget.dirtyEntries--;
  }
}

/** Of a bucket of a store in memory, in the order of encoded keys. */
export function sortedEntries(table: EntryTable, bucket: Bucket, wanted: (entry: Entry) => boolean) {
  const found: { keyBytes: Uint8Array; entry: Entry }[] = [];
  for (const map of [bucket.primitives, bucket.encoded])
    for (const entry of map.values()) if (wanted(entry)) found.push({ keyBytes: table.keyBytesOf(entry), entry });
  return found.sort((a, b) => Buffer.compare(a.keyBytes, b.keyBytes));
}

/** For messages: short, and whatever the key is. */
export function describeKey(key: unknown): string {
  if (key instanceof Uint8Array) return `0x${Buffer.from(key).toString('hex').slice(0, 80)}`;
  const text = typeof key === 'bigint' ? String(key) : (JSON.stringify(key) ?? String(key));
  return text.length > 80 ? `${text.slice(0, 79)}…` : text;
}

const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

// A key-value store: one bucket of entries over a range of the task's database.
// biome-ignore-all lint/suspicious/noExplicitAny: stores are erased, as the topology is
import { assert } from '../../core/kernel/assert.ts';
import { createBucket, type Entry, entryState } from './cache.ts';
import { createEntryTable, sortedEntries } from './entry-table.ts';
import { afterPrefix, entryKey, entryKeyBytes } from './keyspace.ts';
import type { OpenStore, StoreOptions } from './open-store.ts';
import { createOverlay, scanMerged, shown } from './query.ts';
import type { KeyValueStore, Stamped, StoreQuery } from './store.ts';

export interface KeyValueStoreOptions extends StoreOptions {
  /** Nothing of this store is in the database. */
  readonly empty: boolean;
}

export function openKeyValueStore({ prefix, empty, ...options }: KeyValueStoreOptions): OpenStore<KeyValueStore> {
  const { spec, storage } = options;
  const bucket = createBucket(0, empty);
  const storageKey = (_: number, key: Uint8Array) => entryKey(prefix, key);
  const table = createEntryTable({ ...options, buckets: () => [bucket], storageKey, changelogKey: (_, key) => key });

  function* sorted(from: Uint8Array | null, to: Uint8Array | null): Iterable<[any, Stamped<any>]> {
    assert(storage === null, `store '${spec.name}' is on disk: iterate it by a query`);
    for (const { keyBytes, entry } of sortedEntries(table, bucket, (found) => found.stamped !== undefined)) {
      if (from !== null && Buffer.compare(keyBytes, from) < 0) continue;
      if (to !== null && Buffer.compare(keyBytes, to) > 0) return;
      yield [table.keyOf(entry), entry.stamped!];
    }
  }

  let lastKey: unknown;
  let last: Entry | null = null;

  /** Most keys are looked for twice, once to read and once to write. */
  function find(key: any): Entry {
    if (last !== null && key === lastKey && last.state !== entryState.dropped) return last;
    const entry = table.find(bucket, key);
    // Of texts alone: 0 and -0 are two keys that are equal.
    last = typeof key === 'string' ? entry : null;
    lastKey = key;
    return entry;
  }

  const store: KeyValueStore = {
    name: spec.name,
    get: (key) => find(key).stamped,
    put: (key, value, timestampMs, encoded) => table.put(find(key), value, timestampMs, encoded),
    delete: (key, timestampMs) => table.remove(find(key), timestampMs),
    entries: () => sorted(null, null),
    range: (from, to) => sorted(spec.key.encode(from), spec.key.encode(to)),
    changed: table.changed,
  };

  async function* scan(from: Uint8Array | null, to: Uint8Array | null): AsyncIterable<[any, Stamped<any>]> {
    if (storage === null) {
      for (const [key, stamped] of [...sorted(from, to)]) {
        const row = shown<Stamped<any> | undefined>(spec, stamped);
        if (row !== undefined) yield [key, row];
      }
      return;
    }
    const gte = from === null ? prefix : entryKey(prefix, from);
    const bounds = to === null ? { gte, lt: afterPrefix(prefix) } : { gte, lte: entryKey(prefix, to) };
    const overlay = createOverlay(table, [bucket], storageKey, bounds);
    yield* scanMerged(storage, table, bounds, overlay, (stored) => spec.key.decode(entryKeyBytes(stored)));
  }

  const query: StoreQuery = {
    name: spec.name,
    kind: 'keyValue',
    get: (key) => shown(spec, store.get(key)),
    all: () => scan(null, null),
    range: (from, to) => scan(spec.key.encode(from), spec.key.encode(to)),
    fetch: () => assert(false, `store '${spec.name}' has no windows: use get`) as never,
    lookups: () => 1,
  };

  return {
    spec,
    store,
    query,
    table,
    restored(key, stored) {
      if (storage === null) {
        table.load(bucket, key, stored);
        return null;
      }
      bucket.complete = false;
      const at = entryKey(prefix, key);
      // The value is a view of a batch, which may be reused before this is written.
      return stored === null ? { type: 'del', key: at } : { type: 'put', key: at, value: Buffer.from(stored) };
    },
    async load() {},
    sealMeta() {},
    metaOperations: () => [],
    async afterCommit() {},
    reset() {
      table.reset([bucket]);
      bucket.complete = false;
    },
  };
}

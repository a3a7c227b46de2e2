// A window store: a bucket of entries per start of window, so that forgetting old windows touches only them. In the
// database windows are by start too; a start beyond all that were ever seen needs no look-up.
// biome-ignore-all lint/suspicious/noExplicitAny: stores are erased, as the topology is
import { assert } from '../../core/kernel/assert.ts';
import type { Windowed } from '../../core/schema/windowed-key.ts';
import { isAligned, windowEnds } from '../../dsl/window-spec.ts';
import { type Bucket, createBucket, type Entry, entryState } from './cache.ts';
import { createEntryTable, sortedEntries } from './entry-table.ts';
import {
  afterPrefix,
  expiredKey,
  int64Bytes,
  readWindowChangelogKey,
  stampedTimestamp,
  windowBound,
  windowChangelogKey,
  windowKey,
  windowKeyBytes,
  windowStart,
} from './keyspace.ts';
import type { OpenStore, StoreOptions } from './open-store.ts';
import { createWindowIndex } from './open-windows.ts';
import { createOverlay, scanMerged, shown } from './query.ts';
import type { ChangeVisitor, Stamped, StoreQuery, WindowStore } from './store.ts';

export interface WindowStoreOptions extends StoreOptions {
  readonly number: number;
  /** As committed; -Infinity for none. */
  readonly expiredBeforeMs: number;
  /** The first and the last start in the database; Infinity and -Infinity for none. */
  readonly startMsMin: number;
  readonly startMsMax: number;
}

export function openWindowStore(options: WindowStoreOptions): OpenStore<WindowStore> {
  const { spec, storage, prefix, number } = options;
  const { window } = spec;
  assert(window !== null, `store '${spec.name}' is a window store and has no window`);
  const stepMs = !isAligned(window) ? 1 : window.kind === 'hopping' ? window.advanceMs : window.sizeMs;
  const originMs = (isAligned(window) ? window.originMs : undefined) ?? 0;
  /** A session's stamp is its end. */
  const endOf = window.kind === 'session' ? (_: number, timestampMs: number) => timestampMs : windowEnds(window);
  const index = spec.indexed || !isAligned(window) ? createWindowIndex(spec.key) : null;
  /** Starts of deleted windows, whose entries are of no use once the deletion is in the database. */
  let deletedStarts = new Set<number>();

  const buckets = new Map<number, Bucket>();
  let recent: Bucket | null = null;
  /** Of the buckets. */
  let bucketStartMin = Number.POSITIVE_INFINITY;
  /** Of all that is or was in the store. */
  let startMin = options.startMsMin;
  let startMax = options.startMsMax;
  let expiredBeforeMs = options.expiredBeforeMs;
  let sealedExpiredMs = expiredBeforeMs;
  let writtenExpiredMs = expiredBeforeMs;
  let clearedBeforeMs = Number.NEGATIVE_INFINITY;

  const storageKey = (startMs: number, key: Uint8Array) => windowKey(prefix, startMs, key);
  const table = createEntryTable({
    ...options,
    buckets: () => buckets.values(),
    storageKey,
    changelogKey: windowChangelogKey,
  });

  function bucketOf(startMs: number): Bucket {
    if (recent !== null && recent.startMs === startMs) return recent;
    let bucket = buckets.get(startMs);
    if (bucket === undefined) {
      bucket = createBucket(startMs, storage === null || startMs > startMax);
      buckets.set(startMs, bucket);
      bucketStartMin = Math.min(bucketStartMin, startMs);
      seen(startMs);
    }
    return (recent = bucket);
  }

  function seen(startMs: number): void {
    startMin = Math.min(startMin, startMs);
    startMax = Math.max(startMax, startMs);
  }

  const get = (key: any, startMs: number): Stamped<any> | undefined =>
    startMs < expiredBeforeMs ? undefined : table.find(bucketOf(startMs), key).stamped;

  /** The first and the last start that a window may have. */
  function startsBetween(fromMs: number, toMs: number): { readonly first: number; readonly last: number } {
    const first = Math.max(fromMs, expiredBeforeMs, startMin);
    return { first: Math.ceil((first - originMs) / stepMs) * stepMs + originMs, last: Math.min(toMs, startMax) };
  }

  function* fetch(key: any, fromMs: number, toMs: number): Iterable<[number, Stamped<any>]> {
    if (index !== null) {
      for (const { startMs } of [...index.of(key)]) {
        const stamped = startMs < fromMs || startMs > toMs ? undefined : get(key, startMs);
        if (stamped !== undefined) yield [startMs, stamped];
      }
      return;
    }
    const { first, last } = startsBetween(fromMs, toMs);
    for (let startMs = first; startMs <= last; startMs += stepMs) {
      const stamped = get(key, startMs);
      if (stamped !== undefined) yield [startMs, stamped];
    }
  }

  const windowed = (key: any, startMs: number, timestampMs: number): Windowed<any> => ({
    key,
    startMs,
    endMs: endOf(startMs, timestampMs),
  });

  function* sorted(): Iterable<[Windowed<any>, Stamped<any>]> {
    assert(storage === null, `store '${spec.name}' is on disk: iterate it by a query`);
    for (const startMs of [...buckets.keys()].sort((a, b) => a - b)) {
      const bucket = buckets.get(startMs);
      if (bucket === undefined) continue;
      for (const { entry } of sortedEntries(table, bucket, (found) => found.stamped !== undefined))
        yield [windowed(table.keyOf(entry), startMs, entry.stamped!.timestampMs), entry.stamped!];
    }
  }

  function expireBefore(startMs: number, visit?: ChangeVisitor<any, any>): void {
    if (startMs <= expiredBeforeMs) return;
    expiredBeforeMs = startMs;
    if (bucketStartMin >= startMs) return;
    bucketStartMin = Number.POSITIVE_INFINITY;
    for (const bucket of buckets.values()) {
      if (bucket.startMs >= startMs) {
        bucketStartMin = Math.min(bucketStartMin, bucket.startMs);
        continue;
      }
      if (visit !== undefined) table.changedIn(bucket, visit);
      table.dropBucket(bucket);
      buckets.delete(bucket.startMs);
    }
    recent = null;
  }

  const store: WindowStore = {
    name: spec.name,
    get,
    put(key, startMs, value, timestampMs) {
      if (startMs < expiredBeforeMs) return;
      table.put(table.find(bucketOf(startMs), key), value, timestampMs);
      index?.put(key, startMs, endOf(startMs, timestampMs));
    },
    delete(key, startMs, timestampMs) {
      if (startMs < expiredBeforeMs) return;
      table.remove(table.find(bucketOf(startMs), key), timestampMs);
      if (index === null) return;
      index.remove(key, startMs);
      deletedStarts.add(startMs);
    },
    get open() {
      assert(index !== null, `store '${spec.name}' has no index of its windows`);
      return index;
    },
    fetch,
    all: sorted,
    expireBefore,
    get expiredBeforeMs() {
      return expiredBeforeMs;
    },
    changed: table.changed,
  };

  async function* scan(): AsyncIterable<[Windowed<any>, Stamped<any>]> {
    if (storage === null) {
      for (const [key, stamped] of [...sorted()]) yield [key, shown(spec, stamped)];
      return;
    }
    const gte = expiredBeforeMs === Number.NEGATIVE_INFINITY ? prefix : windowBound(prefix, expiredBeforeMs);
    const bounds = { gte, lt: afterPrefix(prefix) };
    const overlay = createOverlay(table, buckets.values(), storageKey, bounds);
    yield* scanMerged(storage, table, bounds, overlay, (stored, timestampMs) =>
      windowed(spec.key.decode(windowKeyBytes(stored)), windowStart(stored), timestampMs),
    );
  }

  const query: StoreQuery = {
    name: spec.name,
    kind: 'window',
    get(key, startMs) {
      assert(startMs !== undefined, `store '${spec.name}' has windows: say which, by its start`);
      return shown(spec, get(key, startMs));
    },
    all: scan,
    range: () => assert(false, `store '${spec.name}' has windows: use fetch`) as never,
    *fetch(key, fromMs, toMs) {
      for (const [startMs, stamped] of fetch(key, fromMs, toMs)) yield [startMs, shown(spec, stamped)];
    },
    lookups(fromMs, toMs) {
      if (index !== null) return 1;
      const { first, last } = startsBetween(fromMs, toMs);
      return first > last ? 0 : Math.floor((last - first) / stepMs) + 1;
    },
  };

  /** Entries of windows that are gone take room, and a bucket each. */
  function dropDeleted(): void {
    const starts = deletedStarts;
    deletedStarts = new Set();
    for (const startMs of starts) {
      const bucket = buckets.get(startMs);
      if (bucket === undefined) continue;
      for (const map of [bucket.primitives, bucket.encoded] as Map<unknown, Entry>[]) {
        for (const [id, entry] of map) {
          if (entry.stamped !== undefined) continue;
          if (entry.state === entryState.clean) {
            map.delete(id);
            table.drop(entry);
          } else deletedStarts.add(startMs);
        }
      }
      if (bucket.primitives.size > 0 || bucket.encoded.size > 0) continue;
      buckets.delete(startMs);
      if (recent === bucket) recent = null;
    }
  }

  return {
    spec,
    store,
    query,
    table,
    async load() {
      if (index === null || storage === null) return;
      index.clear();
      for await (const [key, stored] of storage.scan({ gte: prefix, lt: afterPrefix(prefix) })) {
        const startMs = windowStart(key);
        index.put(spec.key.decode(windowKeyBytes(key)), startMs, endOf(startMs, stampedTimestamp(stored)));
      }
    },
    restored(changelogKey, stored) {
      const { startMs, keyBytes } = readWindowChangelogKey(changelogKey);
      if (startMs < expiredBeforeMs) return null;
      if (storage === null) {
        table.load(bucketOf(startMs), keyBytes, stored);
        const key = spec.key.decode(keyBytes);
        if (stored === null) index?.remove(key, startMs);
        else index?.put(key, startMs, endOf(startMs, stampedTimestamp(stored)));
        return null;
      }
      seen(startMs);
      const at = windowKey(prefix, startMs, keyBytes);
      // The value is a view of a batch, which may be reused before this is written.
      return stored === null ? { type: 'del', key: at } : { type: 'put', key: at, value: Buffer.from(stored) };
    },
    sealMeta() {
      sealedExpiredMs = expiredBeforeMs;
    },
    metaOperations() {
      if (sealedExpiredMs === writtenExpiredMs) return [];
      writtenExpiredMs = sealedExpiredMs;
      return [{ type: 'put', key: expiredKey(number), value: int64Bytes(sealedExpiredMs) }];
    },
    async afterCommit() {
      dropDeleted();
      const until = writtenExpiredMs;
      if (storage === null || clearedBeforeMs >= until) return;
      const gte = clearedBeforeMs === Number.NEGATIVE_INFINITY ? prefix : windowBound(prefix, clearedBeforeMs);
      await storage.clear({ gte, lt: windowBound(prefix, until) });
      clearedBeforeMs = until;
    },
    reset() {
      table.reset(buckets.values());
      buckets.clear();
      recent = null;
      bucketStartMin = Number.POSITIVE_INFINITY;
      expiredBeforeMs = sealedExpiredMs = writtenExpiredMs;
    },
  };
}

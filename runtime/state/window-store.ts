// A window store: a bucket of entries per start of window, so that forgetting old windows touches only them. In the
// database windows are by start too; a start beyond all that were ever seen needs no look-up.
// biome-ignore-all lint/suspicious/noExplicitAny: stores are erased, as the topology is
import { assert } from '../../core/kernel/assert.ts';
import type { Windowed } from '../../core/schema/windowed-key.ts';
import { type Bucket, createBucket } from './cache.ts';
import { createEntryTable, sortedEntries } from './entry-table.ts';
import {
  afterPrefix,
  expiredKey,
  int64Bytes,
  readWindowChangelogKey,
  windowBound,
  windowChangelogKey,
  windowKey,
  windowKeyBytes,
  windowStart,
} from './keyspace.ts';
import type { OpenStore, StoreOptions } from './open-store.ts';
import { createOverlay, scanMerged, shown } from './query.ts';
import type { Stamped, StoreQuery, WindowStore } from './store.ts';

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
  const { sizeMs } = window;
  const advanceMs = window.kind === 'hopping' ? window.advanceMs : sizeMs;

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

  function* fetch(key: any, fromMs: number, toMs: number): Iterable<[number, Stamped<any>]> {
    const first = Math.max(fromMs, expiredBeforeMs, startMin);
    const last = Math.min(toMs, startMax);
    for (let startMs = Math.ceil(first / advanceMs) * advanceMs; startMs <= last; startMs += advanceMs) {
      const stamped = get(key, startMs);
      if (stamped !== undefined) yield [startMs, stamped];
    }
  }

  const windowed = (key: any, startMs: number): Windowed<any> => ({ key, startMs, endMs: startMs + sizeMs });

  function* sorted(): Iterable<[Windowed<any>, Stamped<any>]> {
    assert(storage === null, `store '${spec.name}' is on disk: iterate it by a query`);
    for (const startMs of [...buckets.keys()].sort((a, b) => a - b)) {
      const bucket = buckets.get(startMs);
      if (bucket === undefined) continue;
      for (const { entry } of sortedEntries(table, bucket, (found) => found.stamped !== undefined))
        yield [windowed(table.keyOf(entry), startMs), entry.stamped!];
    }
  }

  function expireBefore(startMs: number): void {
    if (startMs <= expiredBeforeMs) return;
    expiredBeforeMs = startMs;
    if (bucketStartMin >= startMs) return;
    bucketStartMin = Number.POSITIVE_INFINITY;
    for (const bucket of buckets.values()) {
      if (bucket.startMs >= startMs) {
        bucketStartMin = Math.min(bucketStartMin, bucket.startMs);
        continue;
      }
      table.dropBucket(bucket);
      buckets.delete(bucket.startMs);
    }
    recent = null;
  }

  const store: WindowStore = {
    name: spec.name,
    get,
    put(key, startMs, value, timestampMs) {
      if (startMs >= expiredBeforeMs) table.put(table.find(bucketOf(startMs), key), value, timestampMs);
    },
    delete(key, startMs, timestampMs) {
      if (startMs >= expiredBeforeMs) table.remove(table.find(bucketOf(startMs), key), timestampMs);
    },
    fetch,
    all: sorted,
    expireBefore,
  };

  async function* scan(): AsyncIterable<[Windowed<any>, Stamped<any>]> {
    if (storage === null) {
      for (const [key, stamped] of [...sorted()]) yield [key, shown(spec, stamped)];
      return;
    }
    const gte = expiredBeforeMs === Number.NEGATIVE_INFINITY ? prefix : windowBound(prefix, expiredBeforeMs);
    const bounds = { gte, lt: afterPrefix(prefix) };
    const overlay = createOverlay(table, buckets.values(), storageKey, bounds);
    yield* scanMerged(storage, table, bounds, overlay, (stored) =>
      windowed(spec.key.decode(windowKeyBytes(stored)), windowStart(stored)),
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
  };

  return {
    spec,
    store,
    query,
    table,
    restored(changelogKey, stored) {
      const { startMs, keyBytes } = readWindowChangelogKey(changelogKey);
      if (startMs < expiredBeforeMs) return null;
      if (storage === null) {
        table.load(bucketOf(startMs), keyBytes, stored);
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

// Reading a store from outside its task: the database as it is, under what memory knows better. Nothing here changes a
// store, and a scan holds neither the task nor a commit up.
// biome-ignore-all lint/suspicious/noExplicitAny: stores are erased, as the topology is
import type { KeyRange, Storage } from '../../core/storage/storage.ts';
import type { StoreSpec } from '../../dsl/compile/topology.ts';
import { type Bucket, entryState } from './cache.ts';
import type { EntryTable } from './entry-table.ts';
import { stampedTimestamp } from './keyspace.ts';
import type { Stamped } from './store.ts';

/** The value as the table shows it; undefined where it shows none. */
export function shown<S extends Stamped<any> | undefined>(spec: StoreSpec, stamped: S): S {
  if (spec.result === null || stamped === undefined) return stamped;
  const value = spec.result(stamped.value);
  return (value === null ? undefined : { value, timestampMs: stamped.timestampMs }) as S;
}

export interface OverlayEntry {
  readonly storageKey: Uint8Array;
  readonly stamped: Stamped<any> | undefined;
}

/** What is not in the database yet, of the keys in `bounds` (`gte`, and `lt` or `lte`), in order. */
export function createOverlay(
  table: EntryTable,
  buckets: Iterable<Bucket>,
  storageKeyOf: (startMs: number, key: Uint8Array) => Uint8Array,
  { gte, lt, lte }: KeyRange,
): OverlayEntry[] {
  const found: OverlayEntry[] = [];
  for (const bucket of buckets) {
    for (const entries of [bucket.primitives, bucket.encoded]) {
      for (const entry of entries.values()) {
        if (entry.state === entryState.clean) continue;
        const storageKey = storageKeyOf(entry.startMs, table.keyBytesOf(entry));
        if (gte !== undefined && Buffer.compare(storageKey, gte) < 0) continue;
        if (lt !== undefined && Buffer.compare(storageKey, lt) >= 0) continue;
        if (lte !== undefined && Buffer.compare(storageKey, lte) > 0) continue;
        found.push({ storageKey, stamped: entry.stamped });
      }
    }
  }
  return found.sort((a, b) => Buffer.compare(a.storageKey, b.storageKey));
}

/** Begins its scan when it is first asked, so it must be asked in the same moment in which the overlay was made. */
export async function* scanMerged<K>(
  storage: Storage,
  table: EntryTable,
  bounds: KeyRange,
  overlay: readonly OverlayEntry[],
  keyOfStored: (stored: Uint8Array, timestampMs: number) => K,
): AsyncIterable<[K, Stamped<any>]> {
  let at = 0;
  const { spec } = table;
  for await (const [stored, value] of storage.scan(bounds)) {
    let order = -1;
    for (; at < overlay.length; at++) {
      const { storageKey, stamped } = overlay[at]!;
      order = Buffer.compare(storageKey, stored);
      if (order > 0) break;
      const row = shown(spec, stamped);
      if (row !== undefined) yield [keyOfStored(storageKey, row.timestampMs), row];
      if (order === 0) {
        at++;
        break;
      }
    }
    if (order === 0) continue;
    const key = keyOfStored(stored, stampedTimestamp(value));
    const row = shown<Stamped<any> | undefined>(spec, table.decodeStored(value, key));
    if (row !== undefined) yield [key, row];
  }
  for (const { storageKey, stamped } of overlay.slice(at)) {
    const row = shown(spec, stamped);
    if (row !== undefined) yield [keyOfStored(storageKey, row.timestampMs), row];
  }
}

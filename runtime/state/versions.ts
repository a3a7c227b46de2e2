// A table that keeps earlier rows of its keys for some time, over a key-value store of histories. As Kafka Streams'
// versioned stores (KIP-889): a row is valid from its time to that of the next one; what comes out of order takes its
// place among them; what is older than the history is refused; the newest row never goes.
import type { Versions } from '../../dsl/compile/store-serdes.ts';
import type { StreamTime } from '../task/stream-time.ts';
import type { KeyValueStore, Stamped } from './store.ts';

export interface VersionedRows {
  /** 'refused': older than the history. 'earlier': kept, and not the key's newest row. A null value deletes, from its time on. */
  put(key: unknown, value: unknown, timestampMs: number): 'newest' | 'earlier' | 'refused';
  get(key: unknown): Stamped<unknown> | undefined;
  /** The row that was valid at that time; undefined too for a time before the history, unless the newest row is older still. */
  getAsOf(key: unknown, timestampMs: number): Stamped<unknown> | undefined;
}

export interface VersionedRowsOptions {
  readonly store: KeyValueStore<unknown, Versions>;
  readonly historyMs: number;
  /** Of the store: the history reaches back from it. */
  readonly time: StreamTime;
}

export function openVersionedRows({ store, historyMs, time }: VersionedRowsOptions): VersionedRows {
  const shown = (version: Versions[number] | undefined) =>
    version === undefined || version.value === null ? undefined : version;

  /** Without what was replaced before the history begins. */
  function pruned(versions: Versions): Versions {
    const valid = versions.findIndex(({ timestampMs }) => timestampMs <= time.nowMs - historyMs);
    const kept = valid === -1 ? versions : versions.slice(0, valid + 1);
    // A deletion says nothing where nothing is before it.
    return kept.at(-1)?.value === null && valid !== -1 ? kept.slice(0, -1) : kept;
  }

  return {
    put(key, value, timestampMs) {
      if (timestampMs > time.nowMs) time.nowMs = timestampMs;
      if (timestampMs < time.nowMs - historyMs) return 'refused';
      const before = store.get(key)?.value ?? [];
      const later = before.findIndex((version) => version.timestampMs <= timestampMs);
      const at = later === -1 ? before.length : later;
      const replaced = before[at]?.timestampMs === timestampMs ? 1 : 0;
      const versions = pruned([
        ...before.slice(0, at),
        { timestampMs, value: value ?? null },
        ...before.slice(at + replaced),
      ]);
      if (versions.length === 0) store.delete(key, timestampMs);
      else store.put(key, versions, versions[0]!.timestampMs);
      return at === 0 ? 'newest' : 'earlier';
    },
    get: (key) => shown(store.get(key)?.value[0]),
    getAsOf(key, timestampMs) {
      const versions = store.get(key)?.value ?? [];
      const newest = versions[0];
      if (newest === undefined || newest.timestampMs <= timestampMs) return shown(newest);
      if (timestampMs < time.nowMs - historyMs) return undefined;
      return shown(versions.find((version) => version.timestampMs <= timestampMs));
    },
  };
}

// What a task's stores are to the code that drains, commits and restores them, whatever their kind.
import type { BatchOperation, Storage } from '../../core/storage/storage.ts';
import type { StoreSpec } from '../../dsl/compile/topology.ts';
import type { Budget } from './cache.ts';
import type { EntryTable } from './entry-table.ts';
import type { KeyValueStore, StoreQuery, WindowStore } from './store.ts';

export interface OpenStore<S extends KeyValueStore | WindowStore = KeyValueStore | WindowStore> {
  readonly spec: StoreSpec;
  readonly store: S;
  readonly query: StoreQuery;
  readonly table: EntryTable;
  /** Takes a record of the changelog, by its raw key and stamped value; what is to be written, or null for nothing. */
  restored(key: Uint8Array, stored: Uint8Array | null): BatchOperation | null;
  /** Reads into memory what steps walk over. */
  load(): Promise<void>;
  /** Remembers what `metaOperations` is to say, with the entries that are drained at the same moment. */
  sealMeta(): void;
  /** To be written with the entries. */
  metaOperations(): readonly BatchOperation[];
  /** Deletes what the commit has let go. */
  afterCommit(): Promise<void>;
  /** Forgets the cache, with what was not committed. */
  reset(): void;
}

export interface StoreOptions {
  readonly spec: StoreSpec;
  /** Null: all in memory, nothing forgotten. */
  readonly storage: Storage | null;
  readonly budget: Budget;
  readonly makeRoom: () => void;
  readonly prefix: Uint8Array;
}

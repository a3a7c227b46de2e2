// The contract of ordered key-value storage, under partition logs, the catalog and state stores. Every implementation
// passes test/contracts/storage.ts. Keys are bytes in unsigned lexicographic order. Nothing here knows what is stored.

export type BatchOperation =
  | { readonly type: 'put'; readonly key: Uint8Array; readonly value: Uint8Array }
  | { readonly type: 'del'; readonly key: Uint8Array };

/** Bounds of a scan: at most one lower and one upper; none means from the first or to the last key. */
export interface KeyRange {
  readonly gte?: Uint8Array;
  readonly gt?: Uint8Array;
  readonly lt?: Uint8Array;
  readonly lte?: Uint8Array;
}

export interface ScanOptions extends KeyRange {
  /** From the last key to the first. Default false. */
  readonly reverse?: boolean;
  /** At most that many entries. Default no limit. */
  readonly limit?: number;
}

export type Entry = readonly [key: Uint8Array, value: Uint8Array];

/** One ordered database. A scan sees the database as it was when the scan began. */
export interface Storage extends AsyncDisposable {
  get(key: Uint8Array): Promise<Uint8Array | undefined>;
  /** Blocks the thread; ten times faster than `get` for a cached value, and as slow as the disk for another. */
  getSync(key: Uint8Array): Uint8Array | undefined;
  /** All or nothing. With `sync` it survives power loss once resolved; without, the death of the process. */
  write(operations: readonly BatchOperation[], options?: { readonly sync?: boolean }): Promise<void>;
  /** Entries in order. `return()` of the iterator frees its snapshot; `for await` calls it. */
  scan(options: ScanOptions): AsyncIterable<Entry>;
  /** The first entries of a scan at once: at most `limit` entries (default 1,000), stopping once `bytesMax` of values is reached. */
  scanPage(options: ScanOptions & { readonly bytesMax?: number }): Promise<Entry[]>;
  /** Deletes all keys of the range. */
  clear(range: KeyRange): Promise<void>;
  /** Gives the space of deleted keys in [start, end) back to the disk. */
  compactRange(start: Uint8Array, end: Uint8Array): Promise<void>;
  /** Bytes on disk, about, of the keys in [start, end). */
  approximateSize(start: Uint8Array, end: Uint8Array): Promise<number>;
  close(): Promise<void>;
}

/** A folder of databases. */
export interface StorageEngine {
  /** Opens the database `name`, making it if it isn't there. @throws Fault `STORAGE_IN_USE`, `STORAGE_FAILED` */
  open(name: string): Promise<Storage>;
  /** Names of the databases that exist. */
  list(): Promise<string[]>;
  /** Deletes a closed database. */
  destroy(name: string): Promise<void>;
  /** Databases that may be open at a time. Absent: as many as you like. */
  readonly openMax?: number;
  /** Whether there is room to open databases and go on writing to them. @throws Fault `STORAGE_FAILED` where there isn't */
  tryOut(): Promise<void>;
}

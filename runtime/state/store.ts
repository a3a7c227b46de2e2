// The contracts of state: what a step sees of a store, what a worker sees of a task's stores, what a query sees. Steps are
// synchronous, and LevelDB has no synchronous scan: so a step reads and writes single keys, and iterating a store that is on
// disk belongs to queries, which wait.
// biome-ignore-all lint/suspicious/noExplicitAny: stores are erased, as the topology is
import type { Windowed } from '../../core/schema/windowed-key.ts';
import type { OpenWindows } from './open-windows.ts';

/** A value and its event time. Immutable: a put makes another. */
export interface Stamped<out V> {
  readonly value: V;
  /** Milliseconds since the epoch. */
  readonly timestampMs: number;
}

/**
 * Keys are the same when their encoded bytes are. Any key and value but null and undefined is one: `''`, 0, false and no
 * bytes at all too.
 *
 * The store keeps the value it is given, not a copy, and encodes it when progress is committed, once however often it was
 * put. A value that is changed in place must therefore be put again, and what was committed before stays as it was.
 */
export interface KeyValueStore<K = any, V = any> {
  readonly name: string;
  get(key: K): Stamped<V> | undefined;
  /**
   * A null or undefined value deletes.
   *
   * @param encoded what the value was read from, kept as it is: the serde may read what it would write otherwise, or not at all
   */
  put(key: K, value: V, timestampMs: number, encoded?: Uint8Array | null): void;
  /** @param timestampMs of the tombstone. Default: that of the value it deletes */
  delete(key: K, timestampMs?: number): void;
  /** In the order of encoded keys. Only for stores in memory (the test driver): on disk it fails, use `query`. */
  entries(): Iterable<[K, Stamped<V>]>;
  /** Keys from `from` to `to`, both inclusive, in the order of encoded keys. As `entries`. */
  range(from: K, to: K): Iterable<[K, Stamped<V>]>;
  /** Every key that was changed since changes were last drained, once; in the order in which they were changed first. */
  changed(visit: ChangeVisitor<K, V>): void;
}

/** @param stamped undefined for a key that was deleted, then with the time of that */
export type ChangeVisitor<K, V> = (key: K, startMs: number, stamped: Stamped<V> | undefined, deletedMs: number) => void;

/** A global table, as a step sees it. */
export type GlobalRows = Pick<KeyValueStore, 'get'>;

/** Values per key and start of window; as a key-value store for what is a key and a value. */
export interface WindowStore<K = any, V = any> {
  readonly name: string;
  get(key: K, startMs: number): Stamped<V> | undefined;
  /** Ignored for a window that has expired. A null or undefined value deletes. */
  put(key: K, startMs: number, value: V, timestampMs: number): void;
  delete(key: K, startMs: number, timestampMs?: number): void;
  /** The windows of a key that start from `fromMs` to `toMs`, both inclusive, earliest first. */
  fetch(key: K, fromMs: number, toMs: number): Iterable<[startMs: number, Stamped<V>]>;
  /** By start, then by encoded key. Only for stores in memory (the test driver): on disk it fails, use `query`. */
  all(): Iterable<[Windowed<K>, Stamped<V>]>;
  /** The windows that are there, by key and by end. @throws AssertionFailure where the store keeps no index of them */
  readonly open: OpenWindows;
  /**
   * Forgets windows that start before `startMs`; costs what it forgets. Without tombstones: the changelog's retention does the same.
   *
   * @param visit is shown first those of them that `changed` would
   */
  expireBefore(startMs: number, visit?: ChangeVisitor<K, V>): void;
  /** As last said, also before a restart; -Infinity for never. */
  readonly expiredBeforeMs: number;
  /** As of a key-value store. */
  changed(visit: ChangeVisitor<K, V>): void;
}

export type ChangeListener = (
  changelogTopic: string,
  key: Uint8Array,
  /** 8 bytes of event time, then the value: as it is stored, and as `restore` takes it. Null is a tombstone. */
  value: Uint8Array | null,
  /** The event time, or that of the deletion. */
  timestampMs: number,
) => void;

/** All stores of one task, in one database. */
export interface TaskStores {
  /** @throws AssertionFailure where the task has no such store */
  store(name: string): KeyValueStore | WindowStore;
  /** A view for readers outside the task. */
  query(name: string): StoreQuery;
  /**
   * Every key changed since it was last called, once, newest value: what goes to the changelogs, and what the next
   * `commit` writes. What changes later waits for the next time, so the task may go on between the two. Stores without a
   * changelog of their own are sealed too, and not reported.
   */
  drainChanges(onChange: ChangeListener): void;
  /**
   * Writes what was drained, the stream times as they were then, and `checkpoints` (changelog topic → next offset to
   * replay) in one atomic batch. Drains stores without a changelog of their own first, if nothing was drained since the last commit.
   *
   * @param when 'later': with one of the next commits, `write` or `close`. Until then a crash leaves state and checkpoints
   * as they were written last, and more of the changelog is to be replayed
   */
  commit(checkpoints: ReadonlyMap<string, number>, when?: 'now' | 'later'): Promise<void>;
  /** Something is committed that is to be written later, and can be: nothing was drained since. */
  readonly isBehind: boolean;
  /** Writes that now. */
  write(): Promise<void>;
  /** Forgets what was not committed, as after an aborted transaction. All that was must be written. */
  discard(): void;
  checkpoint(changelogTopic: string): number | null;
  /**
   * One record of a changelog, straight to a write buffer; stores must not be used before `flushRestored`. Values of a
   * changelog that is a topic of the user's are plain, and `timestampMs` is their time; of others it is not looked at.
   */
  restore(changelogTopic: string, key: Uint8Array, value: Uint8Array | null, timestampMs: number): void;
  /** Bytes in that buffer. */
  readonly restoredBytes: number;
  flushRestored(checkpoints: ReadonlyMap<string, number>): Promise<void>;
  /** Reads what steps walk over into memory. Once, when all is restored and before the task runs. */
  load(): Promise<void>;
  /** Null before the first record. After a restore at least the highest event time restored into the store named `scope`. */
  streamTimeMs(scope: string): number | null;
  setStreamTimeMs(scope: string, timeMs: number): void;
  /** About how much memory changes hold that are not committed: a reason to commit early. */
  readonly dirtyBytes: number;
  /** About how much memory the cache holds, changes included. */
  readonly cachedBytes: number;
  /** About how many bytes of the disk it takes, without what LevelDB still has in its write buffer; 0 in memory. */
  diskBytes(): Promise<number>;
  /** Writes what is committed, unless more was drained since, and discards the rest. */
  close(): Promise<void>;
}

/**
 * A read-only view of a store with the changes that aren't committed yet, in values as a table shows them. A scan sees the
 * store as it was when it began. Values are the store's own: copy what you change.
 */
export interface StoreQuery<K = any, V = any> {
  readonly name: string;
  readonly kind: 'keyValue' | 'window';
  /** @param startMs of the window, for a window store */
  get(key: K, startMs?: number): Stamped<V> | undefined;
  /** Of a window store the keys are `Windowed`, by start, then by encoded key. */
  all(): AsyncIterable<[K | Windowed<K>, Stamped<V>]>;
  /** Of a key-value store: both ends inclusive, in the order of encoded keys. */
  range(from: K, to: K): AsyncIterable<[K, Stamped<V>]>;
  /** Of a window store: a key's windows that start from `fromMs` to `toMs`, both inclusive. */
  fetch(key: K, fromMs: number, toMs: number): Iterable<[startMs: number, Stamped<V>]>;
  /** Windows that `fetch` looks for between two starts, which is what it costs. */
  lookups(fromMs: number, toMs: number): number;
}

// Storage on LevelDB through `level`: its only importer, so that replacing it is a change to this file. Keys and values
// go through as they are (encoding 'view'). A failure becomes a Fault in words here and nowhere else. Nobody may delete a
// LOCK file: LevelDB's lock ends with the process that holds it, and deleting it lets two processes corrupt one database.
import { existsSync } from 'node:fs';
import { readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Level } from 'level';
import { assert } from '../kernel/assert.ts';
import { Fault } from '../kernel/fault.ts';
import { failureReason, isDamage } from './failure-reason.ts';
import { lockHolder } from './lock-holder.ts';
import { makeFolder } from './make-folder.ts';
import { openDatabasesMax } from './open-databases.ts';
import type { BatchOperation, Entry, KeyRange, ScanOptions, Storage, StorageEngine } from './storage.ts';

/** LevelDB's settings, in bytes. What is left out is LevelDB's default. */
export interface LevelOptions {
  /** Memory that fills before a table file is written; up to two may be held. Default 4 MiB. */
  readonly writeBufferSize?: number;
  /** Of all databases together, about: with many open, one that is opened gets less than `writeBufferSize`. Default no limit. */
  readonly writeBuffersMax?: number;
  /** Unit of reading from a table file. Default 4 KiB. */
  readonly blockSize?: number;
  /** Cache of uncompressed blocks. Default 8 MiB. */
  readonly cacheSize?: number;
  /** Size at which a table file is ended. Default 2 MiB. */
  readonly maxFileSize?: number;
  /** Snappy on blocks: waste where values are compressed already. Default true. */
  readonly compression?: boolean;
  /** Table files held open at a time. Default 1,000. */
  readonly maxOpenFiles?: number;
}

const pageEntriesMax = 1_000;
const scanBufferBytes = 1 << 20;

type Database = Level<Uint8Array, Uint8Array>;

/** The databases under `folder`, each a sub-folder of its name, made when first opened. `options` hold for all of them. */
export function createLevelEngine(folder: string, options: LevelOptions = {}): StorageEngine {
  let openCount = 0;
  return {
    openMax: openDatabasesMax(),
    async open(name) {
      const path = join(folder, databaseName(name));
      openCount += 1;
      const closed = () => {
        openCount -= 1;
      };
      try {
        return levelStorage(path, await openDatabase(path, sharing(options, openCount)), closed);
      } catch (error) {
        closed();
        throw error;
      }
    },
    async list() {
      if (!existsSync(folder)) return [];
      const found = await readdir(folder, { withFileTypes: true }).catch((error: unknown) => fail(folder, error));
      return found
        .filter((entry) => entry.isDirectory() && !entry.name.startsWith(deletedPrefix))
        .filter((entry) => existsSync(join(folder, entry.name, 'CURRENT')))
        .map((entry) => entry.name)
        .sort();
    },
    async destroy(name) {
      const path = join(folder, databaseName(name));
      if (!existsSync(path)) return;
      // Opening takes the lock: a database that someone uses must not lose its files under them. What is too damaged to be
      // opened nobody uses.
      try {
        await (await openDatabase(path, {})).close();
      } catch (error) {
        if (!isDamage(error)) throw error;
      }
      try {
        // Gone at once: LevelDB would take what a kill leaves of the files for a database, and replay old writes.
        await removeLeftovers(folder);
        await rename(path, join(folder, `${deletedPrefix}${name}`));
        await removeLeftovers(folder);
      } catch (error) {
        fail(path, error);
      }
    },
    tryOut: () => tryOut(folder),
  };
}

const writeBufferDefault = 4 << 20;
const writeBufferMin = 256 << 10;

function sharing({ writeBuffersMax, ...options }: LevelOptions, openCount: number): LevelOptions {
  if (writeBuffersMax === undefined) return options;
  const { writeBufferSize = writeBufferDefault } = options;
  const share = Math.max(writeBufferMin, Math.floor(writeBuffersMax / openCount));
  return { ...options, writeBufferSize: Math.min(writeBufferSize, share) };
}

/** What LevelDB writes at once when it is opened behind a failure, twice over: its log as a table, and a new list of tables. */
const trialBytes = 8 << 20;
const trialFile = '~trial';

async function tryOut(folder: string): Promise<void> {
  const path = join(folder, trialFile);
  try {
    await makeFolder(folder);
    await writeFile(path, new Uint8Array(trialBytes), { flush: true });
  } catch (error) {
    fail(folder, error);
  } finally {
    await rm(path, { force: true }).catch(() => {});
  }
}

/** Of folders on their way out; no database can have such a name. */
const deletedPrefix = '~deleted-';

async function removeLeftovers(folder: string): Promise<void> {
  const left = (await readdir(folder)).filter((entry) => entry.startsWith(deletedPrefix));
  await Promise.all(left.map((entry) => rm(join(folder, entry), { recursive: true, force: true })));
}

export function databaseName(name: string): string {
  assert(/^[\w.-]+$/.test(name) && name !== '.' && name !== '..', `'${name}' can't name a database`);
  return name;
}

async function openDatabase(path: string, options: LevelOptions): Promise<Database> {
  // Made before `level` would, whose own attempt hides the reason of a failure.
  await makeFolder(path).catch((error: unknown) => fail(path, error));
  const database: Database = new Level<Uint8Array, Uint8Array>(path, {
    ...options,
    keyEncoding: 'view',
    valueEncoding: 'view',
  });
  try {
    await database.open();
    return database;
  } catch (error) {
    await database.close().catch(() => {});
    return fail(path, error);
  }
}

function levelStorage(path: string, database: Database, onClose: () => void): Storage {
  const wrapped = <T>(answer: Promise<T>): Promise<T> => answer.catch((error: unknown) => fail(path, error));
  /** The last of the writes that aren't over. Two at a time are two threads' work, and either may reach LevelDB first. */
  let writing: Promise<void> | null = null;
  let isClosed = false;
  const close = () => {
    if (!isClosed) onClose();
    isClosed = true;
    return wrapped(writing === null ? database.close() : writing.then(() => database.close()));
  };
  return {
    get: (key) => wrapped(database.get(key)),
    getSync(key) {
      try {
        // The declaration of `level` leaves out what classic-level has.
        return (database as unknown as { getSync(key: Uint8Array): Uint8Array | undefined }).getSync(key);
      } catch (error) {
        return fail(path, error);
      }
    },
    write(operations, { sync = false } = {}) {
      const work =
        writing === null ? writeBatch(database, operations, sync) : writeBehind(writing, database, operations, sync);
      const settled: Promise<void> = work
        .catch(() => {})
        .then(() => {
          if (writing === settled) writing = null;
        });
      writing = settled;
      return wrapped(work);
    },
    scan: (options) => ({ [Symbol.asyncIterator]: () => scanDatabase(path, database, options) }),
    async scanPage({ bytesMax = Number.POSITIVE_INFINITY, limit = pageEntriesMax, ...range }) {
      const iterator = openIterator(path, database, { ...range, limit }, Math.min(bytesMax, 16 * scanBufferBytes));
      try {
        const entries: Entry[] = [];
        let bytes = 0;
        while (entries.length < limit && bytes < bytesMax) {
          const more = await iterator.nextv(limit - entries.length);
          if (more.length === 0) break;
          for (const entry of more) {
            entries.push(entry);
            bytes += entry[1].byteLength;
            if (bytes >= bytesMax) break;
          }
        }
        return entries;
      } catch (error) {
        return fail(path, error);
      } finally {
        await iterator.close();
      }
    },
    clear: (range) => wrapped(database.clear(bounds(range))),
    compactRange: (start, end) => wrapped(native(database).compactRange(start, end)),
    approximateSize: (start, end) => wrapped(native(database).approximateSize(start, end)),
    close,
    [Symbol.asyncDispose]: close,
  };
}

/**
 * `level` copies and checks each operation of an array, which is three times the work of a chained batch. A chained
 * batch's memory is only given back when it is collected, so it is for small values, whose own objects outweigh it.
 */
async function writeBatch(database: Database, operations: readonly BatchOperation[], sync: boolean): Promise<void> {
  // `level` copies options that are given, for each operation.
  const options = (sync ? { sync } : undefined) as { readonly sync: true };
  if (operations.length === 1) {
    const [operation] = operations as readonly [BatchOperation];
    return operation.type === 'put'
      ? database.put(operation.key, operation.value, options)
      : database.del(operation.key, options);
  }
  if (operations.length < chainedFrom || averageBytes(operations) > chainedValueBytesMax) {
    return database.batch(operations as BatchOperation[], options);
  }
  return chained(database, operations).write({ sync });
}

/** A chained batch takes the bytes now: the caller may use its buffers again while the write waits. */
async function writeBehind(
  before: Promise<void>,
  database: Database,
  operations: readonly BatchOperation[],
  sync: boolean,
): Promise<void> {
  const batch = chained(database, operations);
  await before;
  return batch.write({ sync });
}

function chained(database: Database, operations: readonly BatchOperation[]): ChainedBatch {
  const batch = database.batch() as unknown as ChainedBatch;
  for (const operation of operations) {
    if (operation.type === 'put') batch.put(operation.key, operation.value);
    else batch.del(operation.key);
  }
  return batch;
}

const chainedFrom = 16;
const chainedValueBytesMax = 1_024;

function averageBytes(operations: readonly BatchOperation[]): number {
  let bytes = 0;
  for (const operation of operations) if (operation.type === 'put') bytes += operation.value.byteLength;
  return bytes / operations.length;
}

interface ChainedBatch {
  put(key: Uint8Array, value: Uint8Array): void;
  del(key: Uint8Array): void;
  write(options: { readonly sync: boolean }): Promise<void>;
}

interface NativeRange {
  compactRange(start: Uint8Array, end: Uint8Array): Promise<void>;
  approximateSize(start: Uint8Array, end: Uint8Array): Promise<number>;
}

/** The declaration of `level` has only what browsers have as well. */
const native = (database: Database) => database as unknown as NativeRange;

function openIterator(path: string, database: Database, options: ScanOptions, bufferBytes: number) {
  const { reverse = false, limit = -1 } = options;
  try {
    // The iterator's own limit is per fetch of entries, so without it LevelDB would stop at 16 KiB: one batch a call.
    const settings = { ...bounds(options), reverse, limit, highWaterMarkBytes: bufferBytes };
    return database.iterator(settings);
  } catch (error) {
    return fail(path, error);
  }
}

/** `level` takes a bound that is there with the value undefined for a bound. */
function bounds({ gte, gt, lt, lte }: KeyRange): KeyRange {
  return { ...(gte && { gte }), ...(gt && { gt }), ...(lt && { lt }), ...(lte && { lte }) };
}

function scanDatabase(path: string, database: Database, options: ScanOptions): AsyncIterator<Entry> {
  const iterator = openIterator(path, database, options, scanBufferBytes);
  let page: Entry[] = [];
  let at = 0;
  let ended = false;
  const end = async (): Promise<IteratorReturnResult<undefined>> => {
    ended = true;
    page = [];
    await iterator.close();
    return { done: true, value: undefined };
  };
  return {
    async next() {
      if (at >= page.length) {
        if (ended) return { done: true, value: undefined };
        at = 0;
        try {
          page = await iterator.nextv(pageEntriesMax);
        } catch (error) {
          await end();
          return fail(path, error);
        }
        if (page.length === 0) return end();
      }
      return { done: false, value: page[at++]! };
    },
    return: end,
  };
}

function fail(path: string, error: unknown): never {
  const own = error as { code?: string; cause?: { code?: string }; message?: string };
  const root = (own.cause ?? own) as { code?: string; message?: string };
  if (root.code === 'LEVEL_LOCKED')
    throw new Fault('STORAGE_IN_USE', { path, by: lockHolder(path, root.message) }, error);
  const notOpen = own.code === 'LEVEL_DATABASE_NOT_OPEN' || own.code === 'LEVEL_ITERATOR_NOT_OPEN';
  if (notOpen && own.cause === undefined) throw new Fault('CLOSED', { what: `the database in ${path}` }, error);
  throw new Fault('STORAGE_FAILED', { path, reason: failureReason(root.code, root.message ?? String(error)) }, error);
}

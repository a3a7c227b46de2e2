// All stores of one task in one database: opened together, drained together, committed together. One atomic write holds
// the changes of one commit or several, the changelog offsets they reach and the stream times they were made at, so that
// state is never ahead of the log it can be rebuilt from, and what is restored after a crash is only the log's tail.
import { assert } from '../../core/kernel/assert.ts';
import { Fault } from '../../core/kernel/fault.ts';
import type { BatchOperation, Storage } from '../../core/storage/storage.ts';
import type { StoreSpec } from '../../dsl/compile/topology.ts';
import { createBudget, makeRoom } from './cache.ts';
import { type Pending, settleEntries } from './entry-table.ts';
import { openKeyValueStore } from './key-value-store.ts';
import * as keyspace from './keyspace.ts';
import type { OpenStore } from './open-store.ts';
import type { TaskStores } from './store.ts';
import { type Catalog, readCatalog, registerStores } from './store-catalog.ts';
import { openWindowStore } from './window-store.ts';

export type { ChangeListener, KeyValueStore, Stamped, StoreQuery, TaskStores, WindowStore } from './store.ts';

export interface TaskStoresOptions {
  /** Null: in memory only, for the test driver. It is closed with the stores. */
  readonly storage: Storage | null;
  readonly specs: readonly StoreSpec[];
  /** What the cache of the task may hold, about; changes that aren't committed count and stay. Default 32 MiB. */
  readonly cacheBytesMax?: number;
  /** Default 1,000,000. */
  readonly cacheEntriesMax?: number;
  /** What messages call the database. Default 'the state of the task'. */
  readonly place?: string;
}

/** @throws Fault `STORAGE_NEWER`, `STATE_CHANGED` */
export async function openTaskStores(options: TaskStoresOptions): Promise<TaskStores> {
  const { storage, place = 'the state of the task' } = options;
  const catalog = await readCatalog(storage, place);
  await registerStores(storage, catalog, options.specs, place);
  return createTaskStores(options, catalog, await openStores(options, catalog));
}

interface Opened {
  readonly stores: ReadonlyMap<string, OpenStore>;
  readonly budget: ReturnType<typeof createBudget>;
}

async function openStores(
  { storage, specs, cacheBytesMax = 32 << 20, cacheEntriesMax = 1_000_000 }: TaskStoresOptions,
  catalog: Catalog,
): Promise<Opened> {
  const budget = createBudget(cacheBytesMax, cacheEntriesMax);
  const stores = new Map<string, OpenStore>();
  const room = () =>
    makeRoom(
      budget,
      [...stores.values()].map(({ table }) => table),
    );
  for (const spec of specs) {
    const number = catalog.numbers.get(spec.name)!.number;
    const prefix = keyspace.dataPrefix(number);
    const range = { gte: prefix, lt: keyspace.afterPrefix(prefix), limit: 1 };
    const [first] = storage === null ? [] : await storage.scanPage(range);
    const shared = { spec, storage, budget, makeRoom: room, prefix };
    if (spec.kind === 'keyValue') {
      stores.set(spec.name, openKeyValueStore({ ...shared, empty: first === undefined }));
      continue;
    }
    const [last] = storage === null ? [] : await storage.scanPage({ ...range, reverse: true });
    const startMsMin = first === undefined ? Number.POSITIVE_INFINITY : keyspace.windowStart(first[0]);
    const startMsMax = last === undefined ? Number.NEGATIVE_INFINITY : keyspace.windowStart(last[0]);
    const expiredBeforeMs = catalog.expired.get(number) ?? Number.NEGATIVE_INFINITY;
    stores.set(spec.name, openWindowStore({ ...shared, number, expiredBeforeMs, startMsMin, startMsMax }));
  }
  return { stores, budget };
}

function createTaskStores(
  { storage, place = 'the state of the task' }: TaskStoresOptions,
  catalog: Catalog,
  { stores, budget }: Opened,
): TaskStores {
  const { checkpoints, streamTimes } = catalog;
  const byChangelog = new Map([...stores.values()].map((open) => [open.spec.changelog, open]));
  let pending: Pending = { number: 1, operations: [], entries: [] };
  let sealedTimes = new Map(streamTimes);
  let drained = false;
  /** The checkpoints of commits that are to be written yet; null for none. */
  let unwritten: Map<string, number> | null = null;
  let committing = false;
  let closed = false;
  let restored: BatchOperation[] = [];
  let restoredBytes = 0;
  let restoredInto = new Set<OpenStore>();

  const named = (name: string): OpenStore => {
    const open = stores.get(name);
    assert(open !== undefined, `the task has no store '${name}'`);
    return open;
  };

  const checkpointOperation = ([topic, offset]: readonly [string, number]): BatchOperation => ({
    type: 'put',
    key: keyspace.checkpointKey(topic),
    value: keyspace.int64Bytes(offset),
  });

  const streamTimeOperation = (scope: string, timeMs: number): BatchOperation => ({
    type: 'put',
    key: keyspace.streamTimeKey(scope),
    value: keyspace.int64Bytes(timeMs),
  });

  function sealTimes(): void {
    sealedTimes = new Map(streamTimes);
    for (const open of stores.values()) open.sealMeta();
  }

  /** A task that starts without its own record of stream time takes no record that the one before it refused (KAFKA-7994). */
  function raiseStreamTime({ name, changelog }: StoreSpec, stored: Uint8Array): void {
    if (stored.length < 8)
      throw new Fault('MALFORMED_BYTES', { what: `a value of ${stored.length} bytes in '${changelog}'` });
    const timeMs = keyspace.stampedTimestamp(stored);
    if (timeMs > (streamTimes.get(name) ?? Number.NEGATIVE_INFINITY)) streamTimes.set(name, timeMs);
  }

  /** A write that failed has changed nothing, and may be tried again. */
  function takeBack(written: Pending, offsets: ReadonlyMap<string, number>): void {
    for (const entry of pending.entries) entry.sealedAt += written.operations.length;
    for (const entry of written.entries) if (entry.sealedIn === written.number) entry.sealedIn = pending.number;
    unwritten = new Map([...offsets, ...(unwritten ?? [])]);
    pending = {
      number: pending.number,
      operations: [...written.operations, ...pending.operations],
      entries: [...written.entries, ...pending.entries],
    };
    drained = true;
  }

  function reached(offsets: ReadonlyMap<string, number>): void {
    for (const [topic, offset] of offsets) checkpoints.set(topic, offset);
  }

  async function write(): Promise<void> {
    assertOpen();
    assert(!committing && !drained, 'what was drained is to be committed before it is written');
    const offsets = unwritten ?? new Map<string, number>();
    const written = pending;
    unwritten = null;
    pending = { number: written.number + 1, operations: [], entries: [] };
    if (storage === null) {
      settleEntries(written, budget);
      for (const open of stores.values()) await open.afterCommit();
      return reached(offsets);
    }
    const { operations } = written;
    for (const checkpoint of offsets) operations.push(checkpointOperation(checkpoint));
    for (const [scope, timeMs] of sealedTimes) operations.push(streamTimeOperation(scope, timeMs));
    for (const open of stores.values()) operations.push(...open.metaOperations());
    committing = true;
    try {
      await storage.write(operations).catch((error: unknown) => {
        takeBack(written, offsets);
        throw error;
      });
      settleEntries(written, budget);
      reached(offsets);
      for (const open of stores.values()) await open.afterCommit();
    } finally {
      committing = false;
    }
  }

  const assertOpen = () => {
    if (closed) throw new Fault('CLOSED', { what: place });
  };

  return {
    store: (name) => named(name).store,
    query: (name) => named(name).query,
    drainChanges(onChange) {
      assertOpen();
      for (const open of stores.values()) open.table.seal(pending, open.spec.ownChangelog ? onChange : null);
      sealTimes();
      drained = true;
    },
    async commit(offsets, when = 'now') {
      assertOpen();
      assert(!committing, 'one commit at a time');
      if (!drained) {
        for (const open of stores.values()) if (!open.spec.ownChangelog) open.table.seal(pending, null);
        sealTimes();
      }
      drained = false;
      unwritten = new Map([...(unwritten ?? []), ...offsets]);
      if (when === 'now' || storage === null) await write();
    },
    get isBehind() {
      return unwritten !== null && !drained;
    },
    write,
    discard() {
      assert(
        storage !== null && !committing && unwritten === null,
        'only what has a database behind it, and in it what is committed, can be discarded',
      );
      for (const open of stores.values()) open.reset();
      pending = { number: pending.number + 1, operations: [], entries: [] };
      drained = false;
    },
    checkpoint: (topic) => checkpoints.get(topic) ?? null,
    restore(topic, key, value, timestampMs) {
      const open = byChangelog.get(topic);
      assert(open !== undefined, `no store of the task has the changelog '${topic}'`);
      const { spec } = open;
      const rawKey = spec.ownChangelog ? key : ownKey(spec, key, value);
      if (rawKey === null) return;
      const stored = value === null || spec.ownChangelog ? value : keyspace.stamp(timestampMs, value);
      if (stored !== null) raiseStreamTime(spec, stored);
      const operation = open.restored(rawKey, stored);
      restoredInto.add(open);
      if (operation === null) return;
      restored.push(operation);
      restoredBytes += operation.key.length + (operation.type === 'put' ? operation.value.length : 0);
    },
    get restoredBytes() {
      return restoredBytes;
    },
    async flushRestored(offsets) {
      assertOpen();
      assert(budget.dirtyBytes === 0, 'a task is restored before it runs');
      const operations = restored;
      restored = [];
      restoredBytes = 0;
      if (storage !== null) {
        for (const checkpoint of offsets) operations.push(checkpointOperation(checkpoint));
        for (const open of restoredInto) {
          const { name } = open.spec;
          const timeMs = streamTimes.get(name);
          if (timeMs !== undefined) operations.push(streamTimeOperation(name, timeMs));
        }
        const changed = restoredInto;
        restoredInto = new Set();
        await storage.write(operations);
        // What was looked up before, or while this was being written, is older: also that there was nothing.
        for (const open of changed) open.reset();
      }
      reached(offsets);
    },
    async load() {
      for (const open of stores.values()) await open.load();
    },
    streamTimeMs: (scope) => streamTimes.get(scope) ?? null,
    setStreamTimeMs(scope, timeMs) {
      streamTimes.set(scope, timeMs);
    },
    get dirtyBytes() {
      return budget.dirtyBytes;
    },
    get cachedBytes() {
      return budget.bytes;
    },
    diskBytes: async () => (storage === null || closed ? 0 : await storage.approximateSize(...keyspace.wholeSpace)),
    async close() {
      if (closed) return;
      try {
        // What was drained since may never be committed.
        if (unwritten !== null && !drained && !committing) await write();
      } finally {
        closed = true;
        await storage?.close();
      }
    },
  };
}

/**
 * The key of a record in a topic that others write: as this store would encode it, so that it is found again, and null
 * for a record that can't be read, which the error policy has dropped when it was processed.
 */
function ownKey(spec: StoreSpec, key: Uint8Array, value: Uint8Array | null): Uint8Array | null {
  try {
    if (value !== null) spec.value.decode(value);
    return spec.key.encode(spec.key.decode(key));
  } catch {
    return null;
  }
}

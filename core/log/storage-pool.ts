// Databases of partitions, opened when they are used and closed when too many are open or when they have been idle: an
// open LevelDB costs file handles and memory, and a node may have thousands of partitions. What is handed out stays valid
// throughout. Nothing here knows what is stored.
import { assert } from '../kernel/assert.ts';
import type { Clock } from '../kernel/clock.ts';
import { Fault } from '../kernel/fault.ts';
import type { Disk } from '../storage/disk.ts';
import type { Storage, StorageEngine } from '../storage/storage.ts';
import type { LogStorage } from './log-storage.ts';

export interface StoragePool {
  /** A database of the engine. Only one may be handed out for a name until it is closed. Opens it to see that it can be. */
  take(name: string): Promise<LogStorage>;
  /** Databases that are open at this moment. */
  readonly openCount: number;
  closeIdle(idleMs: number): Promise<void>;
}

export interface StoragePoolOptions {
  readonly engine: StorageEngine;
  readonly clock: Clock;
  /** Above it the one that was used least recently is closed first; those at work stay, so it may be exceeded. */
  readonly openMax: number;
  /** Where no database may be opened, none is closed: what it holds can still be read. */
  readonly disk?: Disk;
}

interface Slot {
  readonly name: string;
  storage: Storage | null;
  /** Opening or closing; the next to use it waits. */
  changing: Promise<void> | null;
  users: number;
  lastUsedMs: number;
  isClosed: boolean;
}

export function createStoragePool({ engine, clock, openMax, disk }: StoragePoolOptions): StoragePool {
  const slots = new Map<string, Slot>();
  /** Those open, in the order of their last use. */
  const open = new Set<Slot>();

  /** One change at a time; `work` sees the outcome of the one before. */
  async function change(slot: Slot, work: () => Promise<void>): Promise<void> {
    while (slot.changing !== null) await slot.changing.catch(() => {});
    const changing = work().finally(() => {
      slot.changing = null;
    });
    slot.changing = changing;
    await changing;
  }

  async function shut(slot: Slot): Promise<void> {
    const { storage } = slot;
    slot.storage = null;
    open.delete(slot);
    await storage?.close();
  }

  async function shrinkTo(count: number): Promise<void> {
    while (open.size > count && disk?.isWritable !== false) {
      const idle = [...open].find((slot) => slot.users === 0 && slot.changing === null);
      if (idle === undefined) return;
      await change(idle, () => (idle.users === 0 ? shut(idle) : Promise.resolve()));
    }
  }

  async function ensureOpen(slot: Slot): Promise<Storage> {
    while (slot.storage === null || slot.changing !== null) {
      if (slot.isClosed) throw new Fault('CLOSED', { what: `the database of ${slot.name}` });
      if (slot.changing !== null) {
        await slot.changing.catch(() => {});
        continue;
      }
      await change(slot, async () => {
        await shrinkTo(openMax - 1);
        slot.storage = await engine.open(slot.name);
        open.add(slot);
      });
    }
    return slot.storage;
  }

  async function using<T>(slot: Slot, work: (storage: Storage) => Promise<T>): Promise<T> {
    slot.users++;
    try {
      const ready = slot.changing === null ? slot.storage : null;
      const storage = ready ?? (await ensureOpen(slot));
      slot.lastUsedMs = clock.monotonicMs();
      open.delete(slot);
      open.add(slot);
      return await work(storage);
    } finally {
      slot.users--;
      // Those that were at work when there were too many are closed when they are done. What a closing fails with shows
      // at the next opening.
      if (open.size > openMax) void shrinkTo(openMax).catch(() => {});
    }
  }

  function facade(slot: Slot): LogStorage {
    const close = async () => {
      if (slot.isClosed) return;
      slot.isClosed = true;
      slots.delete(slot.name);
      await change(slot, () => shut(slot));
    };
    return {
      get: (key) => using(slot, (storage) => storage.get(key)),
      getSync(key) {
        assert(slot.storage !== null && slot.changing === null, `getSync() of ${slot.name}, which is not open`);
        return slot.storage.getSync(key);
      },
      write: (operations, options) => using(slot, (storage) => storage.write(operations, options)),
      async *scan(options) {
        // Held open as long as the scan: a loop that is left early comes back here through return().
        slot.users++;
        try {
          yield* (await ensureOpen(slot)).scan(options);
        } finally {
          slot.users--;
        }
      },
      scanPage: (options) => using(slot, (storage) => storage.scanPage(options)),
      clear: (range) => using(slot, (storage) => storage.clear(range)),
      compactRange: (start, end) => using(slot, (storage) => storage.compactRange(start, end)),
      approximateSize: (start, end) => using(slot, (storage) => storage.approximateSize(start, end)),
      reopen: async () => {
        await disk?.tryOut();
        await change(slot, () => shut(slot));
        await using(slot, async () => {});
      },
      close,
      [Symbol.asyncDispose]: close,
    };
  }

  return {
    async take(name) {
      assert(!slots.has(name), `the database of ${name} is taken`);
      const slot: Slot = { name, storage: null, changing: null, users: 0, lastUsedMs: 0, isClosed: false };
      slots.set(name, slot);
      try {
        await using(slot, async () => {});
      } catch (error) {
        slot.isClosed = true;
        slots.delete(name);
        throw error;
      }
      return facade(slot);
    },
    get openCount() {
      return open.size;
    },
    async closeIdle(idleMs) {
      if (disk?.isWritable === false) return;
      const dueMs = clock.monotonicMs() - idleMs;
      for (const slot of [...open]) {
        const isIdle = () => slot.users === 0 && slot.lastUsedMs <= dueMs;
        if (isIdle()) await change(slot, () => (isIdle() ? shut(slot) : Promise.resolve()));
      }
    },
  };
}

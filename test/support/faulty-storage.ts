// An engine in memory that fails as disks do: a chosen write is refused, writes wait until let through, and a crash loses
// what was not synced. Order is kept as LevelDB keeps it: what is lost is a suffix of the writes of a database.
import { Fault } from '../../core/kernel/fault.ts';
import { createLatch, type Latch } from '../../core/kernel/latch.ts';
import { createMemoryEngine } from '../../core/storage/memory-storage.ts';
import type { BatchOperation, KeyRange, Storage, StorageEngine } from '../../core/storage/storage.ts';

export interface CrashOptions {
  /**
   * Of the writes since the last synced one, how many stay, per database. Default 'all': the process dies and the
   * system goes on. 'none': the power fails.
   */
  readonly keepUnsynced?: 'all' | 'none' | number;
}

export interface FaultyEngine extends StorageEngine {
  /** Writes so far, of all databases, those that failed included. */
  readonly writes: number;
  /** The nth write from here on (1 is the next) rejects with STORAGE_FAILED and changes nothing. */
  failWrite(nth: number): void;
  /** From here on every write rejects, until `heal`. */
  failWrites(): void;
  heal(): void;
  /** Writes wait, in order, until `letThrough`: they are neither applied nor answered. */
  hold(): void;
  letThrough(): void;
  readonly held: number;
  /** All databases are gone from their users, held writes never happen; they can be opened again with what survived. */
  crash(options?: CrashOptions): Promise<void>;
}

type Change = readonly BatchOperation[] | { readonly clear: KeyRange };

interface Database {
  live: Storage;
  durable: Storage;
  unsynced: Change[];
  incarnation: number;
  open: boolean;
}

export function createFaultyEngine(): FaultyEngine {
  const databases = new Map<string, Database>();
  let writes = 0;
  let failAt = -1;
  let failing = false;
  let gate: Latch<void> | null = null;
  let held = 0;

  const make = async (): Promise<Storage> => createMemoryEngine().open('database');

  async function admit(): Promise<void> {
    const number = ++writes;
    if (gate !== null) {
      held++;
      await gate.promise;
    }
    if (failing || number === failAt)
      throw new Fault('STORAGE_FAILED', { path: 'memory', reason: `write ${number} was made to fail` });
  }

  async function change(storage: Database, incarnation: number, made: Change, sync: boolean): Promise<void> {
    const own = 'clear' in made ? made : made.map((operation) => copyOf(operation));
    await admit();
    if (storage.incarnation !== incarnation) await new Promise<never>(() => {});
    await applyTo(storage.live, own);
    storage.unsynced.push(own);
    if (sync) await settle(storage, storage.unsynced.length);
  }

  async function settle(storage: Database, count: number): Promise<void> {
    for (const made of storage.unsynced.splice(0, count)) await applyTo(storage.durable, made);
  }

  function handle(name: string, storage: Database): Storage {
    const incarnation = storage.incarnation;
    let closed = false;
    const live = () => {
      if (closed || storage.incarnation !== incarnation) throw new Fault('CLOSED', { what: `the database ${name}` });
      return storage.live;
    };
    const close = async () => {
      if (closed || storage.incarnation !== incarnation) return;
      closed = true;
      storage.open = false;
    };
    return {
      get: async (key) => live().get(key),
      getSync: (key) => live().getSync(key),
      write: async (operations, { sync = false } = {}) => {
        live();
        await change(storage, incarnation, operations, sync);
      },
      clear: async (range) => {
        live();
        await change(storage, incarnation, { clear: range }, false);
      },
      scan: (options) => live().scan(options),
      scanPage: async (options) => live().scanPage(options),
      compactRange: async (start, end) => live().compactRange(start, end),
      approximateSize: async (start, end) => live().approximateSize(start, end),
      close,
      [Symbol.asyncDispose]: close,
    };
  }

  return {
    get writes() {
      return writes;
    },
    get held() {
      return held;
    },
    failWrite(nth) {
      failAt = writes + nth;
    },
    failWrites() {
      failing = true;
    },
    heal() {
      failing = false;
      failAt = -1;
    },
    hold() {
      gate ??= createLatch();
    },
    letThrough() {
      gate?.resolve();
      gate = null;
      held = 0;
    },
    async crash({ keepUnsynced = 'all' } = {}) {
      for (const storage of databases.values()) {
        storage.incarnation++;
        storage.open = false;
        const kept = keepUnsynced === 'all' ? storage.unsynced.length : keepUnsynced === 'none' ? 0 : keepUnsynced;
        await settle(storage, kept);
        storage.unsynced = [];
        storage.live = await make();
        for await (const [key, value] of storage.durable.scan({}))
          await storage.live.write([{ type: 'put', key, value }]);
      }
      gate?.resolve();
      gate = null;
      held = 0;
    },
    async open(name) {
      let storage = databases.get(name);
      if (storage?.open) throw new Fault('STORAGE_IN_USE', { path: `memory:${name}`, by: 'this process' });
      if (storage === undefined) {
        storage = { live: await make(), durable: await make(), unsynced: [], incarnation: 0, open: true };
        databases.set(name, storage);
      }
      storage.open = true;
      return handle(name, storage);
    },
    list: async () => [...databases.keys()].sort(),
    tryOut: async () => {},
    async destroy(name) {
      if (databases.get(name)?.open) throw new Fault('STORAGE_IN_USE', { path: `memory:${name}`, by: 'this process' });
      databases.delete(name);
    },
  };
}

const copyOf = (operation: BatchOperation): BatchOperation =>
  operation.type === 'put'
    ? { type: 'put', key: operation.key.slice(), value: operation.value.slice() }
    : { type: 'del', key: operation.key.slice() };

const applyTo = (storage: Storage, made: Change): Promise<void> =>
  'clear' in made ? storage.clear(made.clear) : storage.write(made);

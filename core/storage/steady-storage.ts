// A database for what must not be lost behind a failed write. LevelDB may have a torn record at the end of its own log then, and
// what it takes afterwards, and says is written, it doesn't find behind that one when it is opened again. So it is opened
// again before the next write. They go one at a time: of two that are under way the later may be behind the torn one, and be called
// written. The logs of partitions have the same by log-storage.ts, where they read back what is there.
import { assert } from '../kernel/assert.ts';
import { Fault } from '../kernel/fault.ts';
import type { BatchOperation, Storage, StorageEngine } from './storage.ts';

/** @throws Fault as `engine.open()` */
export async function openSteadyStorage(engine: StorageEngine, name: string): Promise<Storage> {
  /** Null where it couldn't be opened again; whoever wants something of it tries. */
  let storage: Storage | null = await engine.open(name);
  const busy = new Set<Promise<unknown>>();
  let isTorn = false;
  /** The last of the writes that aren't over, whatever comes of it. */
  let writing: Promise<void> | null = null;
  let isClosed = false;
  let reopening: Promise<void> | null = null;

  async function reopen(): Promise<void> {
    // Where there is no room it stays open: what is in it can still be read.
    await engine.tryOut();
    await Promise.allSettled(busy);
    const old = storage;
    storage = null;
    await old?.close();
    storage = await engine.open(name);
    isTorn = false;
  }

  function reopenOnce(): Promise<void> {
    reopening ??= reopen().finally(() => {
      reopening = null;
    });
    return reopening;
  }

  async function using<T>(work: (storage: Storage) => Promise<T>): Promise<T> {
    // Without a wait where there is nothing to wait for: the bytes that are given are taken at once.
    if (reopening !== null) await reopening.catch(() => {});
    if (isClosed) throw new Fault('CLOSED', { what: `the database of ${name}` });
    if (storage === null) await reopenOnce();
    const working = work(storage!);
    busy.add(working);
    try {
      return await working;
    } finally {
      busy.delete(working);
    }
  }

  async function attempt(work: (storage: Storage) => Promise<void>): Promise<void> {
    if (isTorn && !isClosed) await reopenOnce();
    try {
      await using(work);
    } catch (error) {
      isTorn = true;
      throw error;
    }
  }

  function changing(work: (storage: Storage) => Promise<void>): Promise<void> {
    const turn = writing === null ? attempt(work) : writing.then(() => attempt(work));
    const settled: Promise<void> = turn
      .catch(() => {})
      .then(() => {
        if (writing === settled) writing = null;
      });
    writing = settled;
    return turn;
  }

  async function close(): Promise<void> {
    isClosed = true;
    await reopening?.catch(() => {});
    await storage?.close();
  }

  return {
    get: (key) => using((own) => own.get(key)),
    getSync(key) {
      assert(storage !== null, `getSync() of ${name}, which is not open`);
      return storage.getSync(key);
    },
    write(operations, options) {
      // The caller may use its buffers again while others are written.
      const taken = writing === null ? operations : operations.map(copied);
      return changing((own) => own.write(taken, options));
    },
    async *scan(options) {
      // Not held open by it: whoever scans does so before others write.
      assert(storage !== null, `scan() of ${name}, which is not open`);
      yield* storage.scan(options);
    },
    scanPage: (options) => using((own) => own.scanPage(options)),
    clear: (range) => changing((own) => own.clear(range)),
    compactRange: (start, end) => using((own) => own.compactRange(start, end)),
    approximateSize: (start, end) => using((own) => own.approximateSize(start, end)),
    close,
    [Symbol.asyncDispose]: close,
  };
}

const copied = (operation: BatchOperation): BatchOperation =>
  operation.type === 'del'
    ? { type: 'del', key: new Uint8Array(operation.key) }
    : { type: 'put', key: new Uint8Array(operation.key), value: new Uint8Array(operation.value) };

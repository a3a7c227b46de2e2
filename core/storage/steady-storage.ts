// A database for what must not be lost behind a failed write. LevelDB may have a torn record at the end of its own log then, and
// what it takes afterwards, and says is written, it doesn't find behind that one when it is opened again. So it is opened
// again before the next write. The logs of partitions have the same by log-storage.ts, where they read back what is there.
import { Fault } from '../kernel/fault.ts';
import type { Storage, StorageEngine } from './storage.ts';

/** @throws Fault as `engine.open()` */
export async function openSteadyStorage(engine: StorageEngine, name: string): Promise<Storage> {
  let storage = await engine.open(name);
  const writes = new Set<Promise<void>>();
  let isTorn = false;
  let isClosed = false;
  let reopening: Promise<void> | null = null;

  async function reopen(): Promise<void> {
    // Where there is no room it stays open: what is in it can still be read.
    await engine.tryOut();
    await Promise.allSettled(writes);
    await storage.close();
    storage = await engine.open(name);
    isTorn = false;
  }

  async function whole(): Promise<void> {
    if (!isTorn) return;
    if (isClosed) throw new Fault('CLOSED', { what: `the database of ${name}` });
    reopening ??= reopen().finally(() => {
      reopening = null;
    });
    await reopening;
  }

  async function close(): Promise<void> {
    isClosed = true;
    await reopening?.catch(() => {});
    await storage.close();
  }

  return {
    async get(key) {
      await reopening?.catch(() => {});
      return storage.get(key);
    },
    getSync: (key) => storage.getSync(key),
    async write(operations, options) {
      await whole();
      const write = storage.write(operations, options);
      writes.add(write);
      try {
        await write;
      } catch (error) {
        isTorn = true;
        throw error;
      } finally {
        writes.delete(write);
      }
    },
    scan: (options) => storage.scan(options),
    scanPage: (options) => storage.scanPage(options),
    clear: (range) => storage.clear(range),
    compactRange: (start, end) => storage.compactRange(start, end),
    approximateSize: (start, end) => storage.approximateSize(start, end),
    close,
    [Symbol.asyncDispose]: close,
  };
}

// The storage of one partition as its log sees it: a database that may be closed and opened again underneath, because it
// was idle or because a write failed. storage-pool.ts makes such ones.
import type { Storage, StorageEngine } from '../storage/storage.ts';

export interface LogStorage extends Storage {
  /**
   * Closes and opens the database. After a failed write nothing else will do: LevelDB may have a torn record at the end of
   * its own log, behind which it would not find what is written later.
   */
  reopen(): Promise<void>;
}

/** A database of its own that stays open. */
export async function openLogStorage(engine: StorageEngine, name: string): Promise<LogStorage> {
  let storage = await engine.open(name);
  return {
    get: (key) => storage.get(key),
    getSync: (key) => storage.getSync(key),
    write: (operations, options) => storage.write(operations, options),
    scan: (options) => storage.scan(options),
    scanPage: (options) => storage.scanPage(options),
    clear: (range) => storage.clear(range),
    compactRange: (start, end) => storage.compactRange(start, end),
    approximateSize: (start, end) => storage.approximateSize(start, end),
    async reopen() {
      await storage.close();
      storage = await engine.open(name);
    },
    close: () => storage.close(),
    [Symbol.asyncDispose]: () => storage.close(),
  };
}

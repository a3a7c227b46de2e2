// Tells of the first write that the disk refuses. A partition's own error is one that Kafka's clients try again, because
// another replica may take over; the embedded log has none, so whoever runs it has to stop and say why.
import { type Fault, isFault } from '../../core/kernel/fault.ts';
import type { Storage, StorageEngine } from '../../core/storage/storage.ts';

/** `engine`, with `onFailure` called once, upon the first Fault `STORAGE_FAILED` of an open or a write. */
export function watchStorage(engine: StorageEngine, onFailure: (fault: Fault) => void): StorageEngine {
  let told = false;
  async function watched<T>(work: Promise<T>): Promise<T> {
    try {
      return await work;
    } catch (error) {
      if (isFault(error, 'STORAGE_FAILED') && !told) {
        told = true;
        onFailure(error);
      }
      throw error;
    }
  }
  const watch = (storage: Storage): Storage => ({
    ...storage,
    write: (operations, options) => watched(storage.write(operations, options)),
    clear: (range) => watched(storage.clear(range)),
  });
  return { ...engine, open: async (name) => watch(await watched(engine.open(name))) };
}

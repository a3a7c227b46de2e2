// Appends that arrive while a write is under way go into the next one together: one trip to the storage, and one sync,
// for all of them. One write at a time, so that what is on disk is always a prefix of what was asked for. It knows
// nothing of offsets.
import { createLatch, type Latch } from '../kernel/latch.ts';
import type { BatchOperation } from '../storage/storage.ts';

export interface PendingWrite {
  /** None for one that only waits for those before it. */
  readonly operations: readonly BatchOperation[];
  readonly sizeBytes: number;
  readonly sync: boolean;
  /** Called in the order of the writes, before any of their promises is kept. */
  readonly onWritten: () => void;
}

export interface GroupCommit {
  /** Resolves when it is on disk. @throws what the storage threw, for every write behind a failed one as well */
  add(write: PendingWrite): Promise<void>;
  /** Resolves when everything added so far is written or has failed. */
  drain(): Promise<void>;
}

export interface GroupCommitOptions {
  write(operations: readonly BatchOperation[], sync: boolean): Promise<void>;
  /** The callbacks of a group have run. */
  onGroupWritten(): void;
  /** A write failed and everything behind it is given up; called before any promise is broken. */
  onFailed(error: unknown): void;
}

/**
 * A write carries at most about that much. LevelDB builds one batch in fresh memory for each, so small groups are faster
 * (64 KiB batches, 8 in flight: 0.89 of bare puts with 256 KiB, 0.75 with 16 MiB); a sync is worth waiting for more.
 */
const groupBytesMax = { plain: 256 << 10, sync: 4 << 20 };

interface Queued {
  readonly write: PendingWrite;
  readonly latch: Latch<void>;
}

export function createGroupCommit({ write, onGroupWritten, onFailed }: GroupCommitOptions): GroupCommit {
  let queue: Queued[] = [];
  let running: Promise<void> | null = null;

  function takeGroup(): Queued[] {
    const bytesMax = queue.some((q) => q.write.sync) ? groupBytesMax.sync : groupBytesMax.plain;
    let bytes = 0;
    let count = 0;
    while (count < queue.length && (count === 0 || bytes < bytesMax)) bytes += queue[count++]!.write.sizeBytes;
    return count === queue.length ? queue.splice(0) : queue.splice(0, count);
  }

  async function start(group: readonly Queued[]): Promise<void> {
    const operations = group.length === 1 ? group[0]!.write.operations : group.flatMap((q) => q.write.operations);
    const sync = group.some((q) => q.write.sync);
    if (operations.length > 0) await write(operations, sync);
  }

  async function run(): Promise<void> {
    await null; // what is appended in this turn goes together
    while (queue.length > 0) {
      let group = takeGroup();
      let writing = start(group);
      try {
        while (group.length > 0) {
          await writing;
          // The storage gets its next group before anyone is told of this one, so that it doesn't wait for listeners.
          const written = group;
          group = takeGroup();
          writing = start(group);
          for (const { write } of written) write.onWritten();
          onGroupWritten();
          for (const { latch } of written) latch.resolve();
        }
      } catch (error) {
        const lost = [...group, ...queue];
        queue = [];
        onFailed(error);
        for (const { latch } of lost) latch.reject(error);
      }
    }
    running = null;
  }

  return {
    add(write) {
      const latch = createLatch();
      queue.push({ write, latch });
      running ??= run();
      return latch.promise;
    },
    async drain() {
      while (running !== null) await running;
    },
  };
}

// Replays changelogs into stores. What comes is the wire's batches: keys and values go to the database as the bytes they
// are, in writes of about a megabyte, each with the offsets it reaches, so that a restore that is cut short goes on there.
import type { TaskStores } from './store.ts';

/** What is used of the protocol's record cursor. */
export interface RecordReader {
  open(batch: Uint8Array): void;
  next(): boolean;
  readonly offset: number;
  readonly timestampMs: number;
  key(): Uint8Array | null;
  value(): Uint8Array | null;
}

export interface RestoredBatches {
  /** Records below it are skipped. */
  readonly fetchOffset: number;
  readonly batches: readonly Uint8Array[];
  /** Where to go on. */
  readonly nextOffset: number;
  /** Records from it on are skipped: where live processing begins. Default none. */
  readonly endOffset?: number;
}

export interface Restorer {
  /** Resolves at once unless the write buffer is full. */
  restoreBatches(changelogTopic: string, fetched: RestoredBatches): Promise<void>;
  /** Everything taken is in the database. */
  finish(): Promise<void>;
  /** Records taken so far. */
  readonly records: number;
}

export interface RestorerOptions {
  readonly stores: TaskStores;
  readonly cursor: RecordReader;
  /**
   * Default 1 MiB. The thread's other tasks wait while a write is put together: 0.2 s at most, against 0.3 s and more for
   * 4 MiB, which restored no faster.
   */
  readonly bufferBytesMax?: number;
}

export function createRestorer({ stores, cursor, bufferBytesMax = 1 << 20 }: RestorerOptions): Restorer {
  let positions = new Map<string, number>();
  let records = 0;

  async function flush(): Promise<void> {
    const reached = positions;
    positions = new Map();
    await stores.flushRestored(reached);
  }

  return {
    async restoreBatches(changelogTopic, { fetchOffset, batches, nextOffset, endOffset = Number.POSITIVE_INFINITY }) {
      for (const batch of batches) {
        cursor.open(batch);
        while (cursor.next()) {
          const { offset } = cursor;
          if (offset < fetchOffset || offset >= endOffset) continue;
          const key = cursor.key();
          if (key === null) continue;
          stores.restore(changelogTopic, key, cursor.value(), cursor.timestampMs);
          records++;
        }
        if (stores.restoredBytes < bufferBytesMax) continue;
        positions.set(changelogTopic, Math.min(cursor.offset + 1, endOffset));
        await flush();
      }
      positions.set(changelogTopic, Math.min(nextOffset, endOffset));
    },
    finish: flush,
    get records() {
      return records;
    },
  };
}

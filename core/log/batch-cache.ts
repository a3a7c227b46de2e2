// The newest batches in memory, so that a consumer at the tail never waits for LevelDB. All partitions share one budget;
// the oldest batch of all goes first. Only what is written is here, and only whole runs: between the first and the last
// batch of a partition none is missing.

export interface BatchCache {
  /** Bytes held, of all partitions. */
  readonly bytes: number;
  partition(): PartitionCache;
}

export interface CachedBatch {
  readonly bytes: Uint8Array;
  readonly lastOffset: number;
}

export interface PartitionCache {
  /** Behind the last one. @param firstOffset the log's end before it: what the batch and a gap in front of it cover */
  add(batch: Uint8Array, firstOffset: number, lastOffset: number): void;
  /**
   * Batches from the one that holds `from`, up to the last that ends below `end`: at most `maxBytes` of them, or the
   * first one if `atLeastOne`. Null where the first is not here.
   */
  read(from: number, end: number, maxBytes: number, atLeastOne: boolean): CachedBatch[] | null;
  /** Forgets those that end below `offset`. */
  dropBefore(offset: number): void;
  clear(): void;
}

interface Cached extends CachedBatch {
  readonly firstOffset: number;
  readonly ticket: number;
}

/** The first `head` places are free, so that dropping the oldest moves nothing. */
interface Run {
  batches: Cached[];
  head: number;
}

/** What the objects of one cached batch take beside its bytes, about: of a batch of one small record, most. */
const batchOverheadBytes = 256;

/**
 * Batches are kept as they came, which is mostly in the memory of a network frame together with others: a frame counts as a
 * whole, from its first batch that is kept to its last.
 *
 * @param bytesMax for all partitions together, with what their objects take
 */
export function createBatchCache(bytesMax: number, overheadBytes: number = batchOverheadBytes): BatchCache {
  let bytes = 0;
  const users = new Map<ArrayBufferLike, number>();
  let ticket = 0;
  // In the order of adding. A run that was cleared leaves stale tickets behind, which its newer batches don't match.
  let order: { readonly run: Run; readonly ticket: number }[] = [];
  let oldest = 0;

  function hold({ buffer }: Uint8Array): void {
    const others = users.get(buffer) ?? 0;
    users.set(buffer, others + 1);
    bytes += overheadBytes + (others === 0 ? buffer.byteLength : 0);
  }

  function release({ buffer }: Uint8Array): void {
    const others = users.get(buffer)! - 1;
    if (others === 0) users.delete(buffer);
    else users.set(buffer, others);
    bytes -= overheadBytes + (others === 0 ? buffer.byteLength : 0);
  }

  function shift(run: Run): void {
    release(run.batches[run.head]!.bytes);
    (run.batches as (Cached | undefined)[])[run.head++] = undefined;
    if (run.head > 64 && run.head * 2 > run.batches.length) {
      run.batches = run.batches.slice(run.head);
      run.head = 0;
    }
  }

  function evict(): void {
    while (bytes > bytesMax && oldest < order.length) {
      const { run, ticket } = order[oldest++]!;
      if (run.batches[run.head]?.ticket === ticket) shift(run);
    }
    if (oldest > 1_024 && oldest * 2 > order.length) {
      order = order.slice(oldest);
      oldest = 0;
    }
  }

  /** Clearing leaves tickets that no eviction may ever come to. */
  function dropStaleTickets(): void {
    order = order
      .slice(oldest)
      .filter((o) => o.ticket >= (o.run.batches[o.run.head]?.ticket ?? Number.POSITIVE_INFINITY));
    oldest = 0;
  }

  function clear(run: Run): void {
    for (let i = run.head; i < run.batches.length; i++) release(run.batches[i]!.bytes);
    run.batches = [];
    run.head = 0;
    dropStaleTickets();
  }

  return {
    get bytes() {
      return bytes;
    },
    partition() {
      const run: Run = { batches: [], head: 0 };
      return {
        add(batch, firstOffset, lastOffset) {
          if (batch.length + overheadBytes > bytesMax) return clear(run);
          const own = ownMemory(batch, bytesMax);
          run.batches.push({ bytes: own, firstOffset, lastOffset, ticket: ++ticket });
          order.push({ run, ticket });
          hold(own);
          if (bytes > bytesMax) evict();
        },
        read: (from, end, maxBytes, atLeastOne) => readRun(run, from, end, maxBytes, atLeastOne),
        dropBefore(offset) {
          while (run.head < run.batches.length && run.batches[run.head]!.lastOffset < offset) shift(run);
        },
        clear: () => clear(run),
      };
    },
  };
}

/** A small batch would hold a very large frame, of which the rest may be nothing that is kept. */
function ownMemory(batch: Uint8Array, bytesMax: number): Uint8Array {
  const heldBytes = batch.buffer.byteLength;
  return heldBytes > 2 * batch.length + 512 && heldBytes > bytesMax / 16 ? new Uint8Array(batch) : batch;
}

function readRun(run: Run, from: number, end: number, maxBytes: number, atLeastOne: boolean): CachedBatch[] | null {
  const { batches, head } = run;
  if (head >= batches.length || batches[head]!.firstOffset > from) return null;
  let low = head;
  let high = batches.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (batches[middle]!.lastOffset < from) low = middle + 1;
    else high = middle;
  }
  const found: CachedBatch[] = [];
  let left = maxBytes;
  for (let i = low; i < batches.length && batches[i]!.lastOffset < end; i++) {
    left -= batches[i]!.bytes.length;
    if (left < 0 && !(atLeastOne && found.length === 0)) break;
    found.push(batches[i]!);
  }
  return found;
}

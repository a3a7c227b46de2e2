// One fetch while it is answered: reads its partitions, and where there is too little, waits until a log has moved and
// reads on from where it was. Nothing polls. What was read stays read, so a long wait costs no more than a short one.
import type { Clock } from '../kernel/clock.ts';
import { createLatch, type Latch } from '../kernel/latch.ts';
import type { PartitionLog, ReadOptions, ReadResult } from '../log/partition-log.ts';
import type { ErrorName } from '../protocol/error-code.ts';
import { readBatchHeader } from '../protocol/record-batch.ts';
import type { Tenure } from '../replication/tenure.ts';
import { errorNameOf } from './error-names.ts';

export interface AbortedTransaction {
  readonly producerId: number;
  readonly firstOffset: number;
}

/** A partition of the request; what it comes to is filled in. */
export interface PartitionRead {
  /** Null where there is none to read, and `error` says why. */
  readonly log: PartitionLog | null;
  /** In which the log is read: its end ends the wait. */
  readonly tenure: Tenure;
  readonly bytesMax: number;
  /** What a follower that hands records to consumers knows: it is told at once when it has more. Infinite for others. */
  readonly knownHighWatermark: number;
  error: ErrorName;
  /** Something about it is to be said at once. */
  endsWait: boolean;
  nextOffset: number;
  bytes: number;
  readonly records: Uint8Array[];
  readonly aborted: AbortedTransaction[];
  /** Nothing of it is to be read this time, for the throttle. */
  readonly isHeld: boolean;
  /** Whether the log may have more than was read. */
  moved: boolean;
}

export interface PendingFetch {
  readonly reads: readonly PartitionRead[];
  readonly bytesMax: number;
  readonly bytesMin: number;
  readonly waitMsMax: number;
  readonly isolation: ReadOptions['isolation'];
}

export interface WaitOptions {
  readonly clock: Clock;
  readonly signal: AbortSignal | undefined;
  /** Ends the wait when the node closes. */
  readonly onClose: (listener: () => void) => () => void;
}

/**
 * Resolves when there is enough, when something is wrong with a partition that is read, when none can be read, or when the
 * time is up. Rejects when aborted.
 */
export async function completeFetch(fetch: PendingFetch, options: WaitOptions): Promise<void> {
  await readMoved(fetch);
  if (!isComplete(fetch) && fetch.waitMsMax > 0) await waitForMore(fetch, options);
}

const bytesOf = ({ reads }: PendingFetch): number => reads.reduce((sum, { bytes }) => sum + bytes, 0);

function isComplete(fetch: PendingFetch): boolean {
  const bytes = bytesOf(fetch);
  return (
    fetch.reads.every(({ log }) => log === null) ||
    bytes >= Math.min(fetch.bytesMin, fetch.bytesMax) ||
    fetch.reads.some((read) => read.endsWait || hasStaleHighWatermark(read))
  );
}

/** It counts only as far as the follower has the log: one that is behind learns of it by its records (KIP-392). */
const hasStaleHighWatermark = ({ log, knownHighWatermark, nextOffset }: PartitionRead): boolean =>
  log !== null && knownHighWatermark < Math.min(log.highWatermark, nextOffset);

async function readMoved(fetch: PendingFetch): Promise<void> {
  let total = bytesOf(fetch);
  for (const read of fetch.reads) {
    if (!read.moved || read.isHeld || read.log === null) continue;
    // A batch larger than what is asked for comes as the only one, or its reader would never get past it (KIP-74).
    const room = Math.min(read.bytesMax - read.bytes, fetch.bytesMax - total);
    if (total > 0 && room <= 0) continue;
    read.moved = false;
    const asked: ReadOptions = {
      from: read.nextOffset,
      maxBytes: Math.max(room, 0),
      atLeastOne: total === 0,
      isolation: fetch.isolation,
    };
    try {
      // Nothing is awaited for what is in memory, or a consumer of many quiet partitions would cost a turn for each.
      total += take(read, read.log.readCached(asked) ?? (await read.log.read(asked)));
    } catch (error) {
      read.error = errorNameOf(error);
      read.endsWait = true;
    }
  }
}

/** @returns how many bytes there were */
function take(read: PartitionRead, { records, abortedTransactions }: ReadResult): number {
  const last = records.at(-1);
  if (last === undefined) return 0;
  // A transaction that began in what was read before was listed with it: librdkafka skips what follows one listed twice.
  const listedTo = read.records.length > 0 ? read.nextOffset : 0;
  for (const aborted of abortedTransactions ?? []) if (aborted.firstOffset >= listedTo) read.aborted.push(aborted);
  let bytes = 0;
  for (const batch of records) {
    bytes += batch.length;
    read.records.push(batch);
  }
  read.bytes += bytes;
  read.nextOffset = readBatchHeader(last).lastOffset + 1;
  return bytes;
}

const boundOf = {
  readCommitted: 'lastStableOffset',
  readUncommitted: 'highWatermark',
  logEnd: 'logEndOffset',
} as const;

async function waitForMore(fetch: PendingFetch, { clock, signal, onClose }: WaitOptions): Promise<void> {
  let over = false;
  let woken: Latch<void> = createLatch();
  const end = () => {
    over = true;
    woken.resolve();
  };
  const stops = [onClose(end)];
  const timer = clock.after(fetch.waitMsMax, end);
  signal?.addEventListener('abort', end, { once: true });
  for (const read of fetch.reads) {
    if (read.log === null) continue;
    const { log } = read;
    const moved = () => {
      read.moved = true;
      woken.resolve();
    };
    stops.push(
      read.tenure.onEnd(() => {
        read.endsWait = true;
        woken.resolve();
      }),
    );
    if (read.isHeld) continue;
    stops.push(fetch.isolation === 'logEnd' ? log.onWritten(moved) : log.onAdvance(moved));
    if (Number.isFinite(read.knownHighWatermark)) stops.push(log.onAdvance(() => woken.resolve()));
    if (log[boundOf[fetch.isolation]] > read.nextOffset) moved(); // it moved before anyone listened
  }
  try {
    while (!over && !isComplete(fetch)) {
      await woken.promise;
      woken = createLatch();
      if (!over) await readMoved(fetch);
    }
  } finally {
    timer.cancel();
    signal?.removeEventListener('abort', end);
    for (const stop of stops) stop();
  }
  signal?.throwIfAborted();
}

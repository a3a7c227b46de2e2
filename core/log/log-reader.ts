// Reading whole batches as they are stored: from the newest ones in memory, at once, or from disk a page at a time. No
// record is decoded, so the answer may begin before what was asked for, and aborted transactions are listed, not left out.
//
// Measured for 64 KiB batches in the page cache: pages of 1 MiB 1.0 to 1.6 GB/s, a `get` a batch 0.6, `getSync` 3.4. But
// getSync holds up every other partition while the disk turns, and needs the key of the next batch; a page doesn't.
import { isFault } from '../kernel/fault.ts';
import type { Records } from '../protocol/transport.ts';
import { isDamage } from '../storage/failure-reason.ts';
import type { Entry } from '../storage/storage.ts';
import { batchKey, keyOffset } from './keyspace.ts';
import type { LogCore, ReadIsolation } from './log-core.ts';
import { storedBatch } from './stored-batch.ts';

export interface ReadOptions {
  /** First offset wanted; a batch that begins before it is returned whole. */
  readonly from: number;
  /** In bytes: no batch is cut, so fewer may come. */
  readonly maxBytes: number;
  readonly isolation: ReadIsolation;
  /** Whether the first batch comes even if it is larger than `maxBytes`. Default true. */
  readonly atLeastOne?: boolean;
}

export interface ReadResult {
  /** Whole batches, up to the high watermark, read committed up to the last stable offset, for followers all. */
  readonly records: Records;
  /** What a read-committed reader must skip in them; null for others. */
  readonly abortedTransactions: readonly { readonly producerId: number; readonly firstOffset: number }[] | null;
}

/** Of tiny ones; a fetch that wants more comes again. */
const batchesMax = 16_384;
const verifyBytes = 1 << 20;

export function readCached(core: LogCore, read: ReadOptions): ReadResult | null {
  const { from, maxBytes, isolation, atLeastOne = true } = read;
  const { state, status } = core;
  if (status === 'closed') core.assertUsable();
  if (from < state.logStartOffset || from > state.writtenOffset)
    throw core.refuse('OFFSET_OUT_OF_RANGE', `${from} is not from ${state.logStartOffset} to ${state.writtenOffset}`);
  const end = core.boundOf(isolation);
  if (from >= end) return answer(core, read, from, []);
  const found = core.cache.read(from, end, maxBytes, atLeastOne);
  if (found === null) return null;
  const records = found.map(({ bytes }) => bytes);
  return answer(core, read, (found.at(-1)?.lastOffset ?? -1) + 1, records);
}

/**
 * Whole batches whose checksums are right, up to the first that is damaged.
 *
 * @throws Fault `LOG_REFUSED` with CORRUPT_MESSAGE where that is the first of all
 */
export async function readStored(core: LogCore, read: ReadOptions): Promise<ReadResult> {
  const { from, maxBytes, isolation, atLeastOne = true } = read;
  const end = core.boundOf(isolation);
  const { state } = core;
  const entries = await pageOf(core, { from, end, bytesMax: Math.max(maxBytes, 1), limit: batchesMax });
  // What was aborted there is forgotten with the records, of which the page may still have some.
  if (core.state !== state) throw core.refuse('NOT_LEADER_OR_FOLLOWER', 'the log was read back meanwhile');
  if (from < state.logStartOffset)
    throw core.refuse('OFFSET_OUT_OF_RANGE', `${from} is before ${state.logStartOffset}, where the log begins by now`);
  const records: Uint8Array[] = [];
  let left = maxBytes;
  let nextOffset = from;
  for (const entry of entries) {
    const [key, bytes] = entry;
    left -= bytes.length;
    if (left < 0 && !(atLeastOne && records.length === 0)) break;
    try {
      storedBatch(entry);
    } catch (error) {
      if (!isFault(error, 'BATCH_DAMAGED')) throw error;
      const refused = core.damaged(error.detail.offset, error.detail.what);
      if (records.length === 0) throw refused;
      break;
    }
    records.push(bytes);
    nextOffset = keyOffset(key) + 1;
  }
  return answer(core, read, nextOffset, records);
}

interface Page {
  readonly from: number;
  readonly end: number;
  readonly bytesMax: number;
  readonly limit: number;
}

/** LevelDB may find by itself that a block is damaged; then what stands before it is read a batch at a time. */
async function pageOf(core: LogCore, { from, end, bytesMax, limit }: Page): Promise<Entry[]> {
  const range = { gte: batchKey(from), lt: batchKey(end) };
  try {
    return await core.storage.scanPage({ ...range, bytesMax, limit });
  } catch (error) {
    if (!isDamage(error)) throw error;
    if (limit > 1) return pageOf(core, { from, end, bytesMax, limit: 1 });
    throw core.damaged(from, (error as Error).message);
  }
}

/**
 * Looks at what is stored from `from` on, a page of it, whether it is what was written; what isn't is reported.
 *
 * @returns where to go on, null at the end; and how much was read
 */
export async function verifyStored(core: LogCore, from: number): Promise<{ next: number | null; bytes: number }> {
  const start = Math.max(from, core.state.logStartOffset);
  const end = core.state.writtenOffset;
  if (start >= end) return { next: null, bytes: 0 };
  const page = await pageOf(core, { from: start, end, bytesMax: verifyBytes, limit: batchesMax });
  let bytes = 0;
  for (const entry of page) {
    bytes += entry[1].length;
    try {
      storedBatch(entry);
    } catch (error) {
      if (!isFault(error, 'BATCH_DAMAGED')) throw error;
      // One that went meanwhile is no concern of anybody's.
      if (error.detail.offset >= core.state.logStartOffset) core.damaged(error.detail.offset, error.detail.what);
    }
  }
  const last = page.at(-1);
  return { next: last === undefined ? null : keyOffset(last[0]) + 1, bytes };
}

/** What reads batches in other ways finds damage as well. */
export async function reportingDamage<T>(core: LogCore, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (isFault(error, 'BATCH_DAMAGED')) throw core.damaged(error.detail.offset, error.detail.what);
    throw error;
  }
}

function answer({ state }: LogCore, { from, isolation }: ReadOptions, end: number, records: Records): ReadResult {
  if (isolation !== 'readCommitted') return { records, abortedTransactions: null };
  const aborted = records.length === 0 ? [] : state.transactions.abortedIn(from, end);
  return { records, abortedTransactions: aborted.map(({ producerId, firstOffset }) => ({ producerId, firstOffset })) };
}

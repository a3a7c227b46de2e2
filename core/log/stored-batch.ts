// A batch as it comes back from disk. A disk may give back other bytes than it was given, so a batch is looked at before
// anything is made of it: by its checksum, and, because that leaves the base offset out, by the key that it is stored under.
// Nobody may hand on a batch read from storage that has not been through here.
import { Fault, isFault } from '../kernel/fault.ts';
import { type BatchHeader, readBatchHeader, verifyBatch } from '../protocol/record-batch.ts';
import { isDamage } from '../storage/failure-reason.ts';
import type { Entry } from '../storage/storage.ts';
import { keyOffset } from './keyspace.ts';

export interface StoredBatch {
  readonly header: BatchHeader;
  readonly bytes: Uint8Array;
}

/**
 * @param trust 'header': whether the records are whole isn't looked at
 * @throws Fault `BATCH_DAMAGED`
 */
export function storedBatch([key, bytes]: Entry, trust: 'nothing' | 'header' = 'nothing'): StoredBatch {
  const offset = keyOffset(key);
  try {
    if (trust === 'nothing') verifyBatch(bytes);
    const header = readBatchHeader(bytes);
    if (header.lastOffset === offset) return { header, bytes };
    throw new Fault('BATCH_DAMAGED', { offset, what: `it says that it ends at ${header.lastOffset}` });
  } catch (error) {
    if (!(error instanceof Fault) || (error.code !== 'CORRUPT_BATCH' && error.code !== 'MALFORMED_BYTES')) throw error;
    throw new Fault('BATCH_DAMAGED', { offset, what: error.message }, error);
  }
}

/** What a log failed with, or what kept it from being opened, is that its disk gives back what nobody wrote: no waiting heals it. */
export function isDamaged(error: unknown): boolean {
  if (isFault(error, 'LOG_REFUSED')) return isDamaged(error.cause);
  return isDamage(error) || isFault(error, 'PARTITION_DAMAGED') || isFault(error, 'BATCH_DAMAGED');
}

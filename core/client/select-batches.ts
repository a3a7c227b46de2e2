// Of the bytes that a fetch brings, the batches that a consumer may see: whole data batches, in read committed without
// those of aborted transactions. Pure; reads headers and control records, never a data record.
import { readControlRecord } from '../protocol/control-record.ts';
import { readBatchHeader, splitBatches, verifyBatch } from '../protocol/record-batch.ts';
import { RecordCursor } from '../protocol/record-cursor.ts';
import type { Records } from '../protocol/transport.ts';

export interface SelectedBatches {
  readonly batches: Uint8Array[];
  /** Where to fetch next: past everything that was there, seen or not. */
  readonly nextOffset: number;
  /** Of the last batch; -1: there was none. */
  readonly lastEpoch: number;
  readonly sizeBytes: number;
}

export interface SelectOptions {
  readonly fetchOffset: number;
  /** As the fetch answered; null in read uncommitted. */
  readonly abortedTransactions: readonly { readonly producerId: number; readonly firstOffset: number }[] | null;
  readonly checkCrcs: boolean;
}

/** After Kafka's CompletedFetch.nextFetchedRecord. @throws Fault `CORRUPT_BATCH` */
export function selectBatches(records: Records, options: SelectOptions): SelectedBatches {
  const { fetchOffset, abortedTransactions, checkCrcs } = options;
  const upcoming = [...(abortedTransactions ?? [])].sort((a, b) => a.firstOffset - b.firstOffset);
  const aborted = new Set<number>();
  const batches: Uint8Array[] = [];
  let nextOffset = fetchOffset;
  let lastEpoch = -1;
  let sizeBytes = 0;
  for (const piece of records) {
    for (const batch of splitBatches(piece)) {
      if (checkCrcs) verifyBatch(batch);
      const { lastOffset, leaderEpoch, producerId, isControl, isTransactional, recordCount } = readBatchHeader(batch);
      sizeBytes += batch.length;
      while (upcoming.length > 0 && upcoming[0]!.firstOffset <= lastOffset) aborted.add(upcoming.shift()!.producerId);
      if (isControl && aborted.has(producerId) && endsInAbort(batch)) aborted.delete(producerId);
      if (lastOffset < nextOffset) continue;
      nextOffset = lastOffset + 1;
      lastEpoch = leaderEpoch;
      if (!isControl && recordCount > 0 && !(isTransactional && aborted.has(producerId))) batches.push(batch);
    }
  }
  return { batches, nextOffset, lastEpoch, sizeBytes };
}

function endsInAbort(batch: Uint8Array): boolean {
  const cursor = new RecordCursor();
  cursor.open(batch);
  const key = cursor.next() ? cursor.key() : null;
  return key !== null && readControlRecord(key) === 'abort';
}

// Finding stored batches: by offset, in order, and by time. Works on storage keys and batch headers alone; a batch is
// decoded only to find the one record that a time asks for.
import type { BatchHeader } from '../protocol/record-batch.ts';
import { RecordCursor } from '../protocol/record-cursor.ts';
import type { Storage } from '../storage/storage.ts';
import { batchesEnd, batchKey, keyOffset } from './keyspace.ts';
import type { SpanIndex } from './span-index.ts';
import { type StoredBatch, storedBatch } from './stored-batch.ts';

export interface FoundRecord {
  readonly offset: number;
  readonly timestampMs: number;
  readonly leaderEpoch: number;
}

const pageBytes = 1 << 20;
const pageBatchesMax = 8_192;

/**
 * Batches whose last offset is in [from, end), a page at a time. Each page is read as the log is at that moment.
 *
 * @param trust 'header': only what the header says is used, and whether the rest is whole isn't looked at
 * @throws Fault `BATCH_DAMAGED`
 */
export async function* batchPages(
  storage: Storage,
  from: number,
  end = Number.POSITIVE_INFINITY,
  { bytesMax = pageBytes, trust = 'nothing' }: { bytesMax?: number; trust?: 'nothing' | 'header' } = {},
): AsyncGenerator<StoredBatch[]> {
  const lt = Number.isFinite(end) ? batchKey(end) : batchesEnd;
  for (let next = from; next < end; ) {
    const page = await storage.scanPage({ gte: batchKey(next), lt, bytesMax, limit: pageBatchesMax });
    if (page.length === 0) return;
    const batches = page.map((entry) => storedBatch(entry, trust));
    next = keyOffset(page.at(-1)![0]) + 1;
    yield batches;
  }
}

/** The first batch that ends at or after `from` and has a record, or only claims to, at or after `timestampMs`. */
export async function firstBatchAt(
  storage: Storage,
  spans: SpanIndex,
  timestampMs: number,
  from: number,
): Promise<StoredBatch | null> {
  for (const span of spans.from(from)) {
    if (span.maxTimestampMs < timestampMs) continue;
    for await (const page of batchPages(storage, Math.max(span.baseOffset, from), span.lastOffset + 1))
      for (const batch of page) if (batch.header.maxTimestampMs >= timestampMs) return batch;
  }
  return null;
}

/** The first record at or after a time; not the one with the smallest time that is (Kafka's ListOffsets). */
export async function firstRecordAt(
  storage: Storage,
  spans: SpanIndex,
  timestampMs: number,
  logStartOffset: number,
): Promise<FoundRecord | null> {
  const cursor = new RecordCursor();
  for (let from = logStartOffset; ; ) {
    const batch = await firstBatchAt(storage, spans, timestampMs, from);
    if (batch === null) return null;
    cursor.open(batch.bytes);
    while (cursor.next())
      if (cursor.timestampMs >= timestampMs && cursor.offset >= logStartOffset) return foundAt(cursor, batch.header);
    from = batch.header.lastOffset + 1;
  }
}

/** The first of the records with the largest time. */
export async function newestRecord(
  storage: Storage,
  spans: SpanIndex,
  logStartOffset: number,
): Promise<FoundRecord | null> {
  // What a span claims can be more than what is left in it, so the newest claim is tried first and may lose to the next.
  const claims = [...spans.all()].sort((a, b) => b.maxTimestampMs - a.maxTimestampMs || a.baseOffset - b.baseOffset);
  let newest: FoundRecord | null = null;
  for (const span of claims) {
    if (newest !== null && span.maxTimestampMs < newest.timestampMs) break;
    const found = await newestInSpan(storage, span.baseOffset, span.lastOffset + 1, logStartOffset);
    if (found === null || (newest !== null && found.timestampMs < newest.timestampMs)) continue;
    if (newest === null || found.timestampMs > newest.timestampMs || found.offset < newest.offset) newest = found;
  }
  return newest;
}

async function newestInSpan(
  storage: Storage,
  base: number,
  end: number,
  logStartOffset: number,
): Promise<FoundRecord | null> {
  const cursor = new RecordCursor();
  let newest: FoundRecord | null = null;
  for await (const page of batchPages(storage, base, end)) {
    for (const { header, bytes } of page) {
      if (newest !== null && header.maxTimestampMs <= newest.timestampMs) continue;
      cursor.open(bytes);
      while (cursor.next()) {
        const isNewer = newest === null || cursor.timestampMs > newest.timestampMs;
        if (isNewer && cursor.offset >= logStartOffset) newest = foundAt(cursor, header);
      }
    }
  }
  return newest;
}

const foundAt = (cursor: RecordCursor, header: BatchHeader): FoundRecord => ({
  offset: cursor.offset,
  timestampMs: cursor.timestampMs,
  leaderEpoch: header.leaderEpoch,
});

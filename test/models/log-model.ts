// The model that the log is compared with: a plain array of batches, and rules a page long. Nothing is indexed and nothing
// is fast. What compaction takes is judged, not computed: see checkCompaction().
import type { ReadRecord } from '../core/log/fixtures.ts';

export interface ModelBatch {
  baseOffset: number;
  lastOffset: number;
  records: ReadRecord[];
  maxTimestampMs: number;
  sizeBytes: number;
  producerId: number;
  isTransactional: boolean;
  /** Of a control batch. */
  marker: 'commit' | 'abort' | null;
  /** Of data in a transaction: the offset of the marker that ended it. */
  decidedAt: number;
}

export interface ModelProducer {
  epoch: number;
  nextSequence: number;
  transactionFirstOffset: number;
  /** The last five, newest last. */
  sent: { bytes: Uint8Array; baseOffset: number; lastOffset: number }[];
}

export class LogModel {
  batches: ModelBatch[] = [];
  logStartOffset = 0;
  nextOffset = 0;
  /** The high watermark when the log was last compacted; what is below is never cut off. */
  compactedTo = 0;
  readonly producers = new Map<number, ModelProducer>();
  aborted: { producerId: number; firstOffset: number; lastOffset: number }[] = [];

  get lastStableOffset(): number {
    let stable = this.nextOffset;
    for (const { transactionFirstOffset: first } of this.producers.values())
      if (first >= 0) stable = Math.min(stable, first);
    return Math.max(stable, this.logStartOffset);
  }

  /** Records that a consumer gets from `from` on. */
  visible(from: number, isolation: 'readUncommitted' | 'readCommitted'): ReadRecord[] {
    const end = isolation === 'readCommitted' ? this.lastStableOffset : this.nextOffset;
    return this.batches
      .filter((batch) => batch.marker === null && batch.lastOffset < end)
      .filter((batch) => isolation === 'readUncommitted' || !this.isAborted(batch))
      .flatMap((batch) => batch.records)
      .filter(({ offset }) => offset >= from);
  }

  isAborted({ isTransactional, producerId, baseOffset }: ModelBatch): boolean {
    return (
      isTransactional &&
      this.aborted.some((t) => t.producerId === producerId && t.firstOffset <= baseOffset && baseOffset < t.lastOffset)
    );
  }

  decide(producerId: number, markerOffset: number): void {
    for (const batch of this.batches)
      if (batch.producerId === producerId && batch.decidedAt === Number.POSITIVE_INFINITY)
        batch.decidedAt = markerOffset;
  }

  recordAt(timestampMs: number): { offset: number; timestampMs: number } | null {
    const records = this.batches.flatMap((batch) => batch.records);
    const found = records.find((r) => r.offset >= this.logStartOffset && r.timestampMs >= timestampMs);
    return found === undefined ? null : { offset: found.offset, timestampMs: found.timestampMs };
  }

  newest(): { offset: number; timestampMs: number } | null {
    let newest: ReadRecord | null = null;
    for (const record of this.batches.flatMap((batch) => batch.records))
      if (record.offset >= this.logStartOffset && (newest === null || record.timestampMs > newest.timestampMs))
        newest = record;
    return newest === null ? null : { offset: newest.offset, timestampMs: newest.timestampMs };
  }

  deleteBefore(offset: number): void {
    if (offset <= this.logStartOffset) return;
    this.logStartOffset = offset;
    this.batches = this.batches.filter((batch) => batch.lastOffset >= offset);
    this.aborted = this.aborted.filter((t) => t.lastOffset >= offset);
  }

  truncateTo(offset: number): void {
    if (offset >= this.nextOffset) return;
    this.batches = this.batches.filter((batch) => batch.lastOffset < offset);
    this.aborted = this.aborted.filter((t) => t.lastOffset < offset);
    this.nextOffset = Math.max(offset, this.logStartOffset);
    for (const batch of this.batches) if (batch.decidedAt >= offset) batch.decidedAt = Number.POSITIVE_INFINITY;
    // What producers had sent is known to the log only as far as batches are left; a new epoch begins anew for both.
    for (const [producerId, producer] of this.producers) {
      const own = this.batches.filter((b) => b.producerId === producerId && b.isTransactional && b.marker === null);
      producer.transactionFirstOffset = own.find((b) => b.decidedAt >= offset)?.baseOffset ?? -1;
      producer.epoch++;
      producer.nextSequence = 0;
      producer.sent = [];
    }
  }

  retain(nowMs: number, retentionMs: number, retentionBytes: number): void {
    let start = this.logStartOffset;
    let bytes = this.batches.reduce((sum, batch) => sum + batch.sizeBytes, 0);
    let isHead = true;
    for (const batch of this.batches) {
      if (!isHead || batch.maxTimestampMs >= nowMs - retentionMs) isHead = false;
      const isExcess = bytes - batch.sizeBytes >= retentionBytes;
      if (!isHead && !isExcess) {
        start = Math.max(start, batch.baseOffset);
        break;
      }
      bytes -= batch.sizeBytes;
      start = batch.lastOffset + 1;
    }
    if (this.batches.every((batch) => batch.lastOffset < start)) start = this.nextOffset;
    this.deleteBefore(start);
  }

  /**
   * Whether compaction may have left `left` (raw batches): nothing is new, moved or altered; what is gone is superseded, a
   * tombstone, keyless, or of an aborted transaction. Takes `left` over.
   */
  checkCompaction(left: ModelBatch[]): string[] {
    const wrong: string[] = [];
    this.compactedTo = this.nextOffset;
    const known = new Map(this.batches.map((batch) => [batch.lastOffset, batch]));
    const kept = new Set(left.flatMap((batch) => batch.records.map(({ offset }) => offset)));
    const live = this.batches.filter((batch) => batch.marker === null && !this.isAborted(batch));
    const newest = new Map<string, number>();
    for (const { key, offset } of live.flatMap((batch) => batch.records)) if (key !== null) newest.set(key, offset);
    for (const batch of left) {
      const before = known.get(batch.lastOffset);
      if (before === undefined) {
        wrong.push(`batch to ${batch.lastOffset} was not there`);
        continue;
      }
      if (before.baseOffset !== batch.baseOffset) wrong.push(`batch to ${batch.lastOffset} begins elsewhere`);
      for (const record of batch.records) {
        const same = before.records.find(({ offset }) => offset === record.offset);
        if (JSON.stringify(same) !== JSON.stringify(record)) wrong.push(`record ${record.offset} has changed`);
      }
    }
    for (const { key, offset, value } of live.flatMap((batch) => batch.records))
      if (!kept.has(offset) && key !== null && value !== null && newest.get(key) === offset)
        wrong.push(`record ${offset}, the newest of ${key}, is gone`);
    this.batches = left;
    return wrong;
  }
}

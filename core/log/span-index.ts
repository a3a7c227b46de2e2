// Sizes and newest times of runs of batches ("spans", about 1 MiB each), in memory: enough to find where a time or a size
// begins without an index entry a batch, and as small as 32 MiB for a partition of a terabyte. What a span says is an
// upper bound after compaction has failed half way, and exact otherwise. Checkpoints keep the spans in chunks.
import type { ByteReader } from '../kernel/byte-reader.ts';
import type { ByteWriter } from '../kernel/byte-writer.ts';
import type { BatchHeader } from '../protocol/record-batch.ts';

export interface Span {
  readonly baseOffset: number;
  lastOffset: number;
  bytes: number;
  maxTimestampMs: number;
}

export interface SpanIndex {
  /** Of all batches. */
  readonly bytes: number;
  add(batch: BatchHeader): void;
  /** The next batch begins a span. */
  seal(): void;
  all(): readonly Span[];
  /** Spans that end at or after `offset`. */
  from(offset: number): readonly Span[];
  /** Forgets what lies wholly below `offset`; `cutBytes` is what the span that holds it loses. */
  dropBefore(offset: number, cutBytes: number): void;
  /** Puts `spans` in place of what lies below `end`; `cutBytes` is what the span that holds `end` loses. */
  replaceBefore(end: number, spans: readonly Span[], cutBytes: number): void;
}

/** @param spanBytes from which on a span takes no further batch */
export function createSpanIndex(spanBytes: number, initial: readonly Span[] = []): SpanIndex {
  let spans: Span[] = [...initial];
  let bytes = initial.reduce((sum, span) => sum + span.bytes, 0);
  let isOpen = false;

  function lowerBound(offset: number): number {
    let low = 0;
    let high = spans.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (spans[middle]!.lastOffset < offset) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  function replaceBefore(end: number, replacement: readonly Span[], cutBytes: number): void {
    const kept = spans.slice(lowerBound(end));
    const [held, ...rest] = kept;
    if (held !== undefined && held.baseOffset < end)
      kept.splice(0, 1, { ...held, baseOffset: end, bytes: held.bytes - cutBytes });
    if (held !== undefined && rest.length === 0 && held.baseOffset < end) isOpen = false;
    if (kept.length === 0) isOpen = false;
    spans = [...replacement, ...kept];
    bytes = spans.reduce((sum, span) => sum + span.bytes, 0);
  }

  return {
    get bytes() {
      return bytes;
    },
    add({ baseOffset, lastOffset, sizeBytes, maxTimestampMs }) {
      const span = spans.at(-1);
      bytes += sizeBytes;
      if (!isOpen || span === undefined || span.bytes >= spanBytes) {
        spans.push({ baseOffset, lastOffset, bytes: sizeBytes, maxTimestampMs });
        isOpen = true;
        return;
      }
      span.lastOffset = lastOffset;
      span.bytes += sizeBytes;
      if (maxTimestampMs > span.maxTimestampMs) span.maxTimestampMs = maxTimestampMs;
    },
    seal() {
      isOpen = false;
    },
    all: () => spans,
    from: (offset) => spans.slice(lowerBound(offset)),
    dropBefore: (offset, cutBytes) => replaceBefore(offset, [], cutBytes),
    replaceBefore,
  };
}

export function encodeSpans(writer: ByteWriter, spans: readonly Span[]): void {
  writer.int32(spans.length);
  for (const span of spans) {
    writer.int64(span.baseOffset);
    writer.int64(span.lastOffset);
    writer.int64(span.bytes);
    writer.int64(span.maxTimestampMs);
  }
}

export function decodeSpans(reader: ByteReader): Span[] {
  const spans: Span[] = [];
  for (let left = reader.int32(); left > 0; left--) {
    const baseOffset = reader.int64();
    const lastOffset = reader.int64();
    const bytes = reader.int64();
    spans.push({ baseOffset, lastOffset, bytes, maxTimestampMs: reader.int64() });
  }
  return spans;
}

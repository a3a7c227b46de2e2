// Which batches age and size let go: whole ones, from the head on, and none above the high watermark (Kafka's
// UnifiedLog.deleteOldSegments, with a batch where Kafka has a segment).
import type { Storage } from '../storage/storage.ts';
import { batchPages, firstBatchAt } from './batch-lookup.ts';
import type { LogConfig } from './log-config.ts';
import type { LogState } from './log-state.ts';

export interface RetentionOptions {
  readonly storage: Storage;
  readonly state: LogState;
  readonly config: Pick<LogConfig, 'retentionMs' | 'retentionBytes'>;
  readonly nowMs: number;
}

/** Where the log begins when retention is done; not before where it begins already. */
export async function retainedFrom(options: RetentionOptions): Promise<number> {
  const { logStartOffset, highWatermark } = options.state;
  const start = Math.max(await youngFrom(options), await smallFrom(options));
  return Math.max(logStartOffset, Math.min(start, highWatermark));
}

async function youngFrom({ storage, state, config, nowMs }: RetentionOptions): Promise<number> {
  const { logStartOffset, highWatermark, spans, head } = state;
  const youngMs = nowMs - config.retentionMs;
  if (youngMs === Number.NEGATIVE_INFINITY) return logStartOffset;
  if (spans.bytes === 0) return highWatermark;
  if (head?.offset === logStartOffset && head.maxTimestampMs >= youngMs) return logStartOffset;
  const young = await firstBatchAt(storage, spans, youngMs, logStartOffset);
  if (young === null) return highWatermark;
  const offset = Math.max(young.header.baseOffset, logStartOffset);
  state.head = { offset, maxTimestampMs: young.header.maxTimestampMs };
  return offset;
}

async function smallFrom({ storage, state, config }: RetentionOptions): Promise<number> {
  const { logStartOffset, spans } = state;
  let excess = spans.bytes - config.retentionBytes;
  if (excess <= 0) return logStartOffset;
  for (const span of spans.all()) {
    if (span.bytes <= excess) {
      excess -= span.bytes;
      continue;
    }
    for await (const page of batchPages(storage, span.baseOffset, span.lastOffset + 1, { trust: 'header' })) {
      for (const { header } of page) {
        if (header.sizeBytes > excess) return header.baseOffset;
        excess -= header.sizeBytes;
      }
    }
    return span.lastOffset + 1;
  }
  return state.writtenOffset;
}

/** Bytes of the batches that end below `offset`, in the span that holds it. */
export async function bytesCutBy(storage: Storage, state: LogState, offset: number): Promise<number> {
  const [span] = state.spans.from(offset);
  if (span === undefined || span.baseOffset >= offset) return 0;
  let bytes = 0;
  for await (const page of batchPages(storage, span.baseOffset, offset, { trust: 'header' }))
    for (const { header } of page) bytes += header.sizeBytes;
  return bytes;
}

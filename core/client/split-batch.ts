// A batch that a log found too large, as batches of fewer records. The only place where the client reads what it wrote,
// and only after a refusal.
import { BatchBuilder } from '../protocol/batch-builder.ts';
import { batchHeaderBytes } from '../protocol/record-batch.ts';
import { RecordCursor } from '../protocol/record-cursor.ts';
import { isTransactionalBatch, type Reply, type SealedBatch } from './partition-queue.ts';

const partsMax = 2;

/** Two halves by record count, in order; the caller puts them in the batch's place. */
export function splitBatch(batch: SealedBatch): SealedBatch[] {
  const cursor = new RecordCursor();
  const builder = new BatchBuilder({ compression: batch.queue.codec });
  const parts: SealedBatch[] = [];
  let firstIndex = 0;
  cursor.open(batch.bytes);
  while (cursor.next()) {
    builder.append(cursor.timestampMs, cursor.key(), cursor.value(), cursor.headers());
    const isLast = firstIndex + builder.recordCount === batch.recordCount;
    if (!isLast && builder.recordCount < Math.ceil(batch.recordCount / partsMax)) continue;
    const bytes = builder.build({ isTransactional: isTransactionalBatch(batch) });
    parts.push({
      ...batch,
      bytes,
      header: bytes.slice(0, batchHeaderBytes),
      recordCount: builder.recordCount,
      bufferedBytes: builder.sizeBytes,
      stampedId: -1,
      stampedEpoch: -1,
      stampedSequence: -1,
      sends: 0,
      number: -1,
      inFlight: false,
      replies: repliesOf(batch.replies, firstIndex, builder.recordCount),
    });
    firstIndex += builder.recordCount;
    builder.reset();
  }
  for (const waiter of batch.flushes ?? []) waiter.left += parts.length - 1;
  return parts;
}

function repliesOf(replies: readonly Reply[] | null, first: number, count: number): readonly Reply[] | null {
  const own = replies?.filter(({ index }) => index >= first && index < first + count) ?? [];
  return own.length === 0 ? null : own.map((reply) => ({ ...reply, index: reply.index - first }));
}

/** The key of a batch's only record as a person reads it; undefined where it has none or isn't printable. */
export function printableKey(batch: SealedBatch): string | undefined {
  const cursor = new RecordCursor();
  cursor.open(batch.bytes);
  const key = cursor.next() ? cursor.key() : null;
  return key === null ? undefined : printable(key);
}

/** `bytes` as quoted text when they are short printable UTF-8. */
export function printable(bytes: Uint8Array): string | undefined {
  if (bytes.length > 200) return undefined;
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    return /^[^\p{C}]*$/u.test(text) ? `'${text}'` : undefined;
  } catch {
    return undefined;
  }
}

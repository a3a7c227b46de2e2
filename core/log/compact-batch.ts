// One batch under compaction: which of its records stay, and the batch that is left. Offsets, times and the batch's last
// offset never change, so a consumer's position and the key of the stored batch stay right.
import { BatchBuilder } from '../protocol/batch-builder.ts';
import type { BatchHeader } from '../protocol/record-batch.ts';
import { RecordCursor } from '../protocol/record-cursor.ts';

const cursor = new RecordCursor();

/** A record's key as a map takes it: one character a byte. */
export const keyText = (key: Uint8Array): string =>
  Buffer.from(key.buffer, key.byteOffset, key.length).toString('latin1');

export interface KeepRules {
  /** The newest offset of each key in the part that is being compacted for the first time. */
  readonly newest: ReadonlyMap<string, number>;
  /** Tombstones below it have been there for their time. */
  readonly tombstonesEnd: number;
}

export interface CompactedBatch {
  /** The batch that is left: the very same if nothing went, null if nothing is left. */
  readonly bytes: Uint8Array | null;
  readonly hasTombstone: boolean;
}

/** @throws Fault `CORRUPT_BATCH`, `UNSUPPORTED_COMPRESSION` */
export function compactBatch(bytes: Uint8Array, header: BatchHeader, rules: KeepRules): CompactedBatch {
  let kept = 0;
  let hasTombstone = false;
  cursor.open(bytes);
  while (cursor.next()) {
    if (!stays(rules)) continue;
    kept++;
    if (cursor.value() === null) hasTombstone = true;
  }
  if (kept === header.recordCount && kept > 0) return { bytes, hasTombstone };
  return { bytes: kept === 0 ? null : rebuild(bytes, header, rules), hasTombstone };
}

/** Whether the cursor's record does. Null is a tombstone; an empty value is a value like any other. */
function stays({ newest, tombstonesEnd }: KeepRules): boolean {
  const key = cursor.key();
  if (key === null) return false; // nothing could ever supersede it
  const newestOffset = newest.get(keyText(key));
  if (newestOffset !== undefined && newestOffset > cursor.offset) return false;
  return cursor.value() !== null || cursor.offset >= tombstonesEnd;
}

function rebuild(bytes: Uint8Array, header: BatchHeader, rules: KeepRules): Uint8Array {
  const builder = new BatchBuilder({ compression: header.compression });
  cursor.open(bytes);
  while (cursor.next())
    if (stays(rules)) {
      const offsetDelta = cursor.offset - header.baseOffset;
      builder.appendAt(offsetDelta, cursor.timestampMs, cursor.key(), cursor.value(), cursor.headers());
    }
  const { baseOffset, leaderEpoch, producerId, producerEpoch, baseSequence, isTransactional } = header;
  return builder.build({
    ...{ baseOffset, leaderEpoch, producerId, producerEpoch, baseSequence, isTransactional },
    lastOffsetDelta: header.lastOffset - baseOffset,
    ...(header.timestampType === 'logAppendTime' && { logAppendTimeMs: header.maxTimestampMs }),
  });
}

/**
 * A batch without records, which says how far its producer has come. It belongs to no transaction: nothing in it is to be
 * decided.
 */
export function emptied(bytes: Uint8Array, header: BatchHeader): Uint8Array {
  if (header.recordCount === 0) return bytes;
  const { baseOffset, leaderEpoch, producerId, producerEpoch, baseSequence } = header;
  const lastOffsetDelta = header.lastOffset - baseOffset;
  return new BatchBuilder().build({
    ...{ baseOffset, leaderEpoch, producerId, producerEpoch, baseSequence, lastOffsetDelta },
  });
}

/** Notes the newest offset of each of the batch's keys. @returns bytes of memory that it took, about */
export function noteKeys(bytes: Uint8Array, newest: Map<string, number>): number {
  let taken = 0;
  cursor.open(bytes);
  while (cursor.next()) {
    const key = cursor.key();
    if (key === null) continue;
    const name = keyText(key);
    if (!newest.has(name)) taken += name.length + 64;
    newest.set(name, cursor.offset);
  }
  return taken;
}

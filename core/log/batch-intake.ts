// The checks and changes that a batch goes through before it gets its offsets (Kafka's LogValidator and UnifiedLog.
// analyzeAndValidateRecords), on its header and checksum alone: records are decoded only where `compression.type` asks
// for another codec, and in markers.
import { ByteReader } from '../kernel/byte-reader.ts';
import { Fault } from '../kernel/fault.ts';
import { readControlRecord } from '../protocol/control-record.ts';
import {
  type BatchHeader,
  readBatchHeader,
  recompressBatch,
  restampBatch,
  verifyBatch,
} from '../protocol/record-batch.ts';
import { RecordCursor } from '../protocol/record-cursor.ts';
import type { LogConfig } from './log-config.ts';
import type { Marker } from './log-state.ts';
import { type Objection, objection } from './refusal.ts';

/**
 * 'client': nothing is believed. 'coordinator': batches of this node's own coordinators, which may be control batches and
 * carry no sequences. 'leader': batches as the leader of the partition has them, changed in nothing; only whether they
 * came whole is looked at.
 */
export type AppendOrigin = 'client' | 'coordinator' | 'leader';

export interface IntakeBatch {
  readonly bytes: Uint8Array;
  readonly header: BatchHeader;
}

export type Intake = IntakeBatch | { readonly objection: Objection };

/** Looks at one whole batch and makes of it what the topic stores. The result's bytes may be changed in place. */
export function takeIn(bytes: Uint8Array, origin: AppendOrigin, config: LogConfig, nowMs: number): Intake {
  try {
    if (origin !== 'coordinator') verifyBatch(bytes);
    const header = readBatchHeader(bytes);
    if (origin === 'leader') return { bytes, header };
    const found = origin === 'client' ? objectionTo(header, config, nowMs) : null;
    return found === null ? asStored(bytes, header, origin, config, nowMs) : { objection: found };
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    if (error.code === 'UNSUPPORTED_COMPRESSION')
      return { objection: objection('UNSUPPORTED_COMPRESSION_TYPE', error.message) };
    if (error.code === 'CORRUPT_BATCH' || error.code === 'MALFORMED_BYTES')
      return { objection: objection('CORRUPT_MESSAGE', error.message) };
    throw error;
  }
}

function objectionTo(header: BatchHeader, config: LogConfig, nowMs: number): Objection | null {
  const { recordCount, baseOffset, lastOffset, producerId, baseSequence } = header;
  if (header.isControl) return objection('INVALID_RECORD', 'only coordinators write control records');
  if (recordCount <= 0) return objection('INVALID_RECORD', 'a batch without records');
  if (lastOffset - baseOffset + 1 !== recordCount)
    return objection('INVALID_RECORD', `${recordCount} records for offsets ${baseOffset} to ${lastOffset}`);
  if (producerId >= 0 && (baseSequence < 0 || header.producerEpoch < 0))
    return objection('INVALID_RECORD', `producer ${producerId} without a sequence or an epoch`);
  if (header.isTransactional && producerId < 0)
    return objection('INVALID_RECORD', 'a transaction without a producer id');
  return tooLarge(header.sizeBytes, config) ?? badTime(header, config, nowMs);
}

const tooLarge = (sizeBytes: number, { maxMessageBytes }: LogConfig): Objection | null =>
  sizeBytes <= maxMessageBytes
    ? null
    : objection('MESSAGE_TOO_LARGE', `a batch of ${sizeBytes} bytes, max.message.bytes is ${maxMessageBytes}`);

/** By the two times of the header: the base time is that of the first record, not the smallest. */
function badTime(header: BatchHeader, config: LogConfig, nowMs: number): Objection | null {
  if (config.messageTimestampType === 'LogAppendTime') return null;
  const { baseTimestampMs, maxTimestampMs } = header;
  const bad = (timestampMs: number, why: string) => objection('INVALID_TIMESTAMP', `timestamp ${timestampMs} ${why}`);
  if (baseTimestampMs < 0 || maxTimestampMs < 0)
    return bad(Math.min(baseTimestampMs, maxTimestampMs), 'is before 1970');
  if (maxTimestampMs - nowMs > config.messageTimestampAfterMaxMs)
    return bad(maxTimestampMs, `is more than message.timestamp.after.max.ms after ${nowMs}`);
  if (nowMs - baseTimestampMs > config.messageTimestampBeforeMaxMs)
    return bad(baseTimestampMs, `is more than message.timestamp.before.max.ms before ${nowMs}`);
  return null;
}

function asStored(
  given: Uint8Array,
  header: BatchHeader,
  origin: AppendOrigin,
  config: LogConfig,
  nowMs: number,
): Intake {
  const { compressionType, messageTimestampType } = config;
  const codec = compressionType === 'producer' || header.isControl ? header.compression : compressionType;
  const bytes = codec === header.compression ? unshared(given, header) : recompressBatch(given, codec);
  if (messageTimestampType === 'LogAppendTime') restampBatch(bytes, { timestampMs: nowMs });
  if (bytes === given && messageTimestampType !== 'LogAppendTime') return { bytes, header };
  const stored = readBatchHeader(bytes);
  const objected = origin === 'client' ? tooLarge(stored.sizeBytes, config) : null;
  return objected === null ? { bytes, header: stored } : { objection: objected };
}

/**
 * A client in this process may send the very same bytes again when an answer is late, and by then they may be in the log
 * and its cache. What bears offsets already is copied, so that one batch is never patched under another.
 */
const unshared = (bytes: Uint8Array, header: BatchHeader): Uint8Array =>
  header.baseOffset === 0 && header.leaderEpoch === -1 ? bytes : new Uint8Array(bytes);

const cursor = new RecordCursor();

/** What a control batch says about a transaction; null for other control records and for an empty batch. */
export function readMarker(batch: Uint8Array): Marker | null {
  cursor.open(batch);
  if (!cursor.next()) return null;
  const type = readControlRecord(cursor.key() ?? new Uint8Array(0));
  const value = cursor.value();
  if (type === 'other' || value === null) return null;
  const reader = new ByteReader(value);
  reader.skip(2);
  return { committed: type === 'commit', coordinatorEpoch: reader.int32() };
}

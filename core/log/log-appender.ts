// Appending: every batch is judged against what memory knows, gets its offsets at once and is queued for the disk, so that
// a producer may have several in flight. Synchronous up to the queue: the order of calls is the order of offsets.
import { type BatchHeader, patchBatch, splitBatches } from '../protocol/record-batch.ts';
import type { Records } from '../protocol/transport.ts';
import type { BatchOperation } from '../storage/storage.ts';
import { type AppendOrigin, readMarker, takeIn } from './batch-intake.ts';
import { checkpointIsDue, checkpointOperations } from './checkpoint.ts';
import { batchKey } from './keyspace.ts';
import type { LogCore } from './log-core.ts';
import { applyBatch, type Marker } from './log-state.ts';
import type { ProducedBatch } from './producer-state.ts';
import { refusal } from './refusal.ts';

export interface AppendOptions {
  readonly origin: Exclude<AppendOrigin, 'leader'>;
  /** Stamped into the batches. Default the latest that the log knows, or 0. */
  readonly leaderEpoch?: number;
}

export interface AppendResult {
  readonly baseOffset: number;
  readonly lastOffset: number;
  /** -1 unless the topic has LogAppendTime. */
  readonly logAppendTimeMs: number;
  /** The batch was there already: the offsets are those it got the first time. */
  readonly duplicate: boolean;
}

interface Judged {
  readonly bytes: Uint8Array;
  readonly header: BatchHeader;
  readonly marker: Marker | null;
}

type Verdict =
  | { readonly kind: 'new'; readonly batches: readonly Judged[] }
  | { readonly kind: 'duplicate'; readonly of: ProducedBatch };

const nothing = () => {};

export function createAppender(core: LogCore): (records: Records, options: AppendOptions) => Promise<AppendResult> {
  return (records, { origin, leaderEpoch }) => {
    try {
      core.assertUsable();
      const nowMs = core.clock.now();
      const verdict = judge(core, records, origin, nowMs);
      const logAppendTimeMs = core.config.messageTimestampType === 'LogAppendTime' ? nowMs : -1;
      if (verdict.kind === 'new') {
        const epoch = leaderEpoch ?? Math.max(core.state.epochs.latest, 0);
        return write(core, verdict.batches, epoch, nowMs, logAppendTimeMs);
      }
      const { baseOffset, lastOffset } = verdict.of;
      // The first one may still be on its way to disk.
      const before = core.commit({ operations: [], sizeBytes: 0, onWritten: nothing });
      return before.then(() => ({ baseOffset, lastOffset, logAppendTimeMs, duplicate: true }));
    } catch (error) {
      return Promise.reject(error);
    }
  };
}

/**
 * Appends what a leader has in its log, with the offsets and epochs that it has there. Offsets may be missing, as
 * compaction leaves them; batches that are here already are left out.
 */
export function createReplicaAppender(core: LogCore): (records: Records) => Promise<void> {
  return async (records) => {
    core.assertUsable();
    const nowMs = core.clock.now();
    const batches: Judged[] = [];
    let nextOffset = core.state.nextOffset;
    for (const bytes of wholeBatches(core, records)) {
      const intake = takeIn(bytes, 'leader', core.config, nowMs);
      if ('objection' in intake) throw refusal(core.name, intake.objection);
      const { header } = intake;
      if (header.lastOffset < nextOffset) continue;
      // A log that begins in a batch has it whole, as the leader's that was cut there by DeleteRecords.
      const isFirst = batches.length === 0 && nextOffset === core.state.logStartOffset;
      if (header.baseOffset < nextOffset && !isFirst)
        throw core.refuse('INVALID_RECORD', `a batch from ${header.baseOffset} where the log ends at ${nextOffset}`);
      nextOffset = header.lastOffset + 1;
      batches.push({ bytes, header, marker: header.isControl ? readMarker(bytes) : null });
    }
    if (batches.length > 0) await put(core, batches, nowMs);
  };
}

/** Changes nothing, so that all batches of a call are taken or none. */
function judge(core: LogCore, records: Records, origin: AppendOptions['origin'], nowMs: number): Verdict {
  const pieces = wholeBatches(core, records);
  const batches: Judged[] = [];
  for (const piece of pieces) {
    const intake = takeIn(piece, origin, core.config, nowMs);
    if ('objection' in intake) throw refusal(core.name, intake.objection);
    const { header, bytes } = intake;
    const marker = header.isControl ? readMarker(bytes) : null;
    batches.push({ bytes, header, marker });
    if (header.producerId < 0) continue;
    if (pieces.length > 1 && origin === 'client')
      throw core.refuse('INVALID_RECORD', 'an idempotent producer sends one batch at a time');
    const duplicate = judgeProducer(core, header, marker, origin);
    if (duplicate !== null) return { kind: 'duplicate', of: duplicate };
  }
  return { kind: 'new', batches };
}

function wholeBatches(core: LogCore, records: Records): Records {
  const pieces = records.length === 1 ? splitBatches(records[0]!) : records.flatMap((piece) => splitBatches(piece));
  const given = lengthOf(records);
  if (pieces.length > 0 && lengthOf(pieces) === given) return pieces;
  throw core.refuse('CORRUPT_MESSAGE', `${given} bytes that are not whole record batches`);
}

function lengthOf(pieces: Records): number {
  let bytes = 0;
  for (const piece of pieces) bytes += piece.length;
  return bytes;
}

/** @returns the batch that this one repeats, if it does */
function judgeProducer(
  { state, name }: LogCore,
  header: BatchHeader,
  marker: Marker | null,
  origin: AppendOptions['origin'],
): ProducedBatch | null {
  if (header.isControl) {
    const found = marker === null ? null : state.producers.judgeMarker(header, marker.coordinatorEpoch);
    if (found !== null) throw refusal(name, found);
    return null;
  }
  const verdict = state.producers.judge(header, origin);
  if (verdict.kind === 'refused') throw refusal(name, verdict.objection);
  return verdict.kind === 'duplicate' ? verdict.of : null;
}

function write(
  core: LogCore,
  batches: readonly Judged[],
  leaderEpoch: number,
  nowMs: number,
  logAppendTimeMs: number,
): Promise<AppendResult> {
  const firstOffset = core.state.nextOffset;
  let nextOffset = firstOffset;
  const placed = batches.map(({ bytes, header, marker }): Judged => {
    const baseOffset = nextOffset;
    const lastOffset = baseOffset + header.lastOffset - header.baseOffset;
    nextOffset = lastOffset + 1;
    patchBatch(bytes, { baseOffset, leaderEpoch });
    return { bytes, header: { ...header, baseOffset, lastOffset, leaderEpoch }, marker };
  });
  const result = { baseOffset: firstOffset, lastOffset: nextOffset - 1, logAppendTimeMs, duplicate: false };
  return put(core, placed, nowMs).then(() => result);
}

/** Takes batches in that have their offsets, and queues them for the disk. */
function put(core: LogCore, batches: readonly Judged[], nowMs: number): Promise<void> {
  const { state, cache } = core;
  const operations: BatchOperation[] = [];
  let sizeBytes = 0;
  for (const { bytes, header, marker } of batches) {
    applyBatch(state, header, marker, nowMs, core.config);
    operations.push({ type: 'put', key: batchKey(header.lastOffset), value: bytes });
    sizeBytes += bytes.length;
  }
  if (checkpointIsDue(state)) operations.push(...checkpointOperations(state));
  const endOffset = state.nextOffset;
  const onWritten = () => {
    for (const { bytes, header } of batches) cache.add(bytes, header.baseOffset, header.lastOffset);
    state.writtenOffset = endOffset;
  };
  return core.commit({ operations, sizeBytes, onWritten });
}

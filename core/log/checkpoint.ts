// What of a log's state goes to disk besides the batches, as operations to be written together with the last batch that
// they describe. Between two checkpoints nothing but batches is written (keyspace.ts says why); after a crash the headers
// since the last one are read again. Format 1 of a partition's database is defined here.
import { ByteReader } from '../kernel/byte-reader.ts';
import { ByteWriter } from '../kernel/byte-writer.ts';
import type { BatchOperation } from '../storage/storage.ts';
import type { EpochStart } from './epoch-cache.ts';
import { abortedKey, metaKey, producersKey, spansKey } from './keyspace.ts';
import type { ActiveTail, CompactionPass, LogState } from './log-state.ts';
import { encodeSpans, type Span } from './span-index.ts';
import type { AbortedTransaction } from './transaction-index.ts';

export const formatVersion = 1;
/** Older ones serve a log that is truncated below the newest. */
const snapshotsKept = 3;
const spansPerChunk = 32_768;

export const checkpointIsDue = (state: LogState): boolean =>
  state.bytesSinceCheckpoint >= state.limits.checkpointBytes ||
  state.batchesSinceCheckpoint >= state.limits.checkpointBatches;

/** Describes everything below `state.nextOffset`, which must be on disk or in the same write. */
export function checkpointOperations(state: LogState): BatchOperation[] {
  const operations: BatchOperation[] = [];
  const offset = state.nextOffset;
  if (offset > state.checkpointOffset || state.snapshots.at(-1) !== offset) {
    state.spans.seal();
    putChunks(state, state.spans.from(state.checkpointOffset), offset - 1, operations);
    putSnapshot(state, offset, operations);
    for (const aborted of state.transactions.aborted())
      if (aborted.lastOffset >= state.checkpointOffset)
        operations.push({ type: 'put', key: abortedKey(aborted.lastOffset), value: encodeAborted(aborted) });
  }
  state.checkpointOffset = offset;
  state.bytesSinceCheckpoint = 0;
  state.batchesSinceCheckpoint = 0;
  operations.push(metaOperation(state));
  return operations;
}

/** All spans again, after compaction or deletion has changed those below; with a checkpoint. */
export function rewriteSpansOperations(state: LogState): BatchOperation[] {
  const operations = checkpointOperations(state);
  for (const last of state.chunks) operations.push({ type: 'del', key: spansKey(last) });
  state.chunks = [];
  putChunks(state, state.spans.all(), state.nextOffset - 1, operations);
  return operations;
}

/** Snapshots from which the log can't be read again, because batches behind them are gone. */
export function forgetSnapshotsOperations(state: LogState, end: number): BatchOperation[] {
  const gone = state.snapshots.filter((offset) => offset < end);
  state.snapshots = state.snapshots.filter((offset) => offset >= end);
  return gone.map((offset) => ({ type: 'del', key: producersKey(offset) }));
}

function putChunks(state: LogState, spans: readonly Span[], lastOffset: number, operations: BatchOperation[]): void {
  for (let at = 0; at < spans.length; at += spansPerChunk) {
    const chunk = spans.slice(at, at + spansPerChunk);
    const last = at + spansPerChunk < spans.length ? chunk.at(-1)!.lastOffset : lastOffset;
    const writer = new ByteWriter(32 * chunk.length + 8);
    encodeSpans(writer, chunk);
    operations.push({ type: 'put', key: spansKey(last), value: writer.take() });
    state.chunks.push(last);
  }
}

function putSnapshot(state: LogState, offset: number, operations: BatchOperation[]): void {
  const writer = new ByteWriter();
  state.producers.encode(writer);
  operations.push({ type: 'put', key: producersKey(offset), value: writer.take() });
  if (state.snapshots.at(-1) !== offset) state.snapshots.push(offset);
  while (state.snapshots.length > snapshotsKept)
    operations.push({ type: 'del', key: producersKey(state.snapshots.shift()!) });
}

export interface Meta {
  readonly logStartOffset: number;
  readonly checkpointOffset: number;
  readonly highWatermark: number;
  readonly cleanedTo: number;
  readonly active: ActiveTail;
  readonly passes: readonly CompactionPass[];
  readonly epochs: readonly EpochStart[];
  /** A truncation to this offset was begun and must be finished before anything is read; -1 for none. */
  readonly truncateTo: number;
}

export const metaOperation = (state: LogState, truncateTo = -1): BatchOperation => ({
  type: 'put',
  key: metaKey,
  value: encodeMeta({
    logStartOffset: state.logStartOffset,
    checkpointOffset: state.checkpointOffset,
    highWatermark: Math.min(state.highWatermark, state.nextOffset),
    cleanedTo: state.cleanedTo,
    active: state.active,
    passes: state.passes,
    epochs: state.epochs.entries(),
    truncateTo,
  }),
});

function encodeMeta(meta: Meta): Uint8Array {
  const writer = new ByteWriter(256);
  writer.int8(formatVersion);
  writer.int64(meta.logStartOffset);
  writer.int64(meta.checkpointOffset);
  writer.int64(meta.highWatermark);
  writer.int64(meta.cleanedTo);
  writer.int64(meta.active.baseOffset);
  writer.int64(meta.active.bytes);
  writer.int64(meta.active.firstTimestampMs);
  writer.int64(meta.truncateTo);
  writer.int32(meta.passes.length);
  for (const pass of meta.passes) {
    writer.int64(pass.end);
    writer.int64(pass.atMs);
  }
  writer.int32(meta.epochs.length);
  for (const { epoch, startOffset } of meta.epochs) {
    writer.int32(epoch);
    writer.int64(startOffset);
  }
  return writer.take();
}

/** @returns the format's number instead, where it isn't the one known here */
export function decodeMeta(bytes: Uint8Array): Meta | number {
  const reader = new ByteReader(bytes);
  const version = reader.int8();
  if (version !== formatVersion) return version;
  const logStartOffset = reader.int64();
  const checkpointOffset = reader.int64();
  const highWatermark = reader.int64();
  const cleanedTo = reader.int64();
  const active = { baseOffset: reader.int64(), bytes: reader.int64(), firstTimestampMs: reader.int64() };
  const truncateTo = reader.int64();
  const passes = Array.from({ length: reader.int32() }, () => ({ end: reader.int64(), atMs: reader.int64() }));
  const epochs = Array.from({ length: reader.int32() }, () => ({ epoch: reader.int32(), startOffset: reader.int64() }));
  return { logStartOffset, checkpointOffset, highWatermark, cleanedTo, active, passes, epochs, truncateTo };
}

function encodeAborted(aborted: AbortedTransaction): Uint8Array {
  const writer = new ByteWriter(32);
  writer.int64(aborted.producerId);
  writer.int64(aborted.firstOffset);
  writer.int64(aborted.lastOffset);
  writer.int64(aborted.stableOffset);
  return writer.take();
}

export function decodeAborted(bytes: Uint8Array): AbortedTransaction {
  const reader = new ByteReader(bytes);
  const producerId = reader.int64();
  const firstOffset = reader.int64();
  const lastOffset = reader.int64();
  return { producerId, firstOffset, lastOffset, stableOffset: reader.int64() };
}

// Compaction: of each key the newest value stays (Kafka's Cleaner). It goes over the part that is new since the last time
// and remembers where each key is last, then over the log from its start and drops what is superseded. Each page is one
// atomic write that is right by itself, so a crash half way costs only the work. It never touches what is open, undecided
// or in the active tail.
//
// When tombstones may go is kept as a short list of passes ("the tombstones below X were first seen at T") and not in the
// batches (KIP-534), so a batch that loses nothing is never rewritten.

import { readBatchHeader } from '../protocol/record-batch.ts';
import type { BatchOperation, Storage } from '../storage/storage.ts';
import { readMarker } from './batch-intake.ts';
import { batchPages, firstBatchAt } from './batch-lookup.ts';
import { compactBatch, emptied, type KeepRules, noteKeys } from './compact-batch.ts';
import { abortedKey, batchesEnd, batchKey } from './keyspace.ts';
import type { LogConfig } from './log-config.ts';
import type { CompactionPass, LogState } from './log-state.ts';
import { createSpanIndex, type Span } from './span-index.ts';
import { type StoredBatch, storedBatch } from './stored-batch.ts';

export interface CompactionOptions {
  readonly storage: Storage;
  readonly state: LogState;
  readonly config: LogConfig;
  readonly nowMs: number;
  /** Called before the first batch is taken out. */
  prepare(): Promise<void>;
}

/** What a pass did, to be put into the state and on disk by the log. */
export interface Compacted {
  /** Below it the log is compacted. */
  readonly end: number;
  readonly spans: readonly Span[];
  /** Bytes that the span which holds `end` had below it. */
  readonly cutBytes: number;
  readonly passes: readonly CompactionPass[];
  readonly bytesFreed: number;
}

/** Decoded in one turn, so that a fetch waits for milliseconds at most. */
const pageBytes = 128 << 10;
const passesMax = 256;
/** A pass whose tombstones have gone. */
const done = -1;

/** The part of what may be compacted that is new, 0 to 1; 1 as well where something is overdue. */
export function dirtyRatioOf({ state, config, nowMs }: Pick<CompactionOptions, 'state' | 'config' | 'nowMs'>): number {
  if (!config.cleanupCompact) return 0;
  if (state.passes.some((pass) => isDue(pass, config, nowMs))) return 1;
  const end = Math.min(activeBase(state, config, nowMs), state.transactions.lastStableOffset(state.highWatermark));
  const dirty = state.spans.from(state.cleanedTo).filter((span) => span.baseOffset < end);
  const first = dirty[0];
  if (first === undefined) return 0;
  if (nowMs - first.maxTimestampMs > config.maxCompactionLagMs) return 1;
  const dirtyBytes = dirty.reduce((sum, span) => sum + span.bytes, 0);
  const active = state.spans.from(end).reduce((sum, span) => sum + (span.baseOffset >= end ? span.bytes : 0), 0);
  return dirtyBytes / Math.max(state.spans.bytes - active, 1);
}

const isDue = ({ atMs }: CompactionPass, { deleteRetentionMs }: LogConfig, nowMs: number) =>
  atMs !== done && atMs + deleteRetentionMs <= nowMs;

/** An active tail that gets no more records counts as rolled when it is old, which Kafka only does at the next append. */
function activeBase({ active, nextOffset }: LogState, config: LogConfig, nowMs: number): number {
  const isOld =
    active.bytes > 0 && nowMs - active.firstTimestampMs > Math.min(config.segmentMs, config.maxCompactionLagMs);
  return isOld ? nextOffset : active.baseOffset;
}

/** Null where there is nothing to do. */
export async function compactLog(options: CompactionOptions): Promise<Compacted | null> {
  const { storage, state, config, nowMs } = options;
  const limit = await compactionLimit(options);
  const isOverdue = state.passes.some((pass) => isDue(pass, config, nowMs));
  if (limit <= state.cleanedTo && !isOverdue) return null;
  await options.prepare();
  const { newest, end } = await newestOffsets(options, Math.max(limit, state.cleanedTo));
  const due = state.passes.filter((pass) => pass.atMs === done || isDue(pass, config, nowMs));
  const tombstonesEnd = due.reduce((until, pass) => Math.max(until, pass.end), 0);
  const seenEnd = state.passes.reduce((until, pass) => Math.max(until, pass.end), 0);
  const held = state.spans.from(end)[0];
  const spans = createSpanIndex(state.limits.spanBytes);
  let cutBytes = 0;
  let bytesFreed = 0;
  let hasTombstone = false;
  /** Producers of which a transaction was kept, until its marker. */
  const kept = new Set<number>();
  for await (const page of batchPages(storage, state.logStartOffset, end, { bytesMax: pageBytes })) {
    const operations: BatchOperation[] = [];
    for (const batch of page) {
      const { header } = batch;
      const left = compacted(batch, state, { newest, tombstonesEnd }, kept);
      if (held !== undefined && header.lastOffset >= held.baseOffset) cutBytes += header.sizeBytes;
      if (left.hasTombstone && header.lastOffset >= seenEnd) hasTombstone = true;
      bytesFreed += header.sizeBytes - (left.bytes?.length ?? 0);
      const key = batchKey(header.lastOffset);
      if (left.bytes === null) operations.push({ type: 'del', key });
      // A reader that is told of an aborted transaction skips its producer until the marker comes, so both go at once.
      if (left.bytes === null && header.isControl && state.transactions.forget(header.lastOffset))
        operations.push({ type: 'del', key: abortedKey(header.lastOffset) });
      if (left.bytes !== null && left.bytes !== batch.bytes) operations.push({ type: 'put', key, value: left.bytes });
      if (left.bytes !== null) spans.add(left.bytes === batch.bytes ? header : readBatchHeader(left.bytes));
    }
    if (operations.length > 0) await storage.write(operations, { sync: config.sync });
  }
  const passes = passesAfter(
    state,
    { end: tombstonesEnd, atMs: done },
    hasTombstone ? { end, atMs: nowMs } : null,
    config,
    nowMs,
  );
  return { end, spans: spans.all(), cutBytes, passes, bytesFreed };
}

/** Before the active tail, the first open transaction, the young (`min.compaction.lag.ms`) and the log's last batch. */
async function compactionLimit({ storage, state, config, nowMs }: CompactionOptions): Promise<number> {
  const stable = state.transactions.lastStableOffset(state.highWatermark);
  let limit = Math.min(activeBase(state, config, nowMs), stable);
  if (config.minCompactionLagMs > 0) {
    const young = await firstBatchAt(storage, state.spans, nowMs - config.minCompactionLagMs + 1, state.cleanedTo);
    if (young !== null) limit = Math.min(limit, young.header.baseOffset);
  }
  // A log must not lose its end: a consumer would wait for ever between its last record and the log end.
  const [last] = await storage.scanPage({ gte: batchKey(0), lt: batchesEnd, reverse: true, limit: 1 });
  return last === undefined ? 0 : Math.min(limit, storedBatch(last, 'header').header.baseOffset);
}

/** Of the part that is new, as far as its keys fit into memory. */
async function newestOffsets(
  { storage, state }: CompactionOptions,
  limit: number,
): Promise<{ newest: Map<string, number>; end: number }> {
  const newest = new Map<string, number>();
  let taken = 0;
  for await (const page of batchPages(storage, Math.max(state.cleanedTo, state.logStartOffset), limit, {
    bytesMax: pageBytes,
  })) {
    for (const { header, bytes } of page) {
      if (header.isControl || isAborted(header, state)) continue;
      taken += noteKeys(bytes, newest);
      if (taken >= state.limits.compactionKeyBytes) return { newest, end: header.lastOffset + 1 };
    }
  }
  return { newest, end: limit };
}

const isAborted = ({ isTransactional, producerId, baseOffset }: StoredBatch['header'], { transactions }: LogState) =>
  isTransactional && transactions.isAborted(producerId, baseOffset);

const nothingLeft = { bytes: null, hasTombstone: false };

function compacted({ header, bytes }: StoredBatch, state: LogState, rules: KeepRules, kept: Set<number>) {
  const { isControl, isTransactional, producerId, lastOffset } = header;
  if (isControl) {
    // Who reads the log anew, as a new replica or a coordinator does, must hear that what is left of a transaction was committed.
    const isNeeded = kept.delete(producerId) && readMarker(bytes)?.committed === true;
    if (isNeeded) return { bytes, hasTombstone: false };
    // Else a marker goes as a tombstone does: a consumer that has read of an aborted transaction must be able to reach its end.
    return { bytes: lastOffset < rules.tombstonesEnd ? null : bytes, hasTombstone: true };
  }
  const left = isAborted(header, state) ? nothingLeft : compactBatch(bytes, header, rules);
  // The log may be all that a new replica learns of a producer from (Kafka's Cleaner keeps such a batch too).
  if (left.bytes === null) return state.producers.isNewest(header) ? { ...left, bytes: emptied(bytes, header) } : left;
  if (isTransactional) kept.add(producerId);
  return left;
}

function passesAfter(
  state: LogState,
  gone: CompactionPass,
  seen: CompactionPass | null,
  config: LogConfig,
  nowMs: number,
): CompactionPass[] {
  const waiting = state.passes.filter((pass) => pass.atMs !== done && !isDue(pass, config, nowMs));
  return [...(gone.end > 0 ? [gone] : []), ...waiting, ...(seen === null ? [] : [seen])].slice(-passesMax);
}

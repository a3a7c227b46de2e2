// All that a partition log knows in memory, and the one function that a batch goes through to change it: on append and
// again, from the batch's header, when the log is opened. So what is rebuilt after a crash can't differ from what was
// there before it. No I/O and no clock here.
import type { BatchHeader } from '../protocol/record-batch.ts';
import { createEpochCache, type EpochCache } from './epoch-cache.ts';
import { createProducerState, type ProducerState } from './producer-state.ts';
import { createSpanIndex, type SpanIndex } from './span-index.ts';
import { createTransactionIndex, type TransactionIndex } from './transaction-index.ts';

/** A compaction saw the tombstones below `end` at `atMs` at the latest. */
export interface CompactionPass {
  readonly end: number;
  readonly atMs: number;
}

/** What compaction leaves alone: what Kafka would have in its active segment. */
export interface ActiveTail {
  readonly baseOffset: number;
  readonly bytes: number;
  readonly firstTimestampMs: number;
}

export interface LogState {
  logStartOffset: number;
  /** Next to be given out; ahead of `writtenOffset` while writes are under way. */
  nextOffset: number;
  writtenOffset: number;
  highWatermark: number;
  active: ActiveTail;
  /** What retention last found at the log start, so that it needn't open an idle database to look again. */
  head: { readonly offset: number; readonly maxTimestampMs: number } | null;
  /** Below it each key is there once, but for what came later. */
  cleanedTo: number;
  passes: readonly CompactionPass[];
  /** Everything below it is described by what the last checkpoint wrote. */
  checkpointOffset: number;
  bytesSinceCheckpoint: number;
  batchesSinceCheckpoint: number;
  readonly limits: LogLimits;
  /** Keys of span chunks and producer snapshots that are on disk, ascending. */
  chunks: number[];
  snapshots: number[];
  readonly epochs: EpochCache;
  readonly producers: ProducerState;
  readonly transactions: TransactionIndex;
  readonly spans: SpanIndex;
}

export const emptyState = (limits: LogLimits, parts: Partial<LogState> = {}): LogState => ({
  limits,
  logStartOffset: 0,
  nextOffset: 0,
  writtenOffset: 0,
  highWatermark: 0,
  active: { baseOffset: 0, bytes: 0, firstTimestampMs: 0 },
  head: null,
  cleanedTo: 0,
  passes: [],
  checkpointOffset: 0,
  bytesSinceCheckpoint: 0,
  batchesSinceCheckpoint: 0,
  chunks: [],
  snapshots: [],
  epochs: createEpochCache(),
  producers: createProducerState(),
  transactions: createTransactionIndex(),
  spans: createSpanIndex(limits.spanBytes),
  ...parts,
});

/** What a control record says, where it ends a transaction. */
export interface Marker {
  readonly committed: boolean;
  readonly coordinatorEpoch: number;
}

/** Sizes that bound what is done at a time; small ones let a test see many of what is rare. */
export interface LogLimits {
  /** Between two checkpoints, so to be read again after a crash: a fraction of a second. Default 64 MiB. */
  readonly checkpointBytes: number;
  /** Default 50,000. */
  readonly checkpointBatches: number;
  /** Of a span. Default 1 MiB. */
  readonly spanBytes: number;
  /** Of the map of keys in one compaction; what doesn't fit is left to the next. Default 64 MiB. */
  readonly compactionKeyBytes: number;
}

export const logLimits: LogLimits = {
  checkpointBytes: 64 << 20,
  checkpointBatches: 50_000,
  spanBytes: 1 << 20,
  compactionKeyBytes: 64 << 20,
};

export interface RollRules {
  readonly segmentBytes: number;
  readonly segmentMs: number;
}

/** Takes in a batch that has its offsets. `marker` is that of a control batch, null for data and for other controls. */
export function applyBatch(
  state: LogState,
  batch: BatchHeader,
  marker: Marker | null,
  nowMs: number,
  rules: RollRules,
): void {
  state.nextOffset = batch.lastOffset + 1;
  state.bytesSinceCheckpoint += batch.sizeBytes;
  state.batchesSinceCheckpoint++;
  state.epochs.assign(batch.leaderEpoch, batch.baseOffset);
  state.active = roll(state.active, batch, rules);
  state.spans.add(batch);
  if (batch.producerId >= 0) applyProducer(state, batch, marker, nowMs);
}

function applyProducer(state: LogState, batch: BatchHeader, marker: Marker | null, nowMs: number): void {
  const { producers, transactions } = state;
  // Compaction only goes where every transaction is decided, and takes markers away in time.
  const isDecided = batch.baseOffset < state.cleanedTo;
  if (batch.isControl) {
    if (marker === null || isDecided) return;
    const firstOffset = producers.recordMarker(batch, marker.coordinatorEpoch, nowMs);
    if (firstOffset >= 0) transactions.end(batch.producerId, firstOffset, batch.baseOffset, marker.committed);
  } else {
    const begins = producers.record(isDecided ? { ...batch, isTransactional: false } : batch, nowMs);
    if (begins) transactions.begin(batch.producerId, batch.baseOffset);
  }
}

/** Kafka rolls a segment when it is full or its first record is too old for the one that comes (LogSegment.shouldRoll). */
function roll(active: ActiveTail, batch: BatchHeader, { segmentBytes, segmentMs }: RollRules): ActiveTail {
  const { baseOffset, sizeBytes, maxTimestampMs } = batch;
  const isFull = active.bytes > 0 && active.bytes + sizeBytes > segmentBytes;
  const isOld = active.bytes > 0 && maxTimestampMs - active.firstTimestampMs > segmentMs;
  if (active.bytes === 0 || isFull || isOld) return { baseOffset, bytes: sizeBytes, firstTimestampMs: maxTimestampMs };
  return { ...active, bytes: active.bytes + sizeBytes };
}

// Opening a partition's database: the last checkpoint, then the headers of the batches behind it. Also where a truncation
// is carried out, because what is left of the log after one is found in the same way. Whatever a crash left, the outcome
// is a prefix of what was written: each write is atomic.
import { ByteReader } from '../kernel/byte-reader.ts';
import { Fault } from '../kernel/fault.ts';
import type { Storage } from '../storage/storage.ts';
import { readMarker } from './batch-intake.ts';
import { batchPages } from './batch-lookup.ts';
import {
  checkpointOperations,
  decodeAborted,
  decodeMeta,
  formatVersion,
  type Meta,
  metaOperation,
} from './checkpoint.ts';
import { createEpochCache } from './epoch-cache.ts';
import {
  abortedEnd,
  abortedKey,
  batchesEnd,
  batchKey,
  keyOffset,
  metaKey,
  producersEnd,
  producersKey,
  spansEnd,
  spansKey,
} from './keyspace.ts';
import { type ActiveTail, applyBatch, emptyState, type LogLimits, type LogState, type RollRules } from './log-state.ts';
import { createProducerState, decodeProducerState } from './producer-state.ts';
import { createSpanIndex, decodeSpans, type Span } from './span-index.ts';
import { createTransactionIndex } from './transaction-index.ts';

export interface RecoveryOptions {
  readonly storage: Storage;
  /** For messages. */
  readonly partition: string;
  readonly nowMs: number;
  readonly rules: RollRules;
  readonly limits: LogLimits;
}

const damages: ReadonlySet<string> = new Set(['MALFORMED_BYTES', 'CORRUPT_BATCH', 'BATCH_DAMAGED']);

/** @throws Fault `STORAGE_NEWER`, `PARTITION_DAMAGED`, and what the storage throws */
export async function recover(options: RecoveryOptions): Promise<LogState> {
  try {
    return await load(options);
  } catch (error) {
    if (!(error instanceof Fault) || !damages.has(error.code)) throw error;
    throw new Fault('PARTITION_DAMAGED', { partition: options.partition, what: error.message }, error);
  }
}

async function load(options: RecoveryOptions): Promise<LogState> {
  const { storage, partition } = options;
  const stored = await storage.get(metaKey);
  const meta = stored === undefined ? null : decodeMeta(stored);
  if (typeof meta === 'number')
    throw new Fault('STORAGE_NEWER', { path: partition, found: meta, known: formatVersion });
  if (meta === null) return replay(emptyState(options.limits), options);
  if (meta.truncateTo < 0) return replay(await described(meta, options), options);

  await storage.clear({ gte: batchKey(meta.truncateTo), lt: batchesEnd });
  const state = await replay(await described(meta, options), options);
  state.nextOffset = state.writtenOffset = Math.max(meta.truncateTo, state.logStartOffset);
  await storage.write(checkpointOperations(state));
  return state;
}

/**
 * Cuts everything at and after `offset` off: the batch that holds it goes as a whole. Survives a crash at any point.
 *
 * @returns the state of what is left
 */
export async function truncate(state: LogState, offset: number, options: RecoveryOptions): Promise<LogState> {
  const { storage } = options;
  const from = replayFrom(state, offset);
  state.epochs.truncateTo(offset);
  state.checkpointOffset = from;
  state.cleanedTo = Math.min(state.cleanedTo, offset);
  state.passes = state.passes.filter((pass) => pass.end <= offset);
  state.active = activeUntil(state, from);
  await storage.write([
    ...state.chunks.filter((last) => last >= from).map((last) => ({ type: 'del' as const, key: spansKey(last) })),
    ...state.snapshots
      .filter((at) => at > from || from === state.logStartOffset)
      .map((at) => ({ type: 'del' as const, key: producersKey(at) })),
    ...state.transactions
      .aborted()
      .filter(({ lastOffset }) => lastOffset >= from)
      .map(({ lastOffset }) => ({ type: 'del' as const, key: abortedKey(lastOffset) })),
    metaOperation(state, offset),
  ]);
  return recover(options);
}

/** The active tail as it was when the log ended at `end`, as far as the spans tell. */
function activeUntil({ active, spans }: LogState, end: number): ActiveTail {
  if (active.baseOffset >= end) return { baseOffset: end, bytes: 0, firstTimestampMs: 0 };
  const before = spans.from(active.baseOffset).filter((span) => span.lastOffset < end);
  return { ...active, bytes: before.reduce((sum, span) => sum + span.bytes, 0) };
}

/** The newest snapshot from which what stays can be read again, or the log start. */
function replayFrom(state: LogState, offset: number): number {
  const snapshot = state.snapshots.findLast((at) => at <= offset && (at === 0 || state.chunks.includes(at - 1)));
  return snapshot !== undefined && snapshot >= state.logStartOffset ? snapshot : state.logStartOffset;
}

/** The state at the checkpoint that `meta` names. */
async function described(meta: Meta, { storage, limits }: RecoveryOptions): Promise<LogState> {
  const until = meta.checkpointOffset;
  const chunks: number[] = [];
  const spans: Span[] = [];
  for await (const [key, value] of storage.scan({ gte: spansKey(0), lt: spansEnd })) {
    chunks.push(keyOffset(key));
    spans.push(...decodeSpans(new ByteReader(value)));
  }
  const snapshots: number[] = [];
  let producers = createProducerState();
  for await (const [key, value] of storage.scan({ gte: producersKey(0), lt: producersEnd })) {
    snapshots.push(keyOffset(key));
    if (keyOffset(key) <= until) producers = decodeProducerState(new ByteReader(value));
  }
  const aborted = [];
  for await (const [, value] of storage.scan({ gte: abortedKey(0), lt: abortedEnd }))
    aborted.push(decodeAborted(value));
  const transactions = createTransactionIndex(aborted);
  const open = producers.list().filter(({ transactionFirstOffset }) => transactionFirstOffset >= 0);
  for (const { producerId, transactionFirstOffset } of open.sort(
    (a, b) => a.transactionFirstOffset - b.transactionFirstOffset,
  ))
    transactions.begin(producerId, transactionFirstOffset);
  const { logStartOffset, highWatermark, cleanedTo, active, passes } = meta;
  return emptyState(limits, {
    ...{ logStartOffset, highWatermark, cleanedTo, active, passes, chunks, snapshots, producers, transactions },
    nextOffset: until,
    checkpointOffset: until,
    epochs: createEpochCache(meta.epochs),
    spans: createSpanIndex(limits.spanBytes, spans),
  });
}

/** Reads the headers of what was written since the checkpoint. */
async function replay(state: LogState, { storage, nowMs, rules }: RecoveryOptions): Promise<LogState> {
  for await (const page of batchPages(storage, state.checkpointOffset, Number.POSITIVE_INFINITY, { trust: 'header' }))
    for (const { header, bytes } of page)
      applyBatch(state, header, header.isControl ? readMarker(bytes) : null, nowMs, rules);
  state.writtenOffset = state.nextOffset;
  state.highWatermark = Math.max(state.logStartOffset, Math.min(state.highWatermark, state.writtenOffset));
  return state;
}

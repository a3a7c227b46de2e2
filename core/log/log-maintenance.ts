// What takes batches out of a log or rewrites them: deletion, retention, compaction, truncation. One at a time, beside
// appends, which go on meanwhile (truncation excepted). What they change in the state is changed at once together with
// the operations that describe it, and queued behind the appends before it, so that disk and memory agree at every write.
import { isFault } from '../kernel/fault.ts';
import type { BatchOperation } from '../storage/storage.ts';
import { checkpointOperations, forgetSnapshotsOperations, rewriteSpansOperations } from './checkpoint.ts';
import { compactLog } from './compaction.ts';
import { abortedKey, batchKey, keyOffset } from './keyspace.ts';
import type { LogCore } from './log-core.ts';
import { reportingDamage } from './log-reader.ts';
import { emptyState, type LogState } from './log-state.ts';
import { truncate } from './recovery.ts';
import { bytesCutBy, retainedFrom } from './retention.ts';

export interface LogMaintenance {
  deleteBefore(offset: number): Promise<number>;
  applyRetention(): Promise<void>;
  compact(): Promise<void>;
  truncateTo(offset: number): Promise<void>;
  truncateBefore(offset: number): Promise<void>;
  restartAt(offset: number): Promise<void>;
  /** Resolves when nothing of all that is under way. */
  idle(): Promise<void>;
}

/** Below that LevelDB may give the space back when it likes. */
const compactRangeMin = 16 << 20;

export function createMaintenance(core: LogCore): LogMaintenance {
  let last: Promise<unknown> = Promise.resolve();

  function serially<T>(work: () => Promise<T>): Promise<T> {
    const result = last.then(async () => {
      core.assertUsable();
      try {
        return await reportingDamage(core, work());
      } catch (error) {
        if (!isFault(error, 'STORAGE_FAILED')) throw error;
        core.fail(error);
        throw core.storageRefusal(error);
      }
    });
    last = result.catch(() => {});
    return result;
  }

  return {
    deleteBefore: (offset) => serially(() => deleteBefore(core, offset)),
    applyRetention: () =>
      serially(async () => {
        core.expireProducers();
        const { storage, state, config, clock } = core;
        if (!config.cleanupDelete) return;
        await deleteBefore(core, await retainedFrom({ storage, state, config, nowMs: clock.now() }));
      }),
    compact: () => serially(() => compact(core)),
    truncateTo: (offset) => serially(() => truncateTo(core, offset)),
    truncateBefore: (offset) => serially(async () => truncateTo(core, await startOfBatch(core, offset))),
    restartAt: (offset) => serially(() => restartAt(core, offset)),
    idle: async () => {
      await last;
    },
  };
}

async function deleteBefore(core: LogCore, offset: number): Promise<number> {
  const { storage, state } = core;
  if (offset > state.highWatermark)
    throw core.refuse('OFFSET_OUT_OF_RANGE', `${offset} is above the high watermark ${state.highWatermark}`);
  if (offset <= state.logStartOffset) return state.logStartOffset;
  const cutBytes = await bytesCutBy(storage, state, offset);
  if (core.state !== state) throw core.storageRefusal();
  const bytesBefore = state.spans.bytes;
  const aborted = state.transactions.aborted().filter(({ lastOffset }) => lastOffset < offset);
  state.logStartOffset = offset;
  state.spans.dropBefore(offset, cutBytes);
  state.epochs.dropBefore(offset);
  state.transactions.dropBefore(offset);
  const bytesFreed = bytesBefore - state.spans.bytes;
  // The start first: batches that a crash leaves below it are out of sight, and go with the next deletion.
  await core.commitOperations([
    ...rewriteSpansOperations(state),
    ...aborted.map(({ lastOffset }): BatchOperation => ({ type: 'del', key: abortedKey(lastOffset) })),
  ]);
  core.cache.dropBefore(offset);
  await storage.clear({ gte: batchKey(0), lt: batchKey(offset) });
  if (bytesFreed >= compactRangeMin) await storage.compactRange(batchKey(0), batchKey(offset));
  return offset;
}

async function compact(core: LogCore): Promise<void> {
  const { storage, state, config, clock } = core;
  if (!config.cleanupCompact) return;
  const prepare = async () => {
    // What is taken out must not be missing when headers are read again after a crash.
    if (state.checkpointOffset < state.nextOffset) await core.commitOperations(checkpointOperations(state));
  };
  const compacted = await compactLog({ storage, state, config, nowMs: clock.now(), prepare });
  if (compacted === null) return;
  if (core.state !== state) throw core.storageRefusal();
  const { end, spans, cutBytes, passes, bytesFreed } = compacted;
  state.spans.replaceBefore(end, spans, cutBytes);
  state.cleanedTo = end;
  state.passes = passes;
  state.head = null;
  if (end > state.active.baseOffset) state.active = { baseOffset: end, bytes: 0, firstTimestampMs: 0 };
  core.cache.dropBefore(end);
  await core.commitOperations([...forgetSnapshotsOperations(state, end), ...rewriteSpansOperations(state)]);
  if (bytesFreed >= compactRangeMin) await storage.compactRange(batchKey(0), batchKey(end));
}

async function truncateTo(core: LogCore, offset: number): Promise<void> {
  const { state } = core;
  if (offset >= state.nextOffset) {
    // An epoch that began here and got no record never was, if another leader has gone on from the same end.
    if (state.epochs.entries().some(({ startOffset }) => startOffset >= state.nextOffset)) {
      state.epochs.truncateTo(state.nextOffset);
      await core.commitOperations(checkpointOperations(state));
    }
    return;
  }
  await whileRefusing(core, () =>
    truncate(core.state, Math.max(offset, core.state.logStartOffset), core.recoveryOptions()),
  );
}

/** By the key of the batch before: what a damaged one says of itself is worth nothing. */
async function startOfBatch({ storage, state }: LogCore, offset: number): Promise<number> {
  const range = { gte: batchKey(0), lt: batchKey(offset) };
  const [before] = await storage.scanPage({ ...range, reverse: true, limit: 1 });
  return Math.max(before === undefined ? 0 : keyOffset(before[0]) + 1, state.logStartOffset);
}

/** A crash in between leaves an empty log that begins at 0, and its leader says again where it must begin. */
const restartAt = (core: LogCore, offset: number): Promise<void> =>
  whileRefusing(core, async () => {
    await core.storage.clear({});
    const state = emptyState(core.state.limits, {
      ...{ logStartOffset: offset, nextOffset: offset, writtenOffset: offset, highWatermark: offset },
      ...{ checkpointOffset: offset, cleanedTo: offset, active: { baseOffset: offset, bytes: 0, firstTimestampMs: 0 } },
    });
    await core.storage.write(checkpointOperations(state));
    return state;
  });

async function whileRefusing(core: LogCore, work: () => Promise<LogState>): Promise<void> {
  core.status = 'truncating';
  await core.drain();
  if (core.status !== 'truncating') throw core.storageRefusal();
  try {
    core.cache.clear();
    core.replaceState(await work());
    core.status = 'open';
  } catch (error) {
    core.fail(error);
    throw core.storageRefusal(error);
  }
}

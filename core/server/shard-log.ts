// Puts a coordinator's shard onto a partition log: records go as one batch, at the node's time, and are read back from the
// log start when the shard is loaded.

import type { CoordinatorRecord, ShardLog, TransactionMarker, TransactionOwner } from '../coordinator/shard.ts';
import { ByteReader } from '../kernel/byte-reader.ts';
import type { Clock } from '../kernel/clock.ts';
import { partitionName } from '../kernel/ids.ts';
import { refusal } from '../log/refusal.ts';
import { BatchBuilder } from '../protocol/batch-builder.ts';
import { endTransactionMarker, readControlRecord } from '../protocol/control-record.ts';
import { readBatchHeader, splitBatches } from '../protocol/record-batch.ts';
import { RecordCursor } from '../protocol/record-cursor.ts';
import type { Led } from './partitions.ts';

const readBytesMax = 4 * 1024 * 1024;

/** @param isCutOff whether another node may lead it by now */
export function createShardLog(led: Led, clock: Clock, isCutOff: () => boolean): ShardLog {
  const { log } = led;
  const builder = new BatchBuilder();

  function batchOf(records: readonly CoordinatorRecord[], transaction: TransactionOwner | undefined): Uint8Array {
    builder.reset();
    const nowMs = clock.now();
    for (const { key, value } of records) builder.append(nowMs, key, value);
    return builder.build(transaction === undefined ? {} : { ...transaction, isTransactional: true });
  }

  /** What only this node has may be lost with it, so nobody is told of it before the others have it too. */
  async function committed(endOffset: number): Promise<void> {
    const replicated = led.replicated(endOffset);
    if (replicated === true || (await replicated)) return;
    throw refusal(partitionName(log), { error: 'NOT_LEADER_OR_FOLLOWER', why: 'another node leads it' });
  }

  async function append(batch: Uint8Array): Promise<void> {
    const { lastOffset } = await led.append([batch], { origin: 'coordinator' });
    await committed(lastOffset + 1);
  }

  return {
    epoch: led.leaderEpoch,
    assertCurrent() {
      if (isCutOff()) throw refusal(partitionName(log), { error: 'NOT_COORDINATOR', why: 'no other node is heard of' });
    },
    append: (records, transaction) => append(batchOf(records, transaction)),
    appendMarker: (marker) => append(markerBatch(marker, clock.now())),
    async replay(target) {
      const cursor = new RecordCursor();
      const { logEndOffset } = log;
      for (let from = log.logStartOffset; from < logEndOffset; ) {
        const { records } = await log.read({
          from,
          maxBytes: readBytesMax,
          isolation: 'logEnd',
          atLeastOne: true,
        });
        if (records.length === 0) break;
        for (const batch of records.flatMap((bytes) => splitBatches(bytes))) {
          replayBatch(batch, cursor, target);
          from = readBatchHeader(batch).lastOffset + 1;
        }
      }
      await committed(logEndOffset);
    },
  };
}

/** The control batch that ends a producer's transaction in one partition. */
export function markerBatch(
  { producerId, producerEpoch, coordinatorEpoch, commit }: TransactionMarker,
  nowMs: number,
): Uint8Array {
  const { key, value } = endTransactionMarker({ commit, coordinatorEpoch });
  const builder = new BatchBuilder();
  builder.append(nowMs, key, value);
  return builder.build({ producerId, producerEpoch, isTransactional: true, isControl: true });
}

function replayBatch(batch: Uint8Array, cursor: RecordCursor, target: Parameters<ShardLog['replay']>[0]): void {
  const { isControl, isTransactional, producerId, producerEpoch } = readBatchHeader(batch);
  const owner = { producerId, producerEpoch };
  cursor.open(batch);
  while (cursor.next()) {
    const key = cursor.key();
    if (key === null) continue;
    const value = cursor.value();
    if (!isControl) {
      target.record({ key, value }, isTransactional ? owner : null);
      continue;
    }
    const kind = readControlRecord(key);
    if (kind === 'other' || value === null) continue;
    const reader = new ByteReader(value);
    reader.skip(2);
    target.marker({ ...owner, coordinatorEpoch: reader.int32(), commit: kind === 'commit' });
  }
}

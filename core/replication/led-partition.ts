// A partition that this node leads: its log, its followers, and the producers that wait until all in-sync replicas have
// what they sent. The high watermark moves here and nowhere else on a leader. Nothing is awaited per batch: who waits is
// told when the log has advanced.

import { partitionName } from '../kernel/ids.ts';
import { createLatch, type Latch } from '../kernel/latch.ts';
import type { AppendOptions, AppendResult, PartitionLog } from '../log/partition-log.ts';
import { refusal } from '../log/refusal.ts';
import type { Records } from '../protocol/transport.ts';
import type { FollowerFetch, InSyncSet } from './in-sync-set.ts';
import { beginTenure, type Tenure } from './tenure.ts';

export interface LedPartition {
  readonly log: PartitionLog;
  readonly leaderEpoch: number;
  /** The log's end when it was taken up. */
  readonly epochStartOffset: number;
  readonly inSyncSet: InSyncSet;
  /**
   * Under this epoch, and only as long as it lasts: on a log that follows another leader by now it would make one that is like
   * no other.
   *
   * @throws Fault `LOG_REFUSED` with NOT_LEADER_OR_FOLLOWER, and what the log throws
   */
  append(records: Records, options: Pick<AppendOptions, 'origin'>): Promise<AppendResult>;
  /** A follower asked for more, so that the high watermark may have moved. False where it is no replica. */
  fetched(fetch: Omit<FollowerFetch, 'leaderEndOffset'>): boolean;
  /** The set, or the log end, has changed. */
  advance(): void;
  /** Resolves with true once all below `endOffset` is on every in-sync replica, with false when this node leads no more. */
  replicated(endOffset: number): Promise<boolean>;
  readonly resigned: boolean;
  /** Of this node as its leader in this epoch. */
  readonly tenure: Tenure;
  /** Another leads, or nobody: who waits is told so, and the high watermark stays where it is. */
  resign(): void;
}

interface Waiting {
  readonly endOffset: number;
  readonly latch: Latch<boolean>;
}

export function createLedPartition(log: PartitionLog, leaderEpoch: number, inSyncSet: InSyncSet): LedPartition {
  // In the order of their offsets, because appends are.
  let waiting: Waiting[] = [];
  const tenure = beginTenure();

  function advance(): void {
    if (!tenure.isOver) log.advanceHighWatermark(inSyncSet.highWatermark(log.logEndOffset));
  }

  function release(): void {
    const { highWatermark } = log;
    let count = 0;
    while (count < waiting.length && waiting[count]!.endOffset <= highWatermark) waiting[count++]!.latch.resolve(true);
    if (count > 0) waiting = waiting.slice(count);
  }

  const stops = [log.onWritten(advance), log.onAdvance(release)];
  advance();
  return {
    log,
    leaderEpoch,
    epochStartOffset: log.logEndOffset,
    inSyncSet,
    append(records, { origin }) {
      if (!tenure.isOver) return log.append(records, { origin, leaderEpoch });
      const why = 'another node leads it';
      return Promise.reject(refusal(partitionName(log), { error: 'NOT_LEADER_OR_FOLLOWER', why }));
    },
    fetched(fetch) {
      const isReplica = inSyncSet.fetched({ ...fetch, leaderEndOffset: log.logEndOffset });
      if (isReplica) advance();
      return isReplica;
    },
    advance,
    async replicated(endOffset) {
      if (tenure.isOver) return false;
      if (endOffset <= log.highWatermark) return true;
      const latch = createLatch<boolean>();
      const at = waiting.findLastIndex((one) => one.endOffset <= endOffset) + 1;
      waiting.splice(at, 0, { endOffset, latch });
      return latch.promise;
    },
    get resigned() {
      return tenure.isOver;
    },
    tenure,
    resign() {
      if (tenure.isOver) return;
      for (const stop of stops) stop();
      tenure.end();
      for (const { latch } of waiting) latch.resolve(false);
      waiting = [];
    },
  };
}

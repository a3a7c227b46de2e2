// A partition that this node follows: what to ask its leader for, and what to do with the answer. Where the two logs part
// is found by epoch, and never by offset alone (KIP-101, KIP-279, KIP-595): an offset says nothing about what stands there.
import { isFault } from '../kernel/fault.ts';
import type { PartitionLog } from '../log/partition-log.ts';
import type { RequestOf, ResponseOf } from '../protocol/api-table.ts';
import { errorOf } from '../protocol/error-code.ts';

type AskedTopic = RequestOf<'fetch'>['topics'][number];
export type AskedPartition = AskedTopic['partitions'][number];
export type FetchedPartition = ResponseOf<'fetch'>['responses'][number]['partitions'][number];

export interface Followed {
  readonly topicId: string;
  readonly partition: number;
  readonly leaderEpoch: number;
  readonly log: PartitionLog;
}

/** 'outOfRange': the leader must be asked where its log begins and ends. 'later': it isn't the leader, or can't now. */
export type Taken = 'taken' | 'outOfRange' | 'later';

/** Who hands records to consumers says what it knows, to be told at once of more (KIP-392); others never do. */
const unsaid = Number.MAX_SAFE_INTEGER;

/** Of a follower that has caught up and of one that is far behind alike. */
export const partitionBytesMax = 1 << 20;

export const askFor = (
  { partition, leaderEpoch, log }: Followed,
  servesConsumers: boolean,
): Partial<AskedPartition> => ({
  partition,
  currentLeaderEpoch: leaderEpoch,
  fetchOffset: log.logEndOffset,
  lastFetchedEpoch: log.logEndOffset > log.logStartOffset ? log.leaderEpoch : -1,
  logStartOffset: log.logStartOffset,
  partitionMaxBytes: partitionBytesMax,
  highWatermark: servesConsumers ? log.highWatermark : unsaid,
});

/** @throws what the log throws: it can't be written, or the bytes came broken */
export async function takeAnswer(followed: Followed, answer: FetchedPartition): Promise<Taken> {
  const { log } = followed;
  const { errorCode, divergingEpoch, highWatermark, logStartOffset, records } = answer;
  if (errorCode !== 0) return errorOf(errorCode).name === 'OFFSET_OUT_OF_RANGE' ? 'outOfRange' : 'later';
  if (divergingEpoch.epoch >= 0 || divergingEpoch.endOffset >= 0) {
    assertNoLaterLeader(followed);
    await log.truncateTo(commonEnd(log, divergingEpoch));
    return 'taken';
  }
  if (records !== null && records.length > 0) {
    try {
      await log.appendReplica(records);
    } catch (error) {
      if (!isFault(error, 'LOG_REFUSED') || error.detail.error !== 'INVALID_RECORD') throw error;
      // A batch of the leader's spans this log's end: what is here was batched by another leader, and is fetched anew.
      await log.truncateTo(log.highWatermark);
      return 'taken';
    }
  }
  log.advanceHighWatermark(highWatermark);
  const start = Math.min(logStartOffset, log.highWatermark);
  if (start > log.logStartOffset) await log.deleteRecordsBefore(start);
  return 'taken';
}

/** The last offset up to which both logs may be the same, by what the leader says of the follower's last epoch. */
function commonEnd(log: PartitionLog, leaders: { readonly epoch: number; readonly endOffset: number }): number {
  const own = log.epochEnd(leaders.epoch);
  // Nothing here is as old as what the leader knows: its end is all that is left to go by.
  if (own.endOffset < 0) return Math.max(leaders.endOffset, log.logStartOffset);
  return own.leaderEpoch === leaders.epoch ? Math.min(own.endOffset, leaders.endOffset) : own.endOffset;
}

/** After 'outOfRange': begins where the leader begins, or is cut to where it ends, as after an unclean election. */
export async function fitInto(
  followed: Followed,
  leader: { readonly start: number; readonly end: number },
): Promise<void> {
  const { log } = followed;
  if (log.logEndOffset < leader.start) return log.restartAt(leader.start);
  assertNoLaterLeader(followed);
  // All that is here comes after the leader's end: an empty log that begins there would wait for ever, or lack what is between.
  if (leader.end < log.logStartOffset) return log.restartAt(leader.start);
  await log.truncateTo(leader.end);
}

/** Whoever follows a leader that isn't the latest here any more hasn't heard of the one after it: what that one wrote may be acknowledged. */
function assertNoLaterLeader({ log, leaderEpoch }: Followed): void {
  if (log.leaderEpoch > leaderEpoch)
    throw new Error(
      `its records are of leader epoch ${log.leaderEpoch}: they are not cut for a leader of ${leaderEpoch}`,
    );
}

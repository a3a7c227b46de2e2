// Fetch: 4-18. Waits for minBytes up to maxWaitMs and hands on batches as they are stored. From version 7 there are sessions
// (KIP-227), from 9 the reader may say which leader epoch it knows, from 12 the epoch of what it read last, and is told
// where its log and this one part (KIP-320). From 13 topics have ids. A partition that can't be read has an error of its own.
import { apis, type RequestOf } from '../../protocol/api-table.ts';
import type { ErrorName } from '../../protocol/error-code.ts';
import { codeOf, errorNameOf } from '../error-names.ts';
import type { AskedPartition, PartitionAnswer } from '../fetch-sessions.ts';
import { type Call, epochEndOf, epochError, findTopic, type Handler } from '../handler.ts';
import type { Led, Readable } from '../partitions.ts';
import { completeFetch, type PartitionRead } from '../pending-fetch.ts';

const idsFrom = 13;
const statesFrom = 15;
/** From here on a reader may read from a follower (KIP-392). */
const followersFrom = 11;
// The same object in every answer that has nothing to say there.
const unknownEpoch = { epoch: -1, endOffset: -1 };
const noLeader = { leaderId: -1, leaderEpoch: -1 };

/** Of a node that follows; consumers are none. */
interface Follower {
  readonly nodeId: number;
  readonly nodeEpoch: number;
}

interface FetchedPartition extends PartitionRead {
  /** Null where there is none. */
  readonly source: Readable | null;
  /** Its leader epoch is told to a reader that doesn't know it. */
  readonly leaderEpoch: number;
  readonly divergingEpoch: PartitionAnswer['divergingEpoch'];
  /** What is damaged here another node has, and will be asked for it: a reader tries again, as CORRUPT_MESSAGE would keep it from. */
  readonly hasOthers?: boolean;
}

export const fetch: Handler<'fetch'> = async (request, call) => {
  const { parts, caller, version } = call;
  const context = parts.fetchSessions.begin(request, version >= idsFrom);
  if (typeof context === 'string') return apis.fetch.response.create({ errorCode: codeOf(context) });
  const follower = followerOf(request, version);
  const reads = await Promise.all(context.partitions.map((asked) => open(asked, follower, call)));
  const consumers = request.isolationLevel === 1 ? 'readCommitted' : 'readUncommitted';
  const isolation = follower === null ? consumers : 'logEnd';
  await completeFetch(
    {
      reads,
      bytesMax: Math.min(request.maxBytes, parts.settings['fetch.max.bytes']),
      bytesMin: request.minBytes,
      waitMsMax: request.maxWaitMs,
      isolation,
    },
    { clock: parts.clock, signal: caller.signal, onClose: parts.onClose },
  );
  const answers = reads.map((read, i) =>
    answer(
      context.partitions[i]!.partition,
      stillLed(read, context.partitions[i]!),
      isolation === 'readCommitted',
      parts.settings.nodeId,
    ),
  );
  return { throttleTimeMs: 0, ...context.answer(answers), nodeEndpoints: [] };
};

function followerOf({ replicaId, replicaState }: RequestOf<'fetch'>, version: number): Follower | null {
  const nodeId = version >= statesFrom ? replicaState.replicaId : replicaId;
  return nodeId < 0 ? null : { nodeId, nodeEpoch: replicaState.replicaEpoch };
}

async function open(asked: AskedPartition, follower: Follower | null, call: Call): Promise<FetchedPartition> {
  const topic = findTopic(call.parts, { name: asked.topic, topicId: asked.topicId }, call.version >= idsFrom);
  if (typeof topic === 'string') return readOf(asked, null, topic);
  if (asked.partition < 0 || asked.partition >= topic.partitions)
    return readOf(asked, null, 'UNKNOWN_TOPIC_OR_PARTITION');
  try {
    const { partitions, clock } = call.parts;
    const fromLeader = follower !== null || call.version < followersFrom;
    const read = await (fromLeader
      ? partitions.led(topic, asked.partition)
      : partitions.readable(topic, asked.partition));
    const { log, leaderEpoch } = read;
    const error = epochError(asked.currentLeaderEpoch, leaderEpoch);
    if (error !== null) return { ...readOf(asked, null, error), endsWait: true, leaderEpoch };
    const hasOthers = !('inSyncCount' in read) || (read as Led).inSyncCount > 1;
    const found = { ...(asked.lastFetchedEpoch < 0 ? readOf(asked, read, 'NONE') : readAfter(asked, read)), hasOthers };
    if (follower === null || found.error !== 'NONE' || !found.moved) return found;
    // Where its log and this one are the same up to what it asks for, it has all before that.
    const fetch = { ...follower, offset: asked.fetchOffset, nowMs: clock.monotonicMs() };
    const isWithin = asked.fetchOffset >= log.logStartOffset && asked.fetchOffset <= log.logEndOffset;
    if (!isWithin || (read as Led).fetched(fetch)) return found;
    return { ...readOf(asked, null, 'UNKNOWN_LEADER_EPOCH'), endsWait: true };
  } catch (error) {
    return { ...readOf(asked, null, errorNameOf(error)), endsWait: true };
  }
}

/**
 * A log that follows another leader by the time of the answer may have been cut and filled again behind what was asked for: a
 * follower that took that over would keep what it has before it, and nobody would find the difference.
 */
const stillLed = (read: FetchedPartition, asked: AskedPartition): FetchedPartition =>
  read.source?.isOver ? readOf(asked, null, 'NOT_LEADER_OR_FOLLOWER') : read;

/** Reads on only from what the reader has in common with this log. */
function readAfter(asked: AskedPartition, read: Readable): FetchedPartition {
  const { log } = read;
  const { leaderEpoch, endOffset } = epochEndOf(read, asked.lastFetchedEpoch);
  if (endOffset < 0 || asked.fetchOffset < log.logStartOffset)
    return { ...readOf(asked, null, 'OFFSET_OUT_OF_RANGE'), endsWait: true };
  if (leaderEpoch === asked.lastFetchedEpoch && endOffset >= asked.fetchOffset) return readOf(asked, read, 'NONE');
  const divergingEpoch = { epoch: leaderEpoch, endOffset };
  return { ...readOf(asked, read, 'NONE'), moved: false, endsWait: true, divergingEpoch };
}

/** What can't be looked up doesn't end the wait for the rest, or its reader would ask for it in a tight loop; as in Kafka. */
const readOf = (asked: AskedPartition, source: Readable | null, error: ErrorName): FetchedPartition => ({
  source,
  log: source?.log ?? null,
  bytesMax: asked.partitionMaxBytes,
  error,
  endsWait: false,
  nextOffset: asked.fetchOffset,
  bytes: 0,
  records: [],
  aborted: [],
  moved: source !== null,
  leaderEpoch: -1,
  divergingEpoch: unknownEpoch,
});

const answer = (
  partitionIndex: number,
  { log, error, records, aborted, leaderEpoch, divergingEpoch, hasOthers = false }: FetchedPartition,
  committed: boolean,
  nodeId: number,
): PartitionAnswer => ({
  partitionIndex,
  errorCode: codeOf(error === 'CORRUPT_MESSAGE' && hasOthers ? 'KAFKA_STORAGE_ERROR' : error),
  highWatermark: log?.highWatermark ?? -1,
  lastStableOffset: log?.lastStableOffset ?? -1,
  logStartOffset: log?.logStartOffset ?? -1,
  divergingEpoch,
  currentLeader: error === 'FENCED_LEADER_EPOCH' ? { leaderId: nodeId, leaderEpoch } : noLeader,
  snapshotId: unknownEpoch,
  abortedTransactions: committed ? aborted : null,
  preferredReadReplica: -1,
  records,
});

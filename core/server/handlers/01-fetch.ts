// Fetch: 4-18. Waits for minBytes up to maxWaitMs and hands on batches as they are stored. From version 7 there are sessions
// (KIP-227), from 9 the reader may say which leader epoch it knows, from 12 the epoch of what it read last, and is told
// where its log and this one part (KIP-320). From 11 a consumer that says its rack is sent to a copy there (KIP-392). From 13
// topics have ids. A partition that can't be read has an error of its own. Nothing is said of a log that this node doesn't
// lead, or follow, in the epoch any more in which it began to read.
import type { ReadOptions } from '../../log/partition-log.ts';
import { apis, type RequestOf } from '../../protocol/api-table.ts';
import type { ErrorName } from '../../protocol/error-code.ts';
import { endless } from '../../replication/tenure.ts';
import { closestReplica, nodesInRack } from '../closest-replica.ts';
import { cutOff, isCutOff } from '../cut-off.ts';
import { codeOf, errorNameOf } from '../error-names.ts';
import type { AskedPartition, PartitionAnswer } from '../fetch-sessions.ts';
import { type Call, epochEndOf, epochError, findTopic, type Handler, type NodeParts } from '../handler.ts';
import { createLeaderHints, noLeader } from '../leader-hints.ts';
import type { Led, Readable } from '../partitions.ts';
import { completeFetch, type PartitionRead } from '../pending-fetch.ts';

const idsFrom = 13;
const statesFrom = 15;
/** From here on a reader may read from a follower (KIP-392). */
const followersFrom = 11;
/** KIP-951. */
const hintsFrom = { leader: 12, address: 16 };
// The same object in every answer that has nothing to say there.
const unknownEpoch = { epoch: -1, endOffset: -1 };

/** Of a node that follows; consumers are none. */
interface Follower {
  readonly nodeId: number;
  readonly nodeEpoch: number;
}

interface FetchedPartition extends PartitionRead {
  readonly divergingEpoch: PartitionAnswer['divergingEpoch'];
  /** Whom to read from instead; -1 for nobody. */
  readonly preferredReplica: number;
  /** What is damaged here another node has, and will be asked for it: a reader tries again, as CORRUPT_MESSAGE would keep it from. */
  readonly hasOthers?: boolean;
  /** Where it is read from its leader. */
  readonly led?: Led;
  /** A replica's that is not in sync: what it gets counts (KIP-73). */
  readonly isThrottled: boolean;
}

interface Reader {
  readonly follower: Follower | null;
  /** Nodes in its rack; null where it has none, or follows. */
  readonly inRack: ReadonlySet<number> | null;
}

export const fetch: Handler<'fetch'> = async (request, call) => {
  const { parts, caller, version } = call;
  const follower = followerOf(request, version);
  const context = parts.fetchSessions.begin(request, version >= idsFrom, follower !== null);
  if (typeof context === 'string') return apis.fetch.response.create({ errorCode: codeOf(context) });
  const inRack = follower === null ? nodesInRack(parts.view.nodes(), request.rackId) : null;
  const reads = await Promise.all(context.partitions.map((asked) => open(asked, { follower, inRack }, call)));
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
  const lost = follower === null ? reads.filter((read) => isLost(read, isolation, parts)) : [];
  if (lost.length > 0 && reads.every(({ bytes, endsWait }) => bytes === 0 && !endsWait)) throw cutOff(parts);
  // The others are answered; a client asks where these are, and comes for them alone.
  for (const read of lost) read.error = 'NOT_LEADER_OR_FOLLOWER';
  for (const { isThrottled, bytes } of reads) if (isThrottled) parts.throttle.record(bytes);
  // From here to the answer nothing is awaited.
  const hints = createLeaderHints(call, hintsFrom);
  const answers = reads.map((read, i) => {
    const { topic: name, topicId, partition } = context.partitions[i]!;
    const found = answer(partition, read, isolation === 'readCommitted');
    if (found.errorCode === 0) return found;
    const topic = findTopic(parts, { name, topicId }, version >= idsFrom);
    return { ...found, currentLeader: hints.of(found.errorCode, topic, partition) };
  });
  return { throttleTimeMs: 0, ...context.answer(answers), nodeEndpoints: hints.endpoints() };
};

function followerOf({ replicaId, replicaState }: RequestOf<'fetch'>, version: number): Follower | null {
  const nodeId = version >= statesFrom ? replicaState.replicaId : replicaId;
  return nodeId < 0 ? null : { nodeId, nodeEpoch: replicaState.replicaEpoch };
}

async function open(asked: AskedPartition, { follower, inRack }: Reader, call: Call): Promise<FetchedPartition> {
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
    if (error !== null) return { ...readOf(asked, null, error), endsWait: true };
    if (!read.isLeader) return { ...readCopy(asked, read), hasOthers: true };
    const led = read as Led;
    // Of a copy that hasn't been heard of it isn't known whether it is still there.
    if (inRack !== null && !isCutOff(call.parts, led)) {
      const preferredReplica = closestReplica(
        ...([inRack, call.parts.settings.nodeId, led.inSyncFollowers(), asked.fetchOffset] as const),
      );
      if (preferredReplica >= 0)
        return { ...readOf(asked, read, 'NONE'), moved: false, endsWait: true, preferredReplica };
    }
    const common = { led, hasOthers: led.inSyncCount > 1 };
    const found = { ...(asked.lastFetchedEpoch < 0 ? readOf(asked, read, 'NONE') : readAfter(asked, read)), ...common };
    if (follower === null || found.error !== 'NONE' || !found.moved) return found;
    // Where its log and this one are the same up to what it asks for, it has all before that.
    const fetch = {
      ...follower,
      ...{ offset: asked.fetchOffset, startOffset: asked.logStartOffset, nowMs: clock.monotonicMs() },
    };
    const isWithin = asked.fetchOffset >= log.logStartOffset && asked.fetchOffset <= log.logEndOffset;
    if (!isWithin || led.fetched(fetch)) {
      const { throttle } = call.parts;
      const isThrottled = !led.isInSync(follower.nodeId) && throttle.covers(topic.name, asked.partition);
      return isThrottled ? { ...found, isThrottled, isHeld: throttle.isExceeded } : found;
    }
    return { ...readOf(asked, null, 'UNKNOWN_LEADER_EPOCH'), endsWait: true };
  } catch (error) {
    return { ...readOf(asked, null, errorNameOf(error)), endsWait: true };
  }
}

/** Its reader has all there is, and what comes may come elsewhere. */
function isLost(read: FetchedPartition, isolation: ReadOptions['isolation'], parts: NodeParts): boolean {
  const { led, bytes, endsWait, nextOffset } = read;
  if (led === undefined || bytes > 0 || endsWait || !isCutOff(parts, led)) return false;
  return nextOffset >= (isolation === 'readCommitted' ? led.log.lastStableOffset : led.log.highWatermark);
}

/**
 * From a log that follows. What it has above its high watermark may be cut off yet, so it says nothing of that, nor of where
 * logs part there: a reader that is ahead asks again, or asks the leader (KIP-392).
 */
function readCopy(asked: AskedPartition, read: Readable): FetchedPartition {
  const { log } = read;
  if (asked.fetchOffset < log.logStartOffset || asked.fetchOffset > log.logEndOffset)
    return { ...readOf(asked, null, 'OFFSET_OUT_OF_RANGE'), endsWait: true };
  if (asked.fetchOffset > log.highWatermark) return { ...readOf(asked, null, 'OFFSET_NOT_AVAILABLE'), endsWait: true };
  return asked.lastFetchedEpoch < 0 ? readOf(asked, read, 'NONE') : readAfter(asked, read);
}

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
const readOf = (asked: AskedPartition, read: Readable | null, error: ErrorName): FetchedPartition => ({
  log: read?.log ?? null,
  tenure: read?.tenure ?? endless,
  knownHighWatermark: asked.knownHighWatermark,
  bytesMax: asked.partitionMaxBytes,
  error,
  endsWait: false,
  nextOffset: asked.fetchOffset,
  bytes: 0,
  records: [],
  aborted: [],
  moved: read !== null,
  divergingEpoch: unknownEpoch,
  preferredReplica: -1,
  isThrottled: false,
  isHeld: false,
});

function answer(partitionIndex: number, read: FetchedPartition, committed: boolean): PartitionAnswer {
  const { log, records, aborted, divergingEpoch, hasOthers = false } = read;
  const error = read.error === 'CORRUPT_MESSAGE' && hasOthers ? 'KAFKA_STORAGE_ERROR' : read.error;
  // It may have been cut by another leader while this one waited: what was read of it may be in no log any more.
  if (read.tenure.isOver) return refused(partitionIndex, 'NOT_LEADER_OR_FOLLOWER');
  return {
    ...refused(partitionIndex, error),
    highWatermark: log?.highWatermark ?? -1,
    lastStableOffset: log?.lastStableOffset ?? -1,
    logStartOffset: log?.logStartOffset ?? -1,
    divergingEpoch,
    abortedTransactions: committed ? aborted : null,
    preferredReadReplica: read.preferredReplica,
    records,
  };
}

const refused = (partitionIndex: number, error: ErrorName): PartitionAnswer => ({
  partitionIndex,
  errorCode: codeOf(error),
  ...{ highWatermark: -1, lastStableOffset: -1, logStartOffset: -1 },
  divergingEpoch: unknownEpoch,
  currentLeader: noLeader,
  snapshotId: unknownEpoch,
  abortedTransactions: null,
  preferredReadReplica: -1,
  records: [],
});

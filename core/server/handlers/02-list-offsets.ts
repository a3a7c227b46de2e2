// ListOffsets: 1-11. Besides a time: -1 the end (of what is stable, for readers of committed records), -2 the start, from
// version 7 -3 the newest record, from 8 -4 the local start; -5 and -6 are of tiered storage, which there is none of.

import { apis, type RequestOf } from '../../protocol/api-table.ts';
import type { ErrorName } from '../../protocol/error-code.ts';
import { codeOf, errorNameOf } from '../error-names.ts';
import { type Call, epochError, type Handler } from '../handler.ts';
import type { Readable } from '../partitions.ts';

const epochFrom = 4;
const notAvailableFrom = 5;
const latest = -1;
const earliest = -2;
const newest = -3;
const earliestLocal = -4;
const tiered = [-5, -6];

type AskedPartition = RequestOf<'listOffsets'>['topics'][number]['partitions'][number];
interface Found {
  readonly offset: number;
  readonly timestampMs: number;
  readonly leaderEpoch: number;
}

/** Asks a replica that need not lead how far it is, as Kafka's own tools for replicas do (Kafka's `DEBUGGING_REPLICA_ID`). */
const anyReplica = -2;

/** Up to where the asker may see: readers of committed records, readers of all, followers. */
type Bound = 'lastStableOffset' | 'highWatermark' | 'logEndOffset';

const nothing: Found = { offset: -1, timestampMs: -1, leaderEpoch: -1 };

export const listOffsets: Handler<'listOffsets'> = async (request, call) => {
  const consumers = request.isolationLevel === 1 ? 'lastStableOffset' : 'highWatermark';
  const bound = request.replicaId >= 0 || request.replicaId === anyReplica ? 'logEndOffset' : consumers;
  const open = request.replicaId === anyReplica ? call.parts.partitions.readable : call.parts.partitions.led;
  const topics = request.topics.map(async ({ name, partitions }) => ({
    name,
    partitions: await Promise.all(partitions.map((partition) => answer(name, partition, { bound, open }, call))),
  }));
  return apis.listOffsets.response.create({ topics: await Promise.all(topics) });
};

interface View {
  readonly bound: Bound;
  readonly open: Call['parts']['partitions']['readable'];
}

async function answer(name: string, asked: AskedPartition, { bound, open }: View, { parts, version }: Call) {
  const { partitionIndex } = asked;
  const refused = (error: ErrorName) => ({
    partitionIndex,
    errorCode: codeOf(error),
    offset: -1,
    timestamp: -1,
    leaderEpoch: -1,
  });
  const topic = parts.catalog.image.topics.get(name);
  if (topic === undefined || partitionIndex < 0 || partitionIndex >= topic.partitions)
    return refused('UNKNOWN_TOPIC_OR_PARTITION');
  try {
    const led = await open(topic, partitionIndex);
    const error = epochError(asked.currentLeaderEpoch, led.leaderEpoch);
    if (error !== null) return refused(error);
    const found = await find(led, asked.timestamp, bound);
    if (found === 'UNSUPPORTED_VERSION') return refused(found);
    // Looked up on disk meanwhile: it may be another leader's log by now.
    if (led.tenure.isOver) return refused('NOT_LEADER_OR_FOLLOWER');
    // A new leader learns the high watermark from its followers: until then the end would seem to go back (KIP-207).
    const isBehind = bound !== 'logEndOffset' && led.log.highWatermark < led.epochStartOffset;
    if (isBehind && (asked.timestamp === latest || (asked.timestamp >= newest && found.offset < 0)))
      return refused(version >= notAvailableFrom ? 'OFFSET_NOT_AVAILABLE' : 'LEADER_NOT_AVAILABLE');
    return {
      partitionIndex,
      errorCode: 0,
      offset: found.offset,
      timestamp: found.timestampMs,
      leaderEpoch: version >= epochFrom ? found.leaderEpoch : -1,
    };
  } catch (error) {
    return refused(errorNameOf(error));
  }
}

async function find(
  { log, leaderEpoch }: Readable,
  timestamp: number,
  bound: Bound,
): Promise<Found | 'UNSUPPORTED_VERSION'> {
  const end = log[bound];
  if (timestamp === latest) return { offset: end, timestampMs: -1, leaderEpoch };
  if (timestamp === earliest || timestamp === earliestLocal)
    return { offset: log.logStartOffset, timestampMs: -1, leaderEpoch };
  if (tiered.includes(timestamp)) return nothing;
  if (timestamp < newest) return 'UNSUPPORTED_VERSION';
  const found = timestamp === newest ? await log.maxTimestamp() : await log.offsetForTimestamp(timestamp);
  return found === null || found.offset >= end ? nothing : found;
}

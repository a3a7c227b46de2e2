// One partition as a fetcher has it, and the request for several. Data only: the fetcher decides.
import { partitionName, type TopicPartition } from '../kernel/ids.ts';
import { apis, type RequestOf, type ResponseOf } from '../protocol/api-table.ts';
import type { Isolation } from './list-offsets.ts';
import { byTopic } from './offsets.ts';

export interface FetchPosition extends TopicPartition {
  /** Of the first record wanted. */
  readonly offset: number;
}

export interface FetchedPartition extends TopicPartition {
  /** Records below are not wanted: a batch is fetched whole. */
  readonly fetchOffset: number;
  /** Whole data batches in order. None where only control or aborted batches were there, or nothing is any more. */
  readonly batches: Uint8Array[];
  /** Where the partition goes on, past control batches and gaps; before `fetchOffset` where a leader has lost what was read. */
  readonly nextOffset: number;
  readonly highWatermark: number;
  readonly lastStableOffset: number;
  readonly logStartOffset: number;
  readonly sizeBytes: number;
}

/** A copy that the leader has sent its reader to (KIP-392). */
export interface ReadReplica {
  readonly nodeId: number;
  readonly untilMs: number;
}

export interface Assigned {
  readonly topic: string;
  readonly partition: number;
  /** Where the next request begins. */
  position: number;
  /** Where the next poll begins. */
  handedOut: number;
  /** Of the batch before `position`, by which a node sees whether its log is still the one that was read; -1: not known. */
  lastEpoch: number;
  /** Of the topic that was read; undefined before, or where the cluster has no ids. */
  topicId: string | undefined;
  /** Read from instead of the leader; null for the leader. */
  replica: ReadReplica | null;
  paused: boolean;
  busy: boolean;
  failed: boolean;
  /** Counts seeks: an answer to a request from before one is dropped. */
  seeks: number;
  bufferedBytes: number;
  fetched: FetchedPartition[];
  end: number | undefined;
  retryAtMs: number;
  tries: number;
}

export function createAssigned(topic: string, partition: number, offset: number): Assigned {
  return {
    topic,
    partition,
    position: offset,
    handedOut: offset,
    lastEpoch: -1,
    topicId: undefined,
    replica: null,
    paused: false,
    busy: false,
    failed: false,
    seeks: 0,
    bufferedBytes: 0,
    fetched: [],
    end: undefined,
    retryAtMs: 0,
    tries: 0,
  };
}

export interface FetchLimits {
  readonly maxWaitMs: number;
  readonly minBytes: number;
  readonly maxBytes: number;
  readonly isolation: Isolation;
  readonly rackId: string;
  /** Of one partition in one answer. */
  readonly partitionBytesMax: number;
  /** Of one partition, fetched and not yet polled. */
  readonly shareBytes: number;
}

/** Before version 12 nodes aren't told which epoch was read last (KIP-595). */
const lastEpochFrom = 12;

/** @param epochOf of the leader as it is known: one that was replaced and doesn't know it is not to answer (KIP-320) */
export function fetchRequest(
  partitions: readonly Assigned[],
  limits: FetchLimits,
  epochOf: (topic: string, partition: number) => number,
): (version: number) => RequestOf<'fetch'> {
  const asked = partitions.map(({ topic, partition, position, lastEpoch, bufferedBytes }) => ({
    ...{ topic, partition, position, lastEpoch, bufferedBytes },
    leaderEpoch: epochOf(topic, partition),
  }));
  return (version) =>
    requestOf(version < lastEpochFrom ? asked.map((one) => ({ ...one, lastEpoch: -1 })) : asked, limits);
}

interface Asked extends Pick<Assigned, 'topic' | 'partition' | 'position' | 'lastEpoch' | 'bufferedBytes'> {
  readonly leaderEpoch: number;
}

function requestOf(partitions: readonly Asked[], limits: FetchLimits): RequestOf<'fetch'> {
  const { maxWaitMs, minBytes, maxBytes, isolation, rackId, partitionBytesMax, shareBytes } = limits;
  return apis.fetch.request.create({
    replicaId: -1,
    maxWaitMs,
    minBytes,
    maxBytes,
    isolationLevel: isolation === 'readCommitted' ? 1 : 0,
    rackId,
    topics: byTopic(partitions).map(([topic, list]) => ({
      topic,
      partitions: list.map(({ partition, position, lastEpoch, leaderEpoch, bufferedBytes }) => ({
        partition,
        currentLeaderEpoch: leaderEpoch,
        fetchOffset: position,
        lastFetchedEpoch: lastEpoch,
        partitionMaxBytes: Math.floor(Math.min(partitionBytesMax, shareBytes - bufferedBytes)),
      })),
    })),
  });
}

export type PartitionAnswer = ResponseOf<'fetch'>['responses'][number]['partitions'][number];

/** By the name of the partition. */
export function answersOf({ responses }: ResponseOf<'fetch'>): ReadonlyMap<string, PartitionAnswer> {
  const answers = new Map<string, PartitionAnswer>();
  for (const { topic, partitions } of responses) {
    for (const answer of partitions) answers.set(partitionName({ topic, partition: answer.partitionIndex }), answer);
  }
  return answers;
}

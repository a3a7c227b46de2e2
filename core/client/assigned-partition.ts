// One partition as a fetcher has it, and the request for several. Data only: the fetcher decides.
import type { TopicPartition } from '../kernel/ids.ts';
import { apis, type RequestOf } from '../protocol/api-table.ts';
import type { Isolation } from './list-offsets.ts';
import { byTopic } from './offsets.ts';

export interface FetchPosition extends TopicPartition {
  /** Of the first record wanted. */
  readonly offset: number;
}

export interface FetchedPartition extends TopicPartition {
  /** Records below are not wanted: a batch is fetched whole. */
  readonly fetchOffset: number;
  /** Whole data batches in order. None where only control or aborted batches were there. */
  readonly batches: Uint8Array[];
  /** Where the partition goes on, past control batches and gaps. */
  readonly nextOffset: number;
  readonly highWatermark: number;
  readonly lastStableOffset: number;
  readonly logStartOffset: number;
  readonly sizeBytes: number;
}

export interface Assigned {
  readonly topic: string;
  readonly partition: number;
  /** Where the next request begins. */
  position: number;
  /** Where the next poll begins. */
  handedOut: number;
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
  /** Of one partition in one answer. */
  readonly partitionBytesMax: number;
  /** Of one partition, fetched and not yet polled. */
  readonly shareBytes: number;
}

export function fetchRequest(partitions: readonly Assigned[], limits: FetchLimits): RequestOf<'fetch'> {
  const { maxWaitMs, minBytes, maxBytes, isolation, partitionBytesMax, shareBytes } = limits;
  return apis.fetch.request.create({
    replicaId: -1,
    maxWaitMs,
    minBytes,
    maxBytes,
    isolationLevel: isolation === 'readCommitted' ? 1 : 0,
    topics: byTopic(partitions).map(([topic, list]) => ({
      topic,
      partitions: list.map(({ partition, position, bufferedBytes }) => ({
        partition,
        fetchOffset: position,
        partitionMaxBytes: Math.floor(Math.min(partitionBytesMax, shareBytes - bufferedBytes)),
      })),
    })),
  });
}

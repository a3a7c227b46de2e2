// What a fetcher can be told. Nothing here but the options, with their defaults in words.
import type { Isolation } from './list-offsets.ts';

export interface FetcherOptions {
  /** Default 'readCommitted': records of open and aborted transactions are not handed out. */
  readonly isolation?: Isolation;
  /** Where to go on when an offset isn't in the log any more; 'error' makes `poll` reject with `OFFSET_OUT_OF_RANGE` or `LOG_TRUNCATED`. Default 'error'. */
  readonly from?: 'earliest' | 'latest' | 'error';
  /** Fetched and not yet polled, at most, but for the last batch. Default 16 MiB. */
  readonly bufferBytesMax?: number;
  /** Of one partition in one request. Default 1 MiB. */
  readonly partitionBytesMax?: number;
  /** How long a node may hold a request back for want of records. Default 500 ms. */
  readonly maxWaitMs?: number;
  /** Bytes worth an answer before that. Default 1. */
  readonly minBytes?: number;
  /** Whether checksums of batches are verified. Default true. */
  readonly checkCrcs?: boolean;
  /** How long a topic may be missing before `poll` rejects with `TOPIC_NOT_FOUND`. Default 30 s. */
  readonly missingTopicMsMax?: number;
  /** Where the reader is: a leader elsewhere may send it to a copy in that rack (`client.rack`, KIP-392). */
  readonly rackId?: string;
  /** How long such a copy is read from before the leader is asked again (`metadata.max.age.ms`). Default 5 min. */
  readonly metadataMaxAgeMs?: number;
}

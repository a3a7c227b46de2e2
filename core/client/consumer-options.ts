// What a consumer can be told. Nothing here but the options, with their defaults in words.
import type { TopicPartition } from '../kernel/ids.ts';
import type { Decoder } from '../schema/serde.ts';
import type { AssignorName } from './assignors.ts';
import type { Isolation } from './list-offsets.ts';

export interface ConsumerOptions<K = Uint8Array, V = Uint8Array> {
  /** Needed by `subscribe`, `commit` and `committed`. */
  readonly groupId?: string;
  /** Makes the member static (KIP-345). */
  readonly groupInstanceId?: string;
  /** Where to begin without a committed offset, or when it isn't in the log any more. Default 'latest', as Kafka's `auto.offset.reset`. */
  readonly from?: 'earliest' | 'latest';
  /** Default: bytes, as views of a copy of their batch that is the caller's own; `slice()` what is kept for long. */
  readonly key?: Decoder<K>;
  readonly value?: Decoder<V>;
  /** Default 'readCommitted'. */
  readonly isolation?: Isolation;
  /** Whether offsets are committed as records are done with. Default true where there is a group. */
  readonly autoCommit?: boolean;
  /** Default 5 s. */
  readonly autoCommitIntervalMs?: number;
  /** Records of one `poll`, at most. Default 500. */
  readonly pollRecordsMax?: number;
  /** Fetched and not yet handed out, at most. Default 16 MiB. */
  readonly bufferBytesMax?: number;
  /** Best first. Default `['cooperative-sticky']`. */
  readonly assignors?: readonly AssignorName[];
  /** Default 45 s. */
  readonly sessionTimeoutMs?: number;
  /** How long a turn may hold up a rebalance. Default 60 s. */
  readonly rebalanceTimeoutMs?: number;
  readonly heartbeatIntervalMs?: number;
  /** Where the consumer is: it reads from copies in that rack where there are any (`client.rack`, KIP-392). */
  readonly rackId?: string;
  /** How often the group's leader looks for new partitions, by default every 30 s, and a reader whether there is a closer copy, 5 min. */
  readonly metadataMaxAgeMs?: number;
  /** After partitions were taken up, and before and after they are let go. */
  readonly onRebalance?: (change: {
    readonly kind: 'assigned' | 'revoked' | 'lost';
    readonly partitions: readonly TopicPartition[];
  }) => void | Promise<void>;
}

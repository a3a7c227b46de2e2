// What a handler is and what it is given. A handler answers one API; what a peer did wrong is a code in the answer, for
// the part of the request it is wrong in. It throws only for what nobody foresaw.
import type { Catalog, TopicImage } from '../controller/catalog.ts';
import type { GroupShard } from '../coordinator/group/group-shard.ts';
import type { CoordinatorRuntime } from '../coordinator/runtime.ts';
import type { TransactionMarker } from '../coordinator/shard.ts';
import type { TransactionCoordinator } from '../coordinator/transaction/coordinator.ts';
import type { Clock } from '../kernel/clock.ts';
import type { Logger } from '../kernel/logger.ts';
import type { Random } from '../kernel/random.ts';
import type { ApiName, RequestOf, ResponseOf } from '../protocol/api-table.ts';
import type { ErrorName } from '../protocol/error-code.ts';
import type { Throttle } from '../replication/throttle.ts';
import type { Cluster } from './cluster/open-cluster.ts';
import type { ClusterView } from './cluster-view.ts';
import type { FetchSessions } from './fetch-sessions.ts';
import type { LogDir } from './log-dir.ts';
import type { NodeSettings } from './node-config.ts';
import type { NodeConfigs } from './node-configs.ts';
import type { Partitions, Readable } from './partitions.ts';
import type { Topics } from './topics.ts';
import type { TransactionCheck } from './transaction-check.ts';

/** The parts of a node that handlers work with. */
export interface NodeParts {
  readonly settings: NodeSettings;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly catalog: Catalog;
  readonly topics: Topics;
  readonly partitions: Partitions;
  readonly view: ClusterView;
  /** Null where the node is alone. */
  readonly cluster: Cluster | null;
  readonly nodeConfigs: NodeConfigs;
  readonly groups: CoordinatorRuntime<GroupShard>;
  readonly transactions: TransactionCoordinator;
  readonly transactionCheck: TransactionCheck;
  /** Ends a producer's transaction in one partition. */
  writeMarker(topic: TopicImage, partition: number, marker: TransactionMarker): Promise<void>;
  readonly fetchSessions: FetchSessions;
  /** Of what this node gives to replicas that are not in sync. */
  readonly throttle: Throttle;
  readonly logDir: LogDir;
  /** APIs that have a handler, for ApiVersions. */
  readonly apis: readonly ApiName[];
  /** Calls back when the node closes, for what waits; returns how to unsubscribe. */
  onClose(listener: () => void): () => void;
}

/** Who asks. */
export interface Caller {
  readonly clientId: string;
  /** As DescribeGroups shows it: '/127.0.0.1'; '/in-process' for callers in this process. */
  readonly clientHost: string;
  /** Ends a request that waits. */
  readonly signal?: AbortSignal;
}

export interface Call {
  readonly version: number;
  readonly parts: NodeParts;
  readonly caller: Caller;
}

export type Handler<N extends ApiName> = (request: RequestOf<N>, call: Call) => Promise<ResponseOf<N>>;

/** A topic as a request names it: by id from the version on that has ids, by name before. */
export function findTopic(
  { catalog }: NodeParts,
  { name, topicId }: { name: string; topicId: string },
  byId: boolean,
): TopicImage | ErrorName {
  return byId
    ? (catalog.image.topicsById.get(topicId) ?? 'UNKNOWN_TOPIC_ID')
    : (catalog.image.topics.get(name) ?? 'UNKNOWN_TOPIC_OR_PARTITION');
}

/** Whether the caller knows the leader epoch that holds (KIP-320); -1 claims nothing. */
export function epochError(claimed: number, current: number): ErrorName | null {
  if (claimed < 0 || claimed === current) return null;
  return claimed < current ? 'FENCED_LEADER_EPOCH' : 'UNKNOWN_LEADER_EPOCH';
}

/**
 * Where the largest leader epoch up to `leaderEpoch` ends. The epoch that holds has begun when the log did, also where
 * it has no record yet.
 */
export function epochEndOf(led: Readable, leaderEpoch: number): { leaderEpoch: number; endOffset: number } {
  const { log } = led;
  const end = log.epochEnd(leaderEpoch);
  const isEmpty = end.endOffset < 0 && leaderEpoch === led.leaderEpoch;
  return isEmpty ? { leaderEpoch, endOffset: log.logEndOffset } : end;
}

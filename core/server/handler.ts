// What a handler is and what it is given. A handler answers one API; what a peer did wrong is a code in the answer, for
// the part of the request it is wrong in. It throws only for what nobody foresaw.
import type { Catalog, TopicImage } from '../controller/catalog.ts';
import type { GroupShard } from '../coordinator/group/group-shard.ts';
import type { CoordinatorRuntime } from '../coordinator/runtime.ts';
import type { TransactionCoordinator } from '../coordinator/transaction/coordinator.ts';
import type { Clock } from '../kernel/clock.ts';
import { Fault } from '../kernel/fault.ts';
import type { Logger } from '../kernel/logger.ts';
import type { Random } from '../kernel/random.ts';
import type { ApiName, RequestOf, ResponseOf } from '../protocol/api-table.ts';
import { type ErrorName, errors } from '../protocol/error-code.ts';
import type { NodeSettings } from './node-config.ts';
import type { Topics } from './topics.ts';

/** The parts of a node that handlers work with. */
export interface NodeParts {
  readonly settings: NodeSettings;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly catalog: Catalog;
  readonly topics: Topics;
  readonly groups: CoordinatorRuntime<GroupShard>;
  readonly transactions: TransactionCoordinator;
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

/** The error code of a failure on the way to a log or to the catalog; other errors are mistakes of ours and go on. */
export function errorNameOf(error: unknown): ErrorName {
  if (!(error instanceof Fault)) throw error;
  switch (error.code) {
    case 'LOG_REFUSED':
      return (error as Fault<'LOG_REFUSED'>).detail.error as ErrorName;
    case 'STORAGE_FAILED':
    case 'STORAGE_IN_USE':
      return 'KAFKA_STORAGE_ERROR';
    case 'CORRUPT_BATCH':
    case 'MALFORMED_BYTES':
      return 'CORRUPT_MESSAGE';
    case 'UNSUPPORTED_COMPRESSION':
      return 'UNSUPPORTED_COMPRESSION_TYPE';
    case 'CLOSED':
      return 'NOT_LEADER_OR_FOLLOWER';
    default:
      throw error;
  }
}

/**
 * The same on the way to a coordinator. Where its log can't be written a client is to look for the coordinator again and
 * retry, as in Kafka's mapping.
 */
export function coordinatorErrorOf(error: unknown): ErrorName {
  const name = errorNameOf(error);
  if (name === 'KAFKA_STORAGE_ERROR') return 'NOT_COORDINATOR';
  return name === 'NOT_LEADER_OR_FOLLOWER' ? 'COORDINATOR_NOT_AVAILABLE' : name;
}

export const codeOf = (name: ErrorName): number => errors[name].code;

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

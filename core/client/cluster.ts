// What the client knows of a cluster: nodes and connections, leaders, coordinators, and the versions each node speaks.
// All of it is a cache that whoever meets a wrong answer throws away. Nothing here knows records, groups or transactions.
import type { Clock } from '../kernel/clock.ts';
import { Fault, isFault } from '../kernel/fault.ts';
import type { Logger } from '../kernel/logger.ts';
import type { Random } from '../kernel/random.ts';
import { type ApiName, apis, type ResponseOf } from '../protocol/api-table.ts';
import { errorOf, errors } from '../protocol/error-code.ts';
import type { Network } from '../protocol/transport.ts';
import { zeroUuid } from '../protocol/uuid.ts';
import {
  bootstrapId,
  type ClusterCallOptions,
  createConnections,
  type NodeAddress,
  type RequestFor,
} from './connections.ts';
import { isRetriable, refusal, refusedWith, retrying } from './retry.ts';

export type { ClusterCallOptions, NodeAddress, RequestFor } from './connections.ts';

export interface PartitionMetadata {
  readonly partition: number;
  /** Node id; -1 while there is no leader. */
  readonly leader: number;
  readonly leaderEpoch: number;
  readonly replicas: readonly number[];
  readonly inSyncReplicas: readonly number[];
}

export interface TopicMetadata {
  readonly name: string;
  readonly topicId: string;
  /** Kept by the cluster for itself, as `__consumer_offsets`. */
  readonly internal: boolean;
  /** By partition number. */
  readonly partitions: readonly PartitionMetadata[];
}

export interface ClusterMetadata {
  readonly clusterId: string | null;
  readonly controllerId: number;
  readonly nodes: readonly NodeAddress[];
  /** Those that exist. */
  readonly topics: readonly TopicMetadata[];
}

/** A node by its id, any node, or the one that changes the cluster's metadata. */
export type Target = number | 'any' | 'controller';

export interface Cluster {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly clientId: string;
  /** @throws Fault `CONNECTION_LOST`, `TIMED_OUT`, `API_NOT_SERVED`; an error code in the answer is for the caller to read */
  call<N extends ApiName>(
    to: Target,
    api: N,
    request: RequestFor<N>,
    options?: ClusterCallOptions,
  ): Promise<ResponseOf<N>>;
  /** Asks for these topics (null: all) and remembers the answer. Those that don't exist are left out of it. */
  metadata(topics: readonly string[] | null, options?: { readonly createTopics?: boolean }): Promise<ClusterMetadata>;
  /** From memory, or asked for. @throws Fault `TOPIC_NOT_FOUND` */
  topic(name: string, options?: { readonly createTopics?: boolean }): Promise<TopicMetadata>;
  /** As last seen. */
  topicSeen(name: string): TopicMetadata | undefined;
  /** Node id of the leader as last seen; undefined: not known, or none. */
  leaderSeen(topic: string, partition: number): number | undefined;
  /** Epoch of the leader as last seen; -1 where it isn't known. */
  epochSeen(topic: string, partition: number): number;
  /** Its leaders are others, or it changed: the next `topic` asks again. */
  doubtTopic(name: string): void;
  /** Calls the coordinator of a group or a transactional id, found first. Errors as from `call`, and those of finding it. */
  callCoordinator<N extends ApiName>(
    of: CoordinatorKey,
    api: N,
    request: RequestFor<N>,
    options?: ClusterCallOptions,
  ): Promise<ResponseOf<N>>;
  /** Whether that error code means that the coordinator is elsewhere or not ready; forgets it if so. */
  coordinatorMoved(of: CoordinatorKey, errorCode: number): boolean;
  close(): Promise<void>;
}

export interface CoordinatorKey {
  readonly kind: 'group' | 'transaction';
  readonly key: string;
}

export interface ClusterOptions {
  readonly network: Network;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly clientId: string;
  /** How long one request may take. Default 30 s. */
  readonly requestTimeoutMs?: number;
  /** How long to look for a leader or coordinator, retrying. Default 60 s. */
  readonly apiTimeoutMs?: number;
}

export function createCluster(options: ClusterOptions): Cluster {
  const { network, clock, random, logger, clientId } = options;
  const apiTimeoutMs = options.apiTimeoutMs ?? 60_000;
  const nodes = new Map<number, NodeAddress>();
  const topics = new Map<string, TopicMetadata>();
  /** Topics whose leaders are in doubt; how many partitions they have stays known. */
  const stale = new Set<string>();
  const coordinators = new Map<string, number>();
  let controllerId = -1;

  const connections = createConnections({
    network,
    clock,
    requestTimeoutMs: options.requestTimeoutMs ?? 30_000,
    addressOf: (nodeId) => nodes.get(nodeId),
  });
  const callNode = connections.call;
  const retry = { clock, random, timeoutMs: apiTimeoutMs };
  /** How often a node did not answer: the next time that any one will do, it is another. */
  let silences = 0;
  /** Whoever ended a connection may have done so to be asked no more, and be connected again for something else. */
  let lastSilent = bootstrapId;

  /** Any node: first one that is connected, else a bootstrap one, then those that were heard of. */
  function anyNode(): number {
    for (const nodeId of nodes.keys()) if (nodeId !== lastSilent && connections.has(nodeId)) return nodeId;
    return [bootstrapId, ...nodes.keys()][silences % (nodes.size + 1)]!;
  }

  async function call<N extends ApiName>(to: Target, api: N, request: RequestFor<N>, callOptions?: ClusterCallOptions) {
    if (to === 'controller' && controllerId < 0) await metadata([]);
    const named = to === 'controller' && nodes.has(controllerId) ? controllerId : to;
    const nodeId = typeof named === 'number' ? named : anyNode();
    try {
      return await callNode(nodeId, api, request, callOptions);
    } catch (error) {
      if (to === 'controller' && isRetriable(error)) controllerId = -1;
      if (isRetriable(error)) {
        silences += 1;
        lastSilent = nodeId;
      }
      throw error;
    }
  }

  async function metadata(
    names: readonly string[] | null,
    { createTopics = false }: { readonly createTopics?: boolean } = {},
  ): Promise<ClusterMetadata> {
    const request = apis.metadata.request.create({
      topics: names?.map((name) => ({ name })) ?? null,
      allowAutoTopicCreation: createTopics,
    });
    const answer = await retrying(retry, () => call('any', 'metadata', request));
    for (const { nodeId, host, port, rack } of answer.brokers)
      nodes.set(nodeId, { nodeId, host, port, rack: rack ?? null });
    controllerId = answer.controllerId;
    const found: TopicMetadata[] = [];
    let refused: Fault | undefined;
    for (const topic of answer.topics) {
      const name = topic.name ?? '';
      if (topic.errorCode === 0 || topic.partitions.length > 0) {
        const seen = newest(topics.get(name), topicOf(name, topic));
        topics.set(name, seen);
        stale.delete(name);
        found.push(seen);
      } else {
        topics.delete(name);
        const { code } = errors.UNKNOWN_TOPIC_OR_PARTITION;
        if (topic.errorCode !== code && !errorOf(topic.errorCode).retriable) {
          refused ??= refusal('metadata', topic.errorCode, `topic '${name}'`);
        }
      }
    }
    if (refused !== undefined) throw refused;
    return { clusterId: answer.clusterId ?? null, controllerId, nodes: [...nodes.values()], topics: found };
  }

  async function topic(name: string, askOptions: { readonly createTopics?: boolean } = {}): Promise<TopicMetadata> {
    const seen = topics.get(name);
    if (seen !== undefined && !stale.has(name)) return seen;
    const { topics: found } = await metadata([name], askOptions);
    if (found[0] !== undefined) return found[0];
    if (!askOptions.createTopics) throw new Fault('TOPIC_NOT_FOUND', { topic: name });
    return retrying({ ...retry, retriable: (error) => isFault(error, 'TOPIC_NOT_FOUND') }, async () => {
      const again = await metadata([name], askOptions);
      if (again.topics[0] === undefined) throw new Fault('TOPIC_NOT_FOUND', { topic: name });
      return again.topics[0];
    });
  }

  async function findCoordinator(of: CoordinatorKey, signal: AbortSignal | undefined): Promise<number> {
    const id = `${of.kind} ${of.key}`;
    const known = coordinators.get(id);
    if (known !== undefined) return known;
    return retrying({ ...retry, signal }, async () => {
      const keyType = of.kind === 'group' ? 0 : 1;
      const { create } = apis.findCoordinator.request;
      const answer = await call('any', 'findCoordinator', (version) =>
        version < 4 ? create({ key: of.key, keyType }) : create({ keyType, coordinatorKeys: [of.key] }),
      );
      const found = answer.coordinators[0] ?? answer;
      if (found.errorCode !== 0) throw refusal('findCoordinator', found.errorCode, id, found.errorMessage);
      const { nodeId, host, port } = found;
      nodes.set(nodeId, { nodeId, host, port, rack: nodes.get(nodeId)?.rack ?? null });
      coordinators.set(id, nodeId);
      return nodeId;
    });
  }

  const forgetCoordinator = (of: CoordinatorKey) => coordinators.delete(`${of.kind} ${of.key}`);

  return {
    clock,
    random,
    logger,
    clientId,
    call,
    metadata,
    topic,
    topicSeen: (name) => topics.get(name),
    leaderSeen(name, partition) {
      const leader = stale.has(name) ? undefined : topics.get(name)?.partitions[partition]?.leader;
      return leader === undefined || leader < 0 ? undefined : leader;
    },
    epochSeen: (name, partition) => topics.get(name)?.partitions[partition]?.leaderEpoch ?? -1,
    doubtTopic: (name) => void stale.add(name),
    async callCoordinator(of, api, request, callOptions) {
      const nodeId = await findCoordinator(of, callOptions?.signal);
      try {
        return await callNode(nodeId, api, request, callOptions);
      } catch (error) {
        if (refusedWith(error) === undefined) forgetCoordinator(of);
        throw error;
      }
    },
    coordinatorMoved(of, errorCode) {
      const { NOT_COORDINATOR, COORDINATOR_NOT_AVAILABLE, COORDINATOR_LOAD_IN_PROGRESS } = errors;
      if (errorCode === COORDINATOR_LOAD_IN_PROGRESS.code) return true;
      if (errorCode !== NOT_COORDINATOR.code && errorCode !== COORDINATOR_NOT_AVAILABLE.code) return false;
      forgetCoordinator(of);
      return true;
    },
    close: connections.close,
  };
}

/** A node that is cut off tells of leaders that have been replaced since: what is known of later ones stands (KIP-320). */
function newest(known: TopicMetadata | undefined, told: TopicMetadata): TopicMetadata {
  if (known?.topicId !== told.topicId || told.topicId === zeroUuid) return told;
  const partitions = told.partitions.map((partition, i) => {
    const before = known.partitions[i];
    const isOlder = before !== undefined && partition.leaderEpoch >= 0 && partition.leaderEpoch < before.leaderEpoch;
    return isOlder ? before : partition;
  });
  return { ...told, partitions };
}

function topicOf(name: string, topic: ResponseOf<'metadata'>['topics'][number]): TopicMetadata {
  const partitions: PartitionMetadata[] = [];
  for (const { partitionIndex, leaderId, leaderEpoch, replicaNodes, isrNodes } of topic.partitions) {
    partitions[partitionIndex] = {
      partition: partitionIndex,
      leader: leaderId,
      leaderEpoch,
      replicas: replicaNodes,
      inSyncReplicas: isrNodes,
    };
  }
  return { name, topicId: topic.topicId, internal: topic.isInternal, partitions };
}

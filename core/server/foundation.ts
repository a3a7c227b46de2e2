// What a node stands on, alone or in a cluster: its catalog, its logs and topics, which partitions it leads, who else there
// is. Above it nobody knows which of the two it is.
import { type Catalog, openCatalog, type TopicImage } from '../controller/catalog.ts';
import type { Clock } from '../kernel/clock.ts';
import type { Logger } from '../kernel/logger.ts';
import type { Random } from '../kernel/random.ts';
import { createLogManager, type LogManager } from '../log/log-manager.ts';
import { startInSyncChanges } from '../replication/in-sync-changes.ts';
import type { PlacedTopic } from '../replication/place.ts';
import { createReplicas } from '../replication/replicas.ts';
import { createThrottle } from '../replication/throttle.ts';
import { createDisk } from '../storage/disk.ts';
import type { StorageEngine } from '../storage/storage.ts';
import { clusterPartitions } from './cluster/cluster-partitions.ts';
import { type Cluster, type ClusterOptions, type OnTopics, openCluster } from './cluster/open-cluster.ts';
import { createReplicaLogs } from './cluster/replica-logs.ts';
import { openReplicaRegistry } from './cluster/replica-registry.ts';
import { aloneView, type ClusterView, clusterView } from './cluster-view.ts';
import type { NodeSettings } from './node-config.ts';
import { createNodeConfigs, type NodeConfigs } from './node-configs.ts';
import { alonePartitions, type Partitions } from './partitions.ts';
import { createTopics, type Topics } from './topics.ts';

export interface FoundationOptions {
  readonly engine: StorageEngine;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly settings: NodeSettings;
}

export interface Foundation {
  readonly catalog: Catalog;
  readonly logs: LogManager;
  readonly topics: Topics;
  readonly nodeConfigs: NodeConfigs;
  readonly partitions: Partitions;
  readonly view: ClusterView;
  /** Null where the node is alone. */
  readonly cluster: Cluster | null;
  /** For cleaning, which takes what is open. */
  openAll(): Promise<void>;
  /** Partitions of a topic that are led here and have a log. */
  ledOf(topic: string): Promise<readonly number[]>;
  /** Leaders come and go from here on; resolves when the node serves. */
  start(on: {
    readonly leading: (topic: string, partition: number) => void;
    readonly resigned: (topic: string, partition: number) => void;
    /** The metadata say that they are deleted; one of the same name may be there by now. */
    readonly deleted: (topics: ReadonlySet<string>) => void;
  }): Promise<void>;
  /** Leaders move off; takes some seconds at most. */
  leave(): Promise<void>;
  /** Nothing is led any more: what waits for copies, which may never come, is told so. */
  resign(): void;
  /** Nothing is followed any more; logs are still open. */
  stop(): Promise<void>;
  close(): Promise<void>;
}

export async function layFoundation(options: FoundationOptions, cluster?: ClusterOptions): Promise<Foundation> {
  return cluster === undefined ? alone(options) : inCluster(options, cluster);
}

async function alone(options: FoundationOptions): Promise<Foundation> {
  const { engine, random, settings, clock, logger } = options;
  const catalog = await openCatalog({ engine, random });
  const disk = createDisk({ engine, clock, logger });
  const logs = createLogManager({ engine, clock, logger, disk });
  const { topics, nodeConfigs } = topicsOn(catalog, logs, options);
  await topics.recover();
  return {
    ...{ catalog, logs, topics, nodeConfigs, cluster: null },
    partitions: alonePartitions(topics, settings.nodeId),
    view: aloneView(settings, { clock, nextOffset: () => catalog.nextOffset }),
    async openAll() {
      for (const { topic, partition } of await logs.list()) {
        const found = catalog.image.topics.get(topic);
        if (found !== undefined && partition < found.partitions) await topics.log(found, partition);
      }
    },
    ledOf: topics.partitionsWithLog,
    start: async () => {},
    leave: async () => {},
    resign: () => {},
    stop: async () => {},
    async close() {
      disk.close();
      await catalog[Symbol.asyncDispose]();
    },
  };
}

/** Refusals that speak of a change that this node has not heard of yet. */
const overtaken: ReadonlySet<string> = new Set([
  'INVALID_UPDATE_VERSION',
  'FENCED_LEADER_EPOCH',
  'NEW_LEADER_ELECTED',
  'NOT_CONTROLLER',
]);

function topicsOn(
  catalog: Catalog,
  logs: LogManager,
  { settings, logger }: FoundationOptions,
  own: Pick<Parameters<typeof createTopics>[0], 'eraseLogs'> = {},
) {
  const nodeConfigs = createNodeConfigs({ catalog, settings, onChanged: () => topics.defaultsChanged() });
  const topics: Topics = createTopics({
    ...{ catalog, logs, settings, topicDefaults: nodeConfigs.topicDefaults, logger },
    ...own,
  });
  return { topics, nodeConfigs };
}

async function inCluster(options: FoundationOptions, setup: ClusterOptions): Promise<Foundation> {
  const { engine, settings, clock, logger } = options;
  const { nodeId } = settings;
  let onTopics: OnTopics = () => {};
  const disk = createDisk({ engine, clock, logger });
  const cluster = await openCluster({ ...options, disk }, setup, (...applied) => onTopics(...applied));
  const { catalog } = cluster;
  const logs = createLogManager({ engine, clock, logger, disk, highWatermark: 'replicated' });
  const registry = await openReplicaRegistry(engine);
  const { topics, nodeConfigs } = topicsOn(catalog, logs, options, {
    eraseLogs: async () => {}, // each node erases its own when the metadata says that the topic is gone
  });
  let lifecycle: ReturnType<Cluster['start']> | undefined;
  let on = {
    leading: (_topic: string, _partition: number) => {},
    resigned: (_topic: string, _partition: number) => {},
    deleted: (_topics: ReadonlySet<string>) => {},
  };

  const replicaLogs = createReplicaLogs({
    registry,
    openLog: (topic, partition) =>
      topics.log(catalog.image.topicsById.get(topic.id) ?? (topic as TopicImage), partition),
    deleteLog: logs.delete,
    list: logs.list,
  });
  const replicas = createReplicas({
    ...{ nodeId, nodeEpoch: cluster.nodeEpoch, clock, logger },
    peer: (id) => cluster.peer(id, 'replication'),
    open: replicaLogs.open,
    remove: (topic, partition) => replicaLogs.erase(topic, partition),
    throttle: createThrottle({
      ...{ nodeId, clock, rate: () => nodeConfigs.throttledRate('follower') },
      replicasOf: (topic) => catalog.image.topics.get(topic)?.configs['follower.replication.throttled.replicas'],
    }),
    servesConsumers: setup.rack !== undefined && setup.rack !== null,
    lagMsMax: settings['replica.lag.time.max.ms'],
    fetchWaitMsMax: settings['replica.fetch.wait.max.ms'],
    backoffMs: settings['replica.fetch.backoff.ms'],
    async dropDamaged({ id: topicId }, partition) {
      const damaged = { node: nodeId, nodeEpoch: cluster.nodeEpoch(), topicId, partition };
      return (await cluster.controller.dropDamagedCopy(damaged)).ok;
    },
    onLeading: ({ name }, partition) => on.leading(name, partition),
    onResigned: ({ name }, partition) => on.resigned(name, partition),
  });
  const inSyncChanges = startInSyncChanges({
    led: replicas.led,
    async ask(changes) {
      const outcome = await cluster.controller.alterPartitions({
        node: nodeId,
        nodeEpoch: cluster.nodeEpoch(),
        changes,
      });
      // The node has registered anew meanwhile, or has yet to: none of it was looked at.
      if (!outcome.ok) return changes.map(() => 'refused');
      return outcome.value.map((one) => {
        if (one.ok) return one.value;
        return overtaken.has(one.error) ? 'superseded' : 'refused';
      });
    },
    ...{ clock, logger, everyMs: Math.min(500, settings['replica.lag.time.max.ms'] / 4) },
  });

  async function erase(topic: PlacedTopic): Promise<void> {
    const given = replicas.forget(topic);
    await Promise.all([...topic.places.keys()].map((partition) => replicaLogs.erase(topic, partition, given)));
  }

  const isHere = (topicId: string, partition: number) =>
    catalog.image.topicsById.get(topicId)?.places?.[partition]?.replicas.includes(nodeId) === true;

  const placed = (topic: TopicImage): PlacedTopic => ({ name: topic.name, id: topic.id, places: topic.places ?? [] });

  return {
    ...{ catalog, logs, topics, nodeConfigs, cluster },
    partitions: clusterPartitions(catalog.image, replicas),
    view: clusterView(catalog.image, cluster),
    openAll: async () => {}, // those of this node's replicas are
    ledOf: async (name) => {
      const topic = catalog.image.topics.get(name);
      return topic === undefined
        ? []
        : Array.from({ length: topic.partitions }, (_, i) => i).filter((i) => replicas.leading(topic.id, i) !== null);
    },
    async start(listeners) {
      on = listeners;
      let hasRoles = false;
      onTopics = (changed, gone, areDefaultsChanged) => {
        if (gone.length > 0) on.deleted(new Set(gone.map(({ name }) => name)));
        for (const topic of gone)
          erase(placed(topic)).catch((error: unknown) =>
            logger.warn({ err: error, topic: topic.name }, 'the logs of a deleted topic could not be erased'),
          );
        if (areDefaultsChanged) topics.defaultsChanged();
        for (const topic of changed) topics.changed(topic);
        // What the metadata says of an earlier life, which led with a disk that this one may not have, is none of this one's.
        if (hasRoles) replicas.apply(changed.map(placed));
        else if (cluster.isRegistered) {
          hasRoles = true;
          replicas.apply([...catalog.image.topics.values()].map(placed));
          replicaLogs
            .eraseStrays(isHere)
            .catch((error: unknown) => logger.warn({ err: error }, 'logs of topics that are gone were not erased'));
        }
      };
      lifecycle = cluster.start({ host: settings.host, port: settings.port });
      await lifecycle.ready;
    },
    async leave() {
      await lifecycle?.leave();
      cluster.stopAsking();
    },
    resign: replicas.resign,
    async stop() {
      await inSyncChanges.close();
      await replicas.close();
    },
    async close() {
      disk.close();
      await cluster.close();
      await registry.close();
    },
  };
}

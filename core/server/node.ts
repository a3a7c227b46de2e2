// A storage node put together: catalog, logs, coordinators, router. Reached through Transport in this process; a listener
// decodes requests and calls the same router. What is opened here is closed here, in the order that loses nothing: what
// waits is answered, then what is under way is written.
import { type Catalog, openCatalog, type TopicImage } from '../controller/catalog.ts';
import { createGroupShard, type GroupShard } from '../coordinator/group/group-shard.ts';
import { createCoordinatorRuntime } from '../coordinator/runtime.ts';
import type { ShardLog, TransactionMarker } from '../coordinator/shard.ts';
import { createTransactionCoordinator } from '../coordinator/transaction/coordinator.ts';
import type { Clock, Timer } from '../kernel/clock.ts';
import { Fault, isFault } from '../kernel/fault.ts';
import type { Logger } from '../kernel/logger.ts';
import type { Random } from '../kernel/random.ts';
import { createLogManager, type LogManager } from '../log/log-manager.ts';
import type { ApiName } from '../protocol/api-table.ts';
import { loadCompression } from '../protocol/compression/registry.ts';
import type { CallOptions, Transport } from '../protocol/transport.ts';
import type { StorageEngine } from '../storage/storage.ts';
import type { DataFolder } from './data-folder.ts';
import { createFetchSessions } from './fetch-sessions.ts';
import type { NodeParts } from './handler.ts';
import { logDirOf } from './log-dir.ts';
import { type NodeSettings, nodeSettings } from './node-config.ts';
import { createNodeConfigs } from './node-configs.ts';
import { alonePartitions } from './partitions.ts';
import { createRouter, type Router, servedApis } from './router.ts';
import { createShardLog, markerBatch } from './shard-log.ts';
import { offsetsTopic, transactionsTopic } from './topic-rules.ts';
import { createTopics, type Topics } from './topics.ts';
import { createTransactionCheck } from './transaction-check.ts';

export interface NodeOptions {
  /** The folder of the node's databases: one a partition, and `__catalog`. */
  readonly engine: StorageEngine;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** What differs from `nodeDefaults`. */
  readonly settings?: Partial<NodeSettings>;
  /** Where the engine's folder is, if it is one of `openDataFolder`: it is claimed while the node runs, and faults name it. */
  readonly folder?: DataFolder;
  /** Who runs the node, for whoever finds the folder in use. Default the process's command line. */
  readonly owner?: string;
}

/** A node as a Transport: `call` carries a request out without encoding it. `close` and disposal are the same. */
export interface StorageNode extends Transport, AsyncDisposable {
  readonly clusterId: string;
  readonly nodeId: number;
  /** For a listener: carries out a request of whoever it came from. */
  readonly serve: Router;
  readonly apis: readonly ApiName[];
  /** The same node for a caller with a name, as groups show it. Closing that leaves the node open. */
  as(clientId: string): Transport;
  /** Retention, compaction, expiry of offsets and transactional ids. It also runs by itself, see the settings. */
  clean(): Promise<void>;
}

/**
 * Opens the node's data and finishes what a crash cut short.
 *
 * @throws Fault `BAD_SETTINGS`, `STORAGE_IN_USE`, `STORAGE_NEWER`, `STORAGE_FAILED`
 */
export async function createNode(options: NodeOptions): Promise<StorageNode> {
  const { engine, random, folder } = options;
  const settings = nodeSettings(options.settings);
  await loadCompression();
  try {
    const catalog = await openCatalog({ engine, random });
    try {
      await folder?.claim(options.owner ?? process.argv.slice(1).join(' '));
      return await openNode(options, settings, catalog);
    } catch (error) {
      await catalog[Symbol.asyncDispose]();
      throw error;
    }
  } catch (error) {
    throw folder === undefined ? error : await folder.explain(error);
  }
}

async function openNode(options: NodeOptions, settings: NodeSettings, catalog: Catalog): Promise<StorageNode> {
  const { engine, clock, random, logger, folder } = options;
  const logs = createLogManager({ engine, clock, logger });
  const nodeConfigs = createNodeConfigs({ catalog, settings, onChanged: () => topics.defaultsChanged() });
  const topics = createTopics({ catalog, logs, settings, topicDefaults: nodeConfigs.topicDefaults, logger });
  await topics.recover();
  const coordinators = createCoordinators({ topics, catalog, settings, clock, random, logger });
  const onCloses = new Set<() => void>();
  const parts: NodeParts = {
    settings,
    clock,
    random,
    logger,
    catalog,
    topics,
    partitions: alonePartitions(topics, settings.nodeId),
    nodeConfigs,
    ...coordinators,
    fetchSessions: createFetchSessions({ slots: settings['max.incremental.fetch.session.cache.slots'], clock, random }),
    logDir: logDirOf(folder),
    apis: servedApis,
    onClose(listener) {
      onCloses.add(listener);
      return () => void onCloses.delete(listener);
    },
  };
  const route = createRouter(parts);
  const underWay = new Set<Promise<unknown>>();
  let closing: Promise<void> | undefined;

  const serve: Router = (api, version, request, caller) => {
    if (closing !== undefined) return Promise.reject(new Fault('CLOSED', { what: 'the node' }));
    const answer = route(api, version, request, caller);
    const settled: Promise<unknown> = answer.then(
      () => underWay.delete(settled),
      () => underWay.delete(settled),
    );
    underWay.add(settled);
    return answer;
  };

  const cleaning = repeat(clock, logger, settings['log.retention.check.interval.ms'], () =>
    cleanLogs(logs, topics, catalog),
  );
  // Looked for more often, as Kafka does: a log that nobody has written to since the start is left to the other.
  const compacting = repeat(clock, logger, settings['log.cleaner.backoff.ms'], () =>
    logs.clean({ what: 'compaction' }),
  );
  const expiring = repeat(clock, logger, settings['offsets.retention.check.interval.ms'], () => expire(coordinators));
  // A transaction whose end was decided before a crash is ended now, and not when someone asks for its coordinator.
  coordinators.transactions.list().catch((error: unknown) => {
    if (closing === undefined) logger.error({ err: error }, 'transactions could not be read');
  });

  async function closeAll(): Promise<void> {
    for (const listener of onCloses) listener();
    await Promise.all([cleaning.stop(), compacting.stop(), expiring.stop()]);
    await Promise.all([coordinators.groups.close(), coordinators.transactions.close()]);
    while (underWay.size > 0) await Promise.all(underWay);
    try {
      await logs.close();
    } finally {
      await catalog[Symbol.asyncDispose]();
      await folder?.close();
    }
  }
  const close = () => (closing ??= closeAll());

  function as(clientId: string): Transport {
    return {
      call: (api, version, request, { signal }: CallOptions = {}) =>
        abortable(
          serve(api, version, request, { clientId, clientHost: '/in-process', ...(signal && { signal }) }),
          signal,
        ),
      close: async () => {},
    };
  }

  return {
    ...as('in-process'),
    clusterId: catalog.image.clusterId,
    nodeId: settings.nodeId,
    serve,
    apis: servedApis,
    as,
    async clean() {
      await cleanLogs(logs, topics, catalog);
      await expire(coordinators);
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

/** Why a log refuses the marker of a transaction that a later one has ended. */
const passedBy = ['INVALID_PRODUCER_EPOCH', 'TRANSACTION_COORDINATOR_FENCED'];

type Coordinators = Pick<NodeParts, 'groups' | 'transactions' | 'transactionCheck' | 'writeMarker'>;

function createCoordinators(
  parts: Pick<NodeParts, 'topics' | 'catalog' | 'settings' | 'clock' | 'random' | 'logger'>,
): Coordinators {
  const { topics, catalog, settings, clock, random, logger } = parts;
  const open = async (topic: string, partition: number) => topics.log(await topics.internal(topic), partition);
  // The topic may have been made by an earlier life of the node, whose setting was another.
  const partitionsOf = (topic: string, setting: number) => catalog.image.topics.get(topic)?.partitions ?? setting;
  const wiring = (topic: string, setting: number) => ({
    topic,
    partitions: partitionsOf(topic, setting),
    openLog: async (name: string, partition: number): Promise<ShardLog> =>
      createShardLog(await open(name, partition), clock),
    existing: () => topics.partitionsWithLog(topic),
    clock,
    logger,
  });
  const groups = createCoordinatorRuntime<GroupShard>({
    ...wiring(offsetsTopic, settings['offsets.topic.num.partitions']),
    makeShard: (context) =>
      createGroupShard(context, {
        settings: groupSettings(settings),
        random,
        consumerSettings: consumerGroupSettings(settings),
        directory: catalog.image,
      }),
  });

  async function writeMarker(topic: TopicImage, partition: number, marker: TransactionMarker): Promise<void> {
    const log = await topics.log(topic, partition);
    transactionCheck.ended(log, marker.producerId);
    if (topic.name === offsetsTopic) return groups.endTransaction(partition, marker);
    await log.append([markerBatch(marker, clock.now())], { origin: 'coordinator' });
  }

  const transactionCheck = createTransactionCheck({ verify: (...asked) => transactions.verify(...asked) });
  const transactions = createTransactionCoordinator({
    ...wiring(transactionsTopic, settings['transaction.state.log.num.partitions']),
    async writeMarker(name, partition, marker) {
      const topic = catalog.image.topics.get(name);
      if (topic === undefined || partition >= topic.partitions) return;
      try {
        await writeMarker(topic, partition, marker);
      } catch (error) {
        // Someone else's marker, of a later epoch, has ended it here already: for ever trying again would help nobody.
        if (!isFault(error, 'LOG_REFUSED') || !passedBy.includes(error.detail.error)) throw error;
        logger.warn(
          { err: error, topic: name, partition },
          'a transaction had been ended in a partition by someone else',
        );
      }
    },
    allocateProducerId: () => catalog.producerId(),
    settings: {
      timeoutMsMax: settings['transaction.max.timeout.ms'],
      expirationMs: settings['transactional.id.expiration.ms'],
    },
    random,
  });
  return { groups, transactions, transactionCheck, writeMarker };
}

const groupSettings = (settings: NodeSettings) => ({
  initialRebalanceDelayMs: settings['group.initial.rebalance.delay.ms'],
  sessionTimeoutMsMin: settings['group.min.session.timeout.ms'],
  sessionTimeoutMsMax: settings['group.max.session.timeout.ms'],
  membersMax: settings['group.max.size'],
  offsetsRetentionMs: settings['offsets.retention.minutes'] * 60_000,
  offsetMetadataBytesMax: settings['offset.metadata.max.bytes'],
});

const consumerGroupSettings = (settings: NodeSettings) => ({
  sessionTimeoutMs: settings['group.consumer.session.timeout.ms'],
  heartbeatIntervalMs: settings['group.consumer.heartbeat.interval.ms'],
  membersMax: settings['group.consumer.max.size'],
});

/** The manager cleans what is open, and retention doesn't wait until someone reads: so all are opened once. */
async function cleanLogs(logs: LogManager, topics: Topics, { image }: Catalog): Promise<void> {
  for (const { topic, partition } of await logs.list()) {
    const found = image.topics.get(topic);
    if (found !== undefined && partition < found.partitions) await topics.log(found, partition);
  }
  await logs.clean();
}

async function expire({ groups, transactions }: Coordinators): Promise<void> {
  await groups.runOnAll((shard) => shard.expire());
  await transactions.expire();
}

/** Runs `work` every `intervalMs`, never twice at a time; 0 for never. */
function repeat(
  clock: Clock,
  logger: Logger,
  intervalMs: number,
  work: () => Promise<void>,
): { stop(): Promise<void> } {
  let timer: Timer | undefined;
  let running: Promise<void> = Promise.resolve();
  let stopped = false;
  const next = () => {
    if (stopped || intervalMs === 0) return;
    timer = clock.after(intervalMs, () => {
      running = work()
        .catch((error: unknown) => {
          if (!stopped && !isFault(error, 'CLOSED'))
            logger.error({ err: error }, 'cleaning up failed; it is tried again later');
        })
        .then(next);
    });
  };
  next();
  return {
    async stop() {
      stopped = true;
      timer?.cancel();
      await running;
    },
  };
}

/** The caller goes on at once; the request may be carried out all the same. */
function abortable<T>(answer: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return answer;
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason);
    if (signal.aborted) onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    answer.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}

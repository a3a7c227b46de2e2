// A storage node put together: catalog, logs, coordinators, router. Reached through Transport in this process; a listener
// decodes requests and calls the same router. What is opened here is closed here, in the order that loses nothing: what
// waits is answered, then what is under way is written.
import { abortable } from '../kernel/abortable.ts';
import type { Clock, Timer } from '../kernel/clock.ts';
import { Fault, isFault } from '../kernel/fault.ts';
import type { Logger } from '../kernel/logger.ts';
import type { Random } from '../kernel/random.ts';
import type { ApiName } from '../protocol/api-table.ts';
import { loadCompression } from '../protocol/compression/registry.ts';
import type { CallOptions, Transport } from '../protocol/transport.ts';
import { createThrottle } from '../replication/throttle.ts';
import type { StorageEngine } from '../storage/storage.ts';
import type { ClusterOptions } from './cluster/open-cluster.ts';
import { type Coordinators, createCoordinators } from './coordinators.ts';
import type { DataFolder } from './data-folder.ts';
import { createFetchSessions } from './fetch-sessions.ts';
import { forgetOffsets } from './forget-offsets.ts';
import { type Foundation, layFoundation } from './foundation.ts';
import type { NodeParts } from './handler.ts';
import { logDirOf } from './log-dir.ts';
import { type NodeSettings, nodeSettings } from './node-config.ts';
import { createRouter, type Router, servedApis } from './router.ts';
import { offsetsTopic, transactionsTopic } from './topic-rules.ts';

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
  /** The cluster that it is a node of. Default: it is alone. */
  readonly cluster?: ClusterOptions;
}

/** A node as a Transport: `call` carries a request out without encoding it. `close` and disposal are the same. */
export interface StorageNode extends Transport, AsyncDisposable {
  readonly clusterId: string;
  readonly nodeId: number;
  /** For a listener: carries out a request of whoever it came from. */
  readonly serve: Router;
  readonly apis: readonly ApiName[];
  /** Resolves when the node is taken in by its cluster; at once where it is alone. */
  readonly ready: Promise<void>;
  /** The same node for a caller with a name, as groups show it. Closing that leaves the node open. */
  as(clientId: string): Transport;
  /** Retention, compaction, expiry of offsets and transactional ids. It also runs by itself, see the settings. */
  clean(): Promise<void>;
}

/** What touches no log, so that a node can answer it while the codecs are still on their way. All else may meet a compressed batch. */
const withoutCodecs: ReadonlySet<ApiName> = new Set(['apiVersions', 'metadata', 'describeCluster']);
/** Transactions of a disk that takes no writes: as often as that is tried. */
const readAgainMs = 1_000;

/**
 * Opens the node's data and finishes what a crash cut short.
 *
 * @throws Fault `BAD_SETTINGS`, `STORAGE_IN_USE`, `STORAGE_NEWER`, `STORAGE_FAILED`
 */
export async function createNode(options: NodeOptions): Promise<StorageNode> {
  const { folder } = options;
  const settings = nodeSettings(options.settings);
  // Copies from other nodes come as soon as it is one of theirs.
  if (options.cluster !== undefined) await loadCompression();
  try {
    const foundation = await layFoundation({ ...options, settings }, options.cluster);
    try {
      await folder?.claim(options.owner ?? process.argv.slice(1).join(' '));
      return openNode(options, settings, foundation);
    } catch (error) {
      await foundation.stop();
      await foundation.close();
      throw error;
    }
  } catch (error) {
    throw folder === undefined ? error : await folder.explain(error);
  }
}

function openNode(options: NodeOptions, settings: NodeSettings, foundation: Foundation): StorageNode {
  const { clock, random, logger, folder } = options;
  const { catalog, logs, topics, nodeConfigs, partitions, view, cluster } = foundation;
  const shared = { settings, clock, random, logger, catalog, topics, partitions, cluster };
  const coordinators = createCoordinators({
    ...{ ...shared, ledOf: foundation.ledOf },
    onTransactionsDropped: (partition) => void readTransactions(() => coordinators.transactions.load(partition)),
  });
  const onCloses = new Set<() => void>();
  const parts: NodeParts = {
    ...shared,
    nodeConfigs,
    view,
    ...coordinators,
    fetchSessions: createFetchSessions({ slots: settings['max.incremental.fetch.session.cache.slots'], clock, random }),
    throttle: createThrottle({
      ...{ nodeId: settings.nodeId, clock, rate: () => nodeConfigs.throttledRate('leader') },
      replicasOf: (topic) => catalog.image.topics.get(topic)?.configs['leader.replication.throttled.replicas'],
    }),
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
  let closed = false;

  let areCodecsLoaded = false;
  const codecs = loadCompression().then(() => {
    areCodecsLoaded = true;
  });

  const serve: Router = (api, version, request, caller) => {
    if (closed) return Promise.reject(new Fault('CLOSED', { what: 'the node' }));
    const answer =
      areCodecsLoaded || withoutCodecs.has(api)
        ? route(api, version, request, caller)
        : codecs.then(() => route(api, version, request, caller));
    const settled: Promise<unknown> = answer.then(
      () => underWay.delete(settled),
      () => underWay.delete(settled),
    );
    underWay.add(settled);
    return answer;
  };

  /** The manager cleans what is open, and retention doesn't wait until someone reads: so all are opened once. */
  async function cleanLogs(): Promise<void> {
    await codecs;
    await foundation.openAll();
    await logs.clean();
  }

  const cleaning = repeat(clock, logger, settings['log.retention.check.interval.ms'], () => cleanLogs());
  // Looked for more often, as Kafka does: a log that nobody has written to since the start is left to the other.
  const compacting = repeat(clock, logger, settings['log.cleaner.backoff.ms'], async () => {
    await codecs;
    await logs.clean({ what: 'compaction' });
  });
  const stopping = new AbortController();
  const scrubbing = repeat(clock, logger, settings['log.scrub.interval.ms'], async () => {
    await foundation.openAll();
    await logs.scrub(stopping.signal);
  });
  const expiring = repeat(clock, logger, settings['offsets.retention.check.interval.ms'], async () => {
    await codecs;
    await expire(coordinators);
  });
  // A transaction whose end was decided before a crash is ended now, and not when someone asks for its coordinator.
  async function readTransactions(read: () => Promise<unknown>): Promise<void> {
    await codecs;
    while (closing === undefined) {
      try {
        await read();
        return;
      } catch (error) {
        const refusal = isFault(error, 'LOG_REFUSED') ? error.detail.error : null;
        // Whoever leads it by now reads it.
        if (closing !== undefined || refusal === 'NOT_LEADER_OR_FOLLOWER') return;
        if (refusal !== 'KAFKA_STORAGE_ERROR') {
          logger.error({ err: error }, 'transactions could not be read');
          return;
        }
        logger.warn({ err: error }, 'transactions could not be read; trying again');
        await clock.sleep(readAgainMs, stopping.signal).catch(() => {});
      }
    }
  }
  if (cluster === null) void readTransactions(() => coordinators.transactions.list());
  const ready = foundation.start({
    leading(topic, partition) {
      if (topic === transactionsTopic) void readTransactions(() => coordinators.transactions.load(partition));
    },
    resigned(topic, partition) {
      if (topic === transactionsTopic) coordinators.transactions.unload(partition);
      if (topic === offsetsTopic) coordinators.groups.unload(partition);
    },
    // Whoever reads one that is made anew under its name begins at its start.
    deleted: (deleted) => void forgetOffsets(deleted, { groups: coordinators.groups, logger }),
  });
  ready.catch((error: unknown) => logger.error({ err: error }, 'the node could not join its cluster'));

  async function closeAll(): Promise<void> {
    await leaving;
    closed = true;
    for (const listener of onCloses) listener();
    foundation.resign();
    stopping.abort(new Fault('CLOSED', { what: 'the node' }));
    await Promise.all([scrubbing.stop(), cleaning.stop(), compacting.stop(), expiring.stop()]);
    await Promise.all([coordinators.groups.close(), coordinators.transactions.close()]);
    while (underWay.size > 0) await Promise.all(underWay);
    await foundation.stop();
    try {
      await logs.close();
    } finally {
      await foundation.close();
      await folder?.close();
    }
  }
  let leaving: Promise<void> = Promise.resolve();
  const close = () => {
    if (closing === undefined) {
      // It goes on serving until its leaders are somewhere else.
      leaving = foundation.leave();
      closing = closeAll();
    }
    return closing;
  };

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
    get clusterId() {
      return catalog.image.clusterId;
    },
    ready,
    nodeId: settings.nodeId,
    serve,
    apis: servedApis,
    as,
    async clean() {
      await cleanLogs();
      await expire(coordinators);
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

async function expire({ groups, transactions }: Coordinators): Promise<void> {
  // A group that can't be read holds up no transaction.
  const [ofGroups, ofTransactions] = await Promise.allSettled([
    groups.runOnAll((shard) => shard.expire()),
    transactions.expire(),
  ]);
  for (const outcome of [ofGroups, ofTransactions]) if (outcome.status === 'rejected') throw outcome.reason;
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

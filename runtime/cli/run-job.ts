// The composition root of a job: `millrace run`, and the public `runJob` of 'millrace/run'. Puts the log, the workers and
// the app together.
import type { Admin, Client } from '../../core/client/index.ts';
import { systemClock } from '../../core/kernel/clock.ts';
import { isFault } from '../../core/kernel/fault.ts';
import { createLatch } from '../../core/kernel/latch.ts';
import { type Logger, silentLogger } from '../../core/kernel/logger.ts';
import { systemRandom } from '../../core/kernel/random.ts';
import { makeFolder } from '../../core/storage/make-folder.ts';
import type { Topology } from '../../dsl/compile/topology.ts';
import type { JobSpec } from '../../dsl/plan.ts';
import { type App, type Progress, type Summary, startApp } from '../app/app.ts';
import { prepareTopics } from '../app/prepare.ts';
import type { StateQuery } from '../app/state-query.ts';
import { startWorker, type Worker, type WorkerReport } from '../worker/worker.ts';
import { type Connection, type ConnectionOptions, openConnection } from './connection.ts';
import type { JobEndpoint } from './job-endpoint.ts';
import { compileJob } from './load-job.ts';
import { dataFolderDefault } from './options.ts';
import { whileInReach } from './out-of-reach.ts';
import { isResetUnderWay, resetJob } from './reset-job.ts';
import { openStateEngine, stateFolder } from './state-folder.ts';
import { claimState, type StateOwner } from './state-owner.ts';
import { startThreadWorker, type ThreadWorker } from './thread-worker.ts';

export interface RunOptions extends ConnectionOptions {
  /** Where topics start that the job has not read before. Default 'earliest'. */
  readonly from?: 'earliest' | 'latest';
  /** 'end': until all input that is there now is processed. Default: 'end' where every source is bounded, else 'stopped'. */
  readonly until?: 'end' | 'stopped';
  /** Forgets the job's offsets and state, and deletes the topics that it fills, before it starts. Default false. */
  readonly fresh?: boolean;
  /**
   * Makes the workers static members (KIP-345), `<name>-0`, `<name>-1` …: a restart within the session timeout gets its
   * tasks back without a rebalance, and until then nobody else takes them. No two processes may have the same.
   */
  readonly instanceId?: string;
  /** After which a process that is not heard of loses its tasks, in milliseconds. Default Kafka's 45 s. */
  readonly sessionTimeoutMs?: number;
  /**
   * `[HOST:]PORT` where this process answers over HTTP: `/metrics` for Prometheus, `/status`, and `/stores` for queries of
   * the whole job's state. It asks nobody who they are; without a host it is reached from this machine only. Default: it
   * doesn't answer.
   */
  readonly metrics?: string;
  /** `host:port` where other members and those who ask reach it. Default what it listens on. */
  readonly advertise?: string;
  /** Default silent. */
  readonly logger?: Logger;
}

/** `tls` and `sasl` may have functions, which can't cross threads: here they come from the file `clientConfig`. */
export interface FileRunOptions extends Omit<RunOptions, 'tls' | 'sasl'> {
  /** Worker threads, each a member of the job's group. Default 1, in the main thread. */
  readonly threads?: number;
}

/** A running job. Disposing of it stops it. */
export interface JobRun extends AsyncDisposable {
  /** A client of the log that the job runs on, for `observe`, `produceTo` and the like; closed with the job. */
  readonly client: Client;
  /** What the job compiled to: for `describe`, `mermaid` and `observeTable`. */
  readonly topology: Topology;
  /** Resolves once every worker has its tasks. */
  readonly ready: Promise<void>;
  /** Resolves with the summary when the job has ended or was stopped. @throws the Fault that failed it */
  readonly done: Promise<Summary>;
  progress(): Progress;
  /** Looks into a state store, or a global table by its topic, while the job runs in this thread. @throws Fault `STORE_UNKNOWN` */
  query<K, V>(store: string): StateQuery<K, V>;
  /** `host:port` where it answers over HTTP; null where it doesn't. */
  readonly address: string | null;
  /** Processes nothing more; flushes, commits, leaves the group, closes the log. @throws Fault `STOPPED_WITHOUT_LOG` */
  stop(): Promise<void>;
}

export interface FileRun extends JobRun {
  /** Empty where the job runs in the main thread. */
  readonly threads: readonly ThreadWorker[];
}

async function start(job: JobSpec, jobFile: string | null, options: FileRunOptions & RunOptions): Promise<FileRun> {
  const logger = options.logger ?? silentLogger;
  const topology = compileJob(job);
  const opened: (() => Promise<void>)[] = [];
  const close = async () => {
    for (const closeOne of opened.splice(0).reverse()) await closeOne();
  };
  const claim = async () => {
    const owner = await claimState(options.data ?? dataFolderDefault, topology.job);
    opened.unshift(() => owner.release());
    return owner;
  };
  try {
    // The embedded log says by itself that its folder is in use, and in words of its own what is wrong with it.
    const claimed = options.bootstrap === undefined ? null : await claim();
    const clientId = claimed === null ? undefined : clientIdOf(topology, claimed);
    const connection = await openConnection(options, logger, options.threads, clientId);
    opened.push(async () => await connection[Symbol.asyncDispose]());
    const owner = claimed ?? (await claim());
    const endpoint = await openEndpoint(options, topology);
    if (endpoint !== null) opened.push(() => endpoint.close());
    const threads: ThreadWorker[] = [];
    const run = { ...options, logger: connection.logger, jobFile, owner, endpoint };
    const app = await startOn(connection, topology, threads, run);
    return { ...asRun(connection, topology, app, threads, close), address: endpoint?.address ?? null };
  } catch (error) {
    await close();
    throw error;
  }
}

async function openEndpoint(
  { metrics, advertise, data = dataFolderDefault }: RunOptions,
  { job }: Topology,
): Promise<JobEndpoint | null> {
  if (metrics === undefined) return null;
  const folder = stateFolder(data, job);
  await makeFolder(folder);
  // Loaded by those who ask for it: the first record of the others comes sooner.
  const { openJobEndpoint } = await import('./job-endpoint.ts');
  return await openJobEndpoint({ listen: metrics, advertise, folder });
}

/** As groups show its members; those of its threads have a number behind it. */
const clientIdOf = ({ job }: Topology, { processId }: StateOwner): string => `${job}-${processId}`;

async function startOn(
  { client, node }: Connection,
  topology: Topology,
  threads: ThreadWorker[],
  options: FileRunOptions & {
    readonly logger: Logger;
    readonly jobFile: string | null;
    readonly owner: StateOwner;
    readonly endpoint: JobEndpoint | null;
  },
): Promise<App> {
  const { logger, jobFile, owner, endpoint, data = dataFolderDefault } = options;
  const folder = stateFolder(data, topology.job);
  const stateEngine = await openStateEngine(data, topology.job);
  const admin = client.admin();
  if (options.fresh === true || isResetUnderWay(folder)) await resetJob({ topology, admin, stateEngine, folder });
  const layout = await prepareTopics(topology, admin, systemClock);
  const id = owner.processId;
  if (node === null) await endTheDead(topology, owner, admin, options.instanceId !== undefined);
  const until = options.until ?? (topology.bounded ? 'end' : 'stopped');
  const shared = {
    layout,
    processId: id,
    alone: node !== null,
    sessionTimeoutMs: options.sessionTimeoutMs,
    address: endpoint?.address,
    countOperators: endpoint !== null,
    from: options.from ?? 'earliest',
    commitWhenIdle: until === 'end',
  } as const;
  const workers = options.threads ?? 1;

  // Its transaction is ended before others get its tasks: what it hides, they would take for the end of their input.
  const leaveFor = (workerId: string, last: WorkerReport) => {
    const transactional = topology.options.guarantee === 'exactlyOnce';
    const ended = transactional ? admin.fenceProducers([`${topology.job}-${workerId}`]) : Promise.resolve();
    ended
      .then(() => (last.memberId === '' ? undefined : admin.removeMembers(topology.job, [last.memberId])))
      .catch((error: unknown) =>
        logger.warn({ error }, 'the group will notice the dead thread by its session timeout only'),
      );
  };
  const startOne = (index: number): Worker => {
    const workerId = `${id}-${index}`;
    const instanceId = options.instanceId === undefined ? undefined : `${options.instanceId}-${index}`;
    if (jobFile === null || workers === 1) {
      return startWorker({
        ...shared,
        topology,
        client,
        stateEngine,
        clock: systemClock,
        random: systemRandom,
        logger,
        workerId,
        instanceId,
      });
    }
    const { bootstrap, clientConfig } = options;
    const data = { ...shared, jobFile, stateFolder: folder, workerId, instanceId, bootstrap, clientConfig };
    const thread = startThreadWorker(data, node, (last) => leaveFor(workerId, last));
    threads.push(thread);
    return thread;
  };
  const app = startApp({ topology, layout, client, clock: systemClock, logger, workers, startWorker: startOne, until });
  endpoint?.attach({ topology, layout, workers: () => app.workers });
  return app;
}

/**
 * On a cluster only the earlier workers of this folder are known to be dead. There may have been more of them than now; a
 * static member is to have its tasks back.
 */
async function endTheDead(topology: Topology, owner: StateOwner, admin: Admin, isStatic: boolean): Promise<void> {
  const { job } = topology;
  if (topology.options.guarantee === 'exactlyOnce') {
    const open = await admin.listTransactions({ states: ['Ongoing'] });
    const ours = open.filter(({ transactionalId }) => transactionalId.startsWith(`${job}-${owner.processId}-`));
    await admin.fenceProducers(ours.map(({ transactionalId }) => transactionalId));
  }
  if (isStatic) return;
  const [group] = await admin.describeGroups([job]).catch((error: unknown) => {
    if (isFault(error, 'GROUP_NOT_FOUND')) return [];
    throw error;
  });
  const dead = (group?.members ?? []).filter(({ clientId }) => clientId.startsWith(clientIdOf(topology, owner)));
  if (dead.length > 0)
    await admin.removeMembers(
      job,
      dead.map(({ memberId }) => memberId),
    );
}

/** How long a stop waits for a cluster that nobody answers in the name of. */
const awayMsMax = 30_000;

function asRun(
  connection: Connection,
  topology: Topology,
  app: App,
  threads: readonly ThreadWorker[],
  close: () => Promise<void>,
): Omit<FileRun, 'address'> {
  // They would try for minutes to write what can't be written.
  const killThreads = async (error: unknown): Promise<never> => {
    await Promise.all(threads.map((thread) => thread.kill()));
    throw error;
  };
  const failed = connection.failed.catch(killThreads);
  failed.catch(() => {});
  const over = new AbortController();
  const awayTooLong = createLatch<never>();
  const killed = awayTooLong.promise.catch(killThreads);
  killed.catch(() => {});
  const done = Promise.race([app.done, failed, killed]).finally(close);
  done.catch(() => {}).finally(() => over.abort());
  const stop = async () => {
    app.stop().catch(() => {}); // `done` says so, once all is closed
    const isCluster = connection.node === null;
    if (isCluster)
      whileInReach(connection.client.admin(), systemClock, awayMsMax, over.signal).catch(awayTooLong.reject);
    await done;
  };
  return {
    client: connection.client,
    topology,
    ready: app.ready,
    done,
    progress: app.progress,
    query: app.query,
    stop,
    threads,
    [Symbol.asyncDispose]: () => stop().catch(() => {}),
  };
}

/**
 * Runs a job in this thread, on the embedded log or on the cluster that `bootstrap` names.
 *
 * @throws Fault when it can't start: `STORAGE_IN_USE`, `NOT_CO_PARTITIONED`, `INTERNAL_TOPIC_MISMATCH` …; TopologyError for a wrong program
 * @example
 * const copy = job('copy', [topic('a', utf8).to(topic('b', utf8))]);
 * await using run = await runJob(copy, { until: 'end' });
 * const { recordsIn } = await run.done;
 */
export const runJob = async (job: JobSpec, options: RunOptions = {}): Promise<JobRun> => start(job, null, options);

/** As `runJob`, for a job that was loaded from `jobFile`: with several threads, each loads the file itself. */
export const runJobFile = async (job: JobSpec, jobFile: string, options: FileRunOptions = {}): Promise<FileRun> =>
  start(job, jobFile, options);

// The composition root of a job: `millrace run`, and the public `runJob` of 'millrace/run'. Puts the log, the workers and
// the app together.
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Client } from '../../core/client/index.ts';
import { systemClock } from '../../core/kernel/clock.ts';
import { type Logger, silentLogger } from '../../core/kernel/logger.ts';
import { randomUuid, systemRandom } from '../../core/kernel/random.ts';
import type { Topology } from '../../dsl/compile/topology.ts';
import type { JobSpec } from '../../dsl/plan.ts';
import { type App, type Progress, type Summary, startApp } from '../app/app.ts';
import { prepareTopics } from '../app/prepare.ts';
import type { StateQuery } from '../app/state-query.ts';
import { startWorker, type Worker, type WorkerReport } from '../worker/worker.ts';
import { type Connection, type ConnectionFlags, openConnection } from './connection.ts';
import { dataFolderDefault, openStateEngine, stateFolder } from './embedded.ts';
import { compileJob } from './load-job.ts';
import { isResetUnderWay, resetJob } from './reset-job.ts';
import { startThreadWorker, type ThreadWorker } from './thread-worker.ts';

export interface RunOptions extends ConnectionFlags {
  /** Where topics start that the job has not read before. Default 'earliest'. */
  readonly from?: 'earliest' | 'latest';
  /** 'end': until all input that is there now is processed. Default: 'end' where every source is bounded, else 'stopped'. */
  readonly until?: 'end' | 'stopped';
  /** Forgets the job's offsets and state, and deletes the topics that it fills, before it starts. Default false. */
  readonly fresh?: boolean;
  /** Default silent. */
  readonly logger?: Logger;
}

export interface FileRunOptions extends RunOptions {
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
  /** Processes nothing more; flushes, commits, leaves the group, closes the log. */
  stop(): Promise<void>;
}

export interface FileRun extends JobRun {
  /** Empty where the job runs in the main thread. */
  readonly threads: readonly ThreadWorker[];
}

/** The same at every start over one folder, so that a new run ends the open transactions of one that was killed. */
async function processId(folder: string): Promise<string> {
  const path = join(folder, 'process-id');
  const known = await readFile(path, 'utf8').catch(() => null);
  if (known !== null && known !== '') return known;
  const made = randomUuid(systemRandom);
  await writeFile(path, made);
  return made;
}

async function start(job: JobSpec, jobFile: string | null, options: FileRunOptions): Promise<FileRun> {
  const logger = options.logger ?? silentLogger;
  const topology = compileJob(job);
  const connection = await openConnection(options, logger, options.threads);
  try {
    const threads: ThreadWorker[] = [];
    const app = await startOn(connection, topology, threads, { ...options, logger: connection.logger, jobFile });
    return asRun(connection, topology, app, threads);
  } catch (error) {
    await connection[Symbol.asyncDispose]();
    throw error;
  }
}

async function startOn(
  { client, node }: Connection,
  topology: Topology,
  threads: ThreadWorker[],
  options: FileRunOptions & { readonly logger: Logger; readonly jobFile: string | null },
): Promise<App> {
  const { logger, jobFile, data = dataFolderDefault } = options;
  const folder = stateFolder(data, topology.job);
  const stateEngine = await openStateEngine(data, topology.job);
  const admin = client.admin();
  // Whoever was a member of the group on the embedded log died with the process that had it open.
  if (node !== null) await admin.removeMembers(topology.job);
  if (options.fresh === true || isResetUnderWay(folder)) await resetJob({ topology, admin, stateEngine, folder });
  const layout = await prepareTopics(topology, admin);
  const id = await processId(folder);
  // On a cluster only the earlier workers of this folder are known to be dead, and there may have been more of them.
  if (node === null && topology.options.guarantee === 'exactlyOnce') {
    const open = await admin.listTransactions({ states: ['Ongoing'] });
    const ours = open.filter(({ transactionalId }) => transactionalId.startsWith(`${topology.job}-${id}-`));
    await admin.fenceProducers(ours.map(({ transactionalId }) => transactionalId));
  }
  const until = options.until ?? (topology.bounded ? 'end' : 'stopped');
  const shared = { layout, from: options.from ?? 'earliest', commitWhenIdle: until === 'end' } as const;
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
      });
    }
    const bootstrap = options.bootstrap ?? null;
    const thread = startThreadWorker({ ...shared, jobFile, stateFolder: folder, workerId, bootstrap }, node, (last) =>
      leaveFor(workerId, last),
    );
    threads.push(thread);
    return thread;
  };
  return startApp({ topology, layout, client, clock: systemClock, logger, workers, startWorker: startOne, until });
}

function asRun(connection: Connection, topology: Topology, app: App, threads: readonly ThreadWorker[]): FileRun {
  // Threads would try for minutes to write what the disk refuses.
  const failed = connection.failed.catch(async (error: unknown) => {
    await Promise.all(threads.map((thread) => thread.kill()));
    throw error;
  });
  failed.catch(() => {});
  const done = Promise.race([app.done, failed]).finally(() => connection[Symbol.asyncDispose]());
  done.catch(() => {});
  const stop = async () => {
    await app.stop();
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

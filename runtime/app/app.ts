// A job as a running thing: its topics prepared, its workers started, its end found, its failure told once. It sees a
// log only through the client, so it can't know which of the three ways it runs.
import type { Client } from '../../core/client/index.ts';
import type { Clock } from '../../core/kernel/clock.ts';
import { createLatch } from '../../core/kernel/latch.ts';
import type { Logger } from '../../core/kernel/logger.ts';
import type { Topology } from '../../dsl/compile/topology.ts';
import type { Layout } from '../worker/layout.ts';
import type { Worker, WorkerReport } from '../worker/worker.ts';
import { createEndWatch } from './end-watch.ts';
import { queryState, type StateQuery } from './state-query.ts';
import { type RenderedView, readViews } from './views.ts';

export interface AppOptions {
  readonly topology: Topology;
  readonly layout: Layout;
  readonly client: Client;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly workers: number;
  /** In this thread or in one of its own. */
  readonly startWorker: (index: number) => Worker;
  readonly until: 'end' | 'stopped';
}

export interface Progress {
  readonly recordsIn: number;
  readonly recordsOut: number;
  readonly dropped: Readonly<Record<string, number>>;
  /** Share of the bounded sources that has been read, 0 to 1; null where none says. */
  readonly sourcesRead: number | null;
  readonly workers: readonly WorkerReport[];
}

export interface Summary extends Progress {
  /** 'stopped' where somebody asked for it before the end. */
  readonly ending: 'end' | 'stopped';
  readonly elapsedMs: number;
  readonly views: readonly RenderedView[];
}

export interface App {
  /** Resolves once every worker has its tasks. */
  readonly ready: Promise<void>;
  /** Resolves when the job has ended or was stopped; rejects with what failed it. */
  readonly done: Promise<Summary>;
  progress(): Progress;
  query<K, V>(store: string): StateQuery<K, V>;
  /** By index; one whose thread died is not there any more. */
  readonly workers: ReadonlyMap<number, Worker>;
  /** Drains, flushes, commits, leaves. */
  stop(): Promise<void>;
}

const watchEveryMs = 50;

export function startApp(options: AppOptions): App {
  const { clock, logger } = options;
  const startedMs = clock.monotonicMs();
  const workers = new Map<number, Worker>();
  const ended = createLatch<Summary['ending']>();
  const ready = createLatch();
  ready.promise.catch(() => {});
  const last = new Map<number, WorkerReport>();

  function progress(): Progress {
    for (const [index, worker] of workers) last.set(index, worker.report());
    const reports = [...last.values()];
    const known = reports.flatMap((report) =>
      report.sources.flatMap((source) => (source.progress === null ? [] : [source.progress])),
    );
    const dropped: Record<string, number> = {};
    for (const report of reports) {
      for (const [reason, count] of Object.entries(report.dropped)) dropped[reason] = (dropped[reason] ?? 0) + count;
    }
    return {
      recordsIn: reports.reduce((sum, report) => sum + report.recordsIn, 0),
      recordsOut: reports.reduce((sum, report) => sum + report.recordsOut, 0),
      dropped,
      sourcesRead: known.length === 0 ? null : known.reduce((sum, share) => sum + share, 0) / known.length,
      workers: [...workers.values()].map((worker) => worker.report()),
    };
  }

  function start(): void {
    for (let index = 0; index < options.workers; index++) {
      const worker = options.startWorker(index);
      workers.set(index, worker);
      worker.done.then(
        () => {},
        (error: unknown) => {
          // A thread that died without a word has its tasks taken over; one that says why has met what others would meet.
          if (isThreadDeath(error) && workers.size > 1) {
            logger.warn({ worker: index, error }, 'a worker thread died; the others take its tasks over');
            workers.delete(index);
          } else ended.reject(error);
        },
      );
    }
  }

  function closeWindows(subTopology: number): void {
    for (const worker of workers.values()) worker.closeWindows(subTopology);
  }

  async function watch(): Promise<void> {
    const endWatch =
      options.until === 'end' ? await createEndWatch(options.client, options.topology, options.layout) : null;
    let stopped = false;
    const settled = ended.promise.finally(() => {
      stopped = true;
    });
    settled.catch(() => {});
    try {
      while (!stopped) {
        await Promise.race([clock.sleep(watchEveryMs), settled]);
        const { workers: reports } = progress();
        if (reports.every((report) => report.state === 'running')) ready.resolve();
        if (!stopped && (await endWatch?.hasEnded(reports, closeWindows))) ended.resolve('end');
      }
    } finally {
      await endWatch?.close();
    }
  }

  async function run(): Promise<Summary> {
    start();
    const watching = watch();
    watching.catch((error: unknown) => ended.reject(error));
    let failed = true;
    let ending: Summary['ending'] = 'stopped';
    try {
      ending = await ended.promise;
      failed = false;
    } finally {
      progress();
      const stops = await Promise.allSettled([...workers.values()].map((worker) => worker.stop()));
      await Promise.allSettled([watching]);
      const broken = stops.find((stop) => stop.status === 'rejected');
      // biome-ignore lint/correctness/noUnsafeFinally: the first failure is thrown by the try; this one only if there was none
      if (!failed && broken !== undefined) throw broken.reason;
    }
    const views = await readViews(options.client, options.topology, options.layout);
    return { ...progress(), ending, elapsedMs: clock.monotonicMs() - startedMs, views };
  }

  const done = run();
  done.catch((error: unknown) => ready.reject(error));
  return {
    ready: ready.promise,
    done,
    progress,
    workers,
    query: (store) => queryState({ ...options, workers: () => workers.values() }, store),
    async stop() {
      ended.resolve('stopped');
      await done;
    },
  };
}

/** What a worker's `done` rejects with when its thread is gone without having said why. */
export class ThreadDeath extends Error {
  override readonly name = 'ThreadDeath';
}

const isThreadDeath = (error: unknown): boolean => error instanceof ThreadDeath;

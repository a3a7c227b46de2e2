// The tasks of a worker whose inputs are source connectors: each runs by itself, in transactions of its own, and beside the
// worker's turns. One that was fenced, or whose log was out of reach for long, is started again by the next assignment.
import type { Logger } from '../../core/kernel/logger.ts';
import type { Topology } from '../../dsl/compile/topology.ts';
import { type SourceReport, type SourceRunner, startSourceRunner } from '../connect/source-runner.ts';
import { parseTaskId, type TaskId } from './assignor.ts';
import type { GlobalTables } from './global-tables.ts';
import { isFaultThatPasses, isLostMembership, unlessLost } from './lost-membership.ts';
import { openTask, type TaskEnvironment } from './running-task.ts';

export interface WorkerSourcesOptions {
  readonly environment: TaskEnvironment & { readonly topology: Topology; readonly logger: Logger };
  readonly topics: readonly string[];
  readonly onAged: (topic: string, timestampMs: number) => void;
  readonly globals: () => GlobalTables;
  /** Asks the group for its assignment again. */
  readonly rejoin: () => void;
  readonly onFailed: (error: unknown) => void;
}

export interface WorkerSources {
  readonly ids: readonly TaskId[];
  /** Those that are there say again where they stand, the others are started. */
  run(ids: readonly TaskId[], generationId: number): void;
  /** Commits and ends those; resolves with whether there were any. */
  release(ids: readonly TaskId[]): Promise<boolean>;
  report(): readonly SourceReport[];
  recordsIn(): number;
  /** As `release`, of all, where a source that fails fails the worker. */
  stop(): Promise<void>;
}

const commitIntervalMsMax = 200;

export function createWorkerSources({
  environment,
  topics,
  onAged,
  globals,
  rejoin,
  onFailed,
}: WorkerSourcesOptions): WorkerSources {
  const { topology, logger } = environment;
  const sources = new Map<TaskId, SourceRunner>();

  function start(id: TaskId, generationId: number): SourceRunner {
    const { subTopology, partition } = parseTaskId(id);
    const sub = topology.subTopologies[subTopology]!;
    const runner = startSourceRunner({
      ...environment,
      subTopology: sub,
      topics,
      onAged,
      commitIntervalMs: Math.min(topology.options.commitIntervalMs, commitIntervalMsMax),
      generationId,
      async openTask(output, signal) {
        await globals().whenReady(sub, signal);
        const committed = new Map<string, number>();
        return await openTask(environment, { subTopology: sub, partition, output, committed, signal });
      },
    });
    runner.done.catch((error: unknown) => {
      if (!isLostMembership(error) && !isFaultThatPasses(error)) return onFailed(error);
      // Fenced by a new owner, or what it sent last may not have been committed: what is committed is read again.
      logger.warn({ task: id, error }, 'a source starts again from what is committed');
      if (sources.get(id) === runner) sources.delete(id);
      rejoin();
    });
    return runner;
  }

  return {
    get ids() {
      return [...sources.keys()];
    },
    run(ids, generationId) {
      for (const id of ids) {
        const known = sources.get(id);
        if (known === undefined) sources.set(id, start(id, generationId));
        else known.announce(generationId);
      }
    },
    async release(ids) {
      const leaving = [...sources].filter(([id]) => ids.includes(id));
      for (const [id, runner] of leaving) {
        sources.delete(id);
        await runner
          .stop()
          .catch((error: unknown) => logger.warn({ task: id, error }, 'a source that moved away had failed'));
      }
      return leaving.length > 0;
    },
    report: () => [...sources.values()].flatMap((runner) => runner.report()),
    recordsIn: () => [...sources.values()].reduce((sum, runner) => sum + runner.recordsIn(), 0),
    async stop() {
      for (const runner of [...sources.values()]) await runner.stop().catch(unlessLost);
    },
  };
}

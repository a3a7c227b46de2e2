// What a worker is given, and what is seen of it from outside: by the app, and across the border of a thread.
import type { Client } from '../../core/client/index.ts';
import type { Clock } from '../../core/kernel/clock.ts';
import type { Logger } from '../../core/kernel/logger.ts';
import type { Random } from '../../core/kernel/random.ts';
import type { StorageEngine } from '../../core/storage/storage.ts';
import type { Topology } from '../../dsl/compile/topology.ts';
import type { SourceReport } from '../connect/source-runner.ts';
import type { StoreQuery } from '../state/store.ts';
import type { TaskId } from './assignor.ts';
import type { Layout } from './layout.ts';
import type { WorkerMeasures } from './measures.ts';
import type { PlannedMember } from './member-data.ts';
import type { RestoreProgress } from './restore-task.ts';
import type { StoreAnswer, StoreQuestion } from './store-question.ts';

export interface WorkerOptions {
  readonly topology: Topology;
  readonly layout: Layout;
  readonly client: Client;
  /** A database per task. */
  readonly stateEngine: StorageEngine;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** The same at every start, and no other worker's: open transactions of a dead run are ended by it. */
  readonly workerId: string;
  /** Workers of one process share the state on its disk. */
  readonly processId: string;
  /** Nobody outside of this process can be in the group, as on the embedded log. */
  readonly alone: boolean;
  /** Default none. See `JobMemberOptions`. */
  readonly instanceId?: string | undefined;
  readonly sessionTimeoutMs?: number | undefined;
  /** `host:port` where this process answers queries. Default: it doesn't. */
  readonly address?: string | undefined;
  /** Counts the records of each operator too, for `measures`. Default false: it costs a call a record and operator. */
  readonly countOperators?: boolean | undefined;
  /** Where a partition starts that the group has no offset for. */
  readonly from: 'earliest' | 'latest';
  /** Commits as soon as there is nothing to do, so that whoever waits for the end sees it. */
  readonly commitWhenIdle: boolean;
}

export interface WorkerReport {
  readonly state: 'joining' | 'running' | 'stopped';
  readonly memberId: string;
  readonly generationId: number;
  readonly tasks: readonly TaskId[];
  /** Tasks of others whose state is kept up to date here. */
  readonly standbys: readonly TaskId[];
  /** Tasks that are not at work yet, because their state is being restored. */
  readonly restoring: readonly RestoreProgress[];
  /** How often the group has shared its tasks out since the worker joined. */
  readonly rebalances: number;
  /** All members of the job that answer queries, as of the last assignment. */
  readonly members: readonly PlannedMember[];
  /** Tasks whose windows are closed because their inputs have ended, and committed so. */
  readonly closed: readonly TaskId[];
  readonly sources: readonly SourceReport[];
  readonly recordsIn: number;
  readonly recordsOut: number;
  /** Records dropped or sent to a dead-letter topic, by reason. */
  readonly dropped: Readonly<Record<string, number>>;
}

export interface Worker {
  /** Rejects with what stopped the worker; resolves after `stop`. */
  readonly done: Promise<void>;
  report(): WorkerReport;
  /**
   * The inputs of that sub-topology are at their end for good: its tasks pass on the windows that are open, commit, and
   * are then in the report's `closed`. May be called again, for tasks that have moved here since.
   */
  closeWindows(subTopology: number): void;
  /** How its tasks fare, as of now. */
  measures(): Promise<WorkerMeasures>;
  /** Looks into a store of a task, also across the border of a thread. */
  ask(question: StoreQuestion): Promise<StoreAnswer>;
  /** Looks into a store of a task; null where the task isn't here, or isn't open yet. */
  query(task: TaskId, store: string): StoreQuery | null;
  /** Looks into a global table; null where it isn't here, or isn't read to its end yet. */
  queryGlobal(topic: string): StoreQuery | null;
  /** Commits what is processed, leaves the group and resolves. */
  stop(): Promise<void>;
}

// One member of the job's group: a loop that polls, processes and commits the tasks assigned to it. Group callbacks
// come at any time and take their turn between two turns of the loop, so no task is ever touched by two at once.
import { type Client, type GroupGeneration, loadCompression } from '../../core/client/index.ts';
import type { Clock } from '../../core/kernel/clock.ts';
import { createLatch } from '../../core/kernel/latch.ts';
import type { Logger } from '../../core/kernel/logger.ts';
import type { Random } from '../../core/kernel/random.ts';
import type { StorageEngine } from '../../core/storage/storage.ts';
import type { Topology } from '../../dsl/compile/topology.ts';
import { type SourceReport, type SourceRunner, startSourceRunner } from '../connect/source-runner.ts';
import { createAtLeastOnce, createExactlyOnce, type Delivery } from '../delivery/delivery.ts';
import { createAgeWarning, readTopicLimits, requestBytesFor } from '../delivery/output.ts';
import type { StoreQuery } from '../state/store.ts';
import type { Task } from '../task/task.ts';
import { createTaskMetrics } from '../task/task-metrics.ts';
import { parseTaskId, type TaskId } from './assignor.ts';
import { droppedOf } from './dropped-records.ts';
import { type GlobalTables, noTables, openGlobalTables } from './global-tables.ts';
import { createJobMember } from './job-member.ts';
import { allTasks, type Layout } from './layout.ts';
import { CommitUnknown, isFaultThatPasses, isLostMembership, unlessLost } from './lost-membership.ts';
import { createRepartitionPurge } from './repartition-purge.ts';
import { openTask, type RunningTask } from './running-task.ts';
import { createTaskInputs, type TaskInputs } from './task-inputs.ts';

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
  /** Looks into a store of a task; null where the task isn't here, or isn't open yet. */
  query(task: TaskId, store: string): StoreQuery | null;
  /** Looks into a global table; null where it isn't here, or isn't read to its end yet. */
  queryGlobal(topic: string): StoreQuery | null;
  /** Commits what is processed, leaves the group and resolves. */
  stop(): Promise<void>;
}

/** A task has its turn until so much time has passed: long enough that the turn's own cost is small. */
const turnMs = 4;
/** After which the time is looked at: few, because a function of the user's may take long over each. */
const recordsPerSlice = 500;
const pollMsMax = 100;
/** A batch costs the same whatever its size: with 64 KiB a stateless job took an eighth more of its thread. */
const batchBytes = 256 * 1024;
/** State that waits for its commit, per task: above, the commit comes early. */
const dirtyBytesMax = 16 * 1024 * 1024;

export function startWorker(options: WorkerOptions): Worker {
  const { topology, layout, client, clock, logger } = options;
  const metrics = createTaskMetrics();
  const stopping = new AbortController();
  const environment = { ...options, metrics, globalRows: (topic: string) => globals.rows(topic) };
  const running = new Map<TaskId, RunningTask>();
  const sources = new Map<TaskId, SourceRunner>();
  /** Sub-topologies whose inputs have ended. */
  const ended = new Set<number>();
  const closed = new Set<TaskId>();
  const failure = createLatch<never>();
  failure.promise.catch(() => {});
  let wake = new AbortController();
  let delivery: Delivery;
  let inputs: TaskInputs;
  let globals: GlobalTables = noTables;
  let generation: GroupGeneration = { generationId: -1, memberId: '', groupInstanceId: null };
  let active = false;
  let state: WorkerReport['state'] = 'joining';
  let committedAtMs = clock.monotonicMs();
  let recordsIn = 0;
  let turnsTaken: Promise<unknown> = Promise.resolve();

  const purge = createRepartitionPurge({ topology, admin: client.admin(), clock, logger });
  const topics = [...layout.partitions.keys()];
  const onAged = createAgeWarning(logger);
  const isSource = (id: TaskId) =>
    topology.subTopologies[parseTaskId(id).subTopology]!.inputs.every((input) => input.kind === 'connector');

  /** Callers take their turns in the order of their calls. */
  function exclusively<T>(work: () => Promise<T>): Promise<T> {
    wake.abort();
    return inOrder(work);
  }

  function inOrder<T>(work: () => Promise<T>): Promise<T> {
    const turn = turnsTaken.then(work, work);
    turnsTaken = turn.catch(() => {});
    return turn;
  }

  async function commit(): Promise<void> {
    for (const { task } of running.values()) await task.settle();
    const { offsets, tasks } = inputs.uncommitted(running.values());
    committedAtMs = clock.monotonicMs();
    if (offsets.length === 0 && tasks.length === 0) return;
    await delivery.commit({ offsets, generation, stores: tasks }).catch((error: unknown) => {
      throw isFaultThatPasses(error) ? new CommitUnknown(error) : error;
    });
    inputs.committed(offsets);
    for (const { task } of running.values()) task.committed();
    purge.committed(offsets);
  }

  async function closeTasks(ids: Iterable<TaskId>): Promise<void> {
    for (const id of [...ids]) {
      await running.get(id)?.close();
      running.delete(id);
      closed.delete(id);
      inputs.forget(id);
    }
  }

  /** What was not committed is thrown away; the state on disk and the log agree without it. */
  async function loseTasks(reason: string): Promise<void> {
    logger.warn({ reason, worker: options.workerId }, 'tasks lost; they start again from what is committed');
    active = false;
    inputs.stop();
    await closeTasks(running.keys());
    await delivery.abort();
  }

  /** False where the tasks turned out to be somebody else's. */
  async function orLose(work: () => Promise<void>): Promise<boolean> {
    try {
      await work();
      return true;
    } catch (error) {
      if (!isLostMembership(error)) throw error;
      await loseTasks((error as Error).message);
      return false;
    }
  }

  async function assign(ids: readonly TaskId[], next: GroupGeneration): Promise<void> {
    generation = next;
    globals.announce(next.generationId);
    const wanted = new Set(ids);
    await closeTasks([...running.keys()].filter((id) => !wanted.has(id)));
    for (const [id, runner] of [...sources]) {
      if (wanted.has(id)) runner.announce(next.generationId);
      else {
        sources.delete(id);
        await runner
          .stop()
          .catch((error: unknown) => logger.warn({ task: id, error }, 'a source that moved away had failed'));
      }
    }
    for (const id of ids) {
      if (running.has(id) || sources.has(id)) continue;
      const { subTopology, partition } = parseTaskId(id);
      const sub = topology.subTopologies[subTopology]!;
      if (isSource(id)) sources.set(id, startSource(id));
      else
        running.set(
          id,
          await openTask(environment, sub, partition, delivery.output, await inputs.start(id, sub, partition)),
        );
    }
    await inputs.resume(running.values(), next.generationId);
    active = true;
    state = 'running';
  }

  /** The log was out of reach for longer than requests are repeated, as after a sleep of the machine: joins again. */
  async function assignOrLose(ids: readonly TaskId[], next: GroupGeneration): Promise<void> {
    try {
      await assign(ids, next);
    } catch (error) {
      if (!isFaultThatPasses(error)) throw error;
      await loseTasks((error as Error).message);
      member.rejoin();
    }
  }

  function startSource(id: TaskId): SourceRunner {
    const { subTopology, partition } = parseTaskId(id);
    const sub = topology.subTopologies[subTopology]!;
    const runner = startSourceRunner({
      ...options,
      subTopology: sub,
      topics,
      onAged,
      commitIntervalMs: Math.min(topology.options.commitIntervalMs, 200),
      generationId: generation.generationId,
      async makeTask(output, signal) {
        await globals.whenReady(sub, signal);
        return (await openTask(environment, sub, partition, output, new Map())).task;
      },
    });
    runner.done.catch((error: unknown) => {
      if (!isLostMembership(error)) return failure.reject(error);
      // Fenced by a new owner; or its transaction timed out, and then the next assignment starts it again.
      logger.warn({ task: id, error }, 'a source was fenced');
      if (sources.get(id) === runner) sources.delete(id);
      member.rejoin();
    });
    return runner;
  }

  async function closeEnded(): Promise<void> {
    const ending = [...running.values()].filter(({ id, subTopology }) => ended.has(subTopology.id) && !closed.has(id));
    if (ending.length === 0) return;
    for (const { task } of ending) while (!task.closeWindows()) await task.ready();
    await commit();
    for (const { id } of ending) closed.add(id);
  }

  const member = createJobMember({
    client,
    topology,
    layout,
    tasks: allTasks(layout),
    owned: () => [...running.keys(), ...sources.keys()],
    onRevoke: () =>
      exclusively(async () => {
        if (active) await orLose(commit);
        active = false;
        inputs.stop();
      }),
    onAssign: (ids, next) =>
      exclusively(() => assignOrLose(ids, next)).catch((error: unknown) => failure.reject(error)),
    onLost: (reason) => exclusively(() => loseTasks(reason)),
    onFailed: (error) => failure.reject(error),
  });

  function processFor(task: Task): number {
    const endMs = clock.monotonicMs() + turnMs;
    let count = 0;
    for (let more = true; more; ) {
      const processed = task.process(recordsPerSlice);
      count += processed;
      more = processed === recordsPerSlice && clock.monotonicMs() < endMs;
    }
    return count;
  }

  async function turn(): Promise<boolean> {
    let processed = 0;
    const work = async () => {
      processed = await processAll();
      if (isCommitDue(processed)) await commit();
      if (processed === 0 && ended.size > 0) await closeEnded();
    };
    if (active && !(await orLose(work))) member.rejoin();
    return active && processed > 0;
  }

  async function processAll(): Promise<number> {
    let processed = 0;
    for (const entry of running.values()) {
      if (!globals.isReady(entry.subTopology)) continue;
      inputs.updateEnds(entry);
      const count = processFor(entry.task);
      processed += count;
      entry.task.punctuate(clock.now());
      if (count > 0 || entry.task.blocked) {
        if (entry.task.blocked) await entry.task.ready();
        await delivery.ready();
      }
    }
    recordsIn += processed;
    inputs.balance(running.values());
    return processed;
  }

  function isCommitDue(processed: number): boolean {
    const sinceCommitMs = clock.monotonicMs() - committedAtMs;
    const idle = processed === 0 && options.commitWhenIdle && inputs.isDirty(running.values());
    const full = [...running.values()].some(({ stores }) => stores.dirtyBytes > dirtyBytesMax);
    return idle || full || sinceCommitMs >= topology.options.commitIntervalMs;
  }

  /** Until the next commit is due; without tasks none is. */
  function idleMs(): number {
    const untilCommitMs = topology.options.commitIntervalMs - (clock.monotonicMs() - committedAtMs);
    return active ? Math.max(1, Math.min(pollMsMax, untilCommitMs)) : pollMsMax;
  }

  async function loop(): Promise<void> {
    let busy = false;
    while (!stopping.signal.aborted) {
      // A signal that nobody used serves again: making one costs as much as a hundred records.
      if (wake.signal.aborted) wake = new AbortController();
      const fetched = await inputs.poll(busy ? 0 : idleMs(), wake.signal);
      busy = await inOrder(async () => {
        inputs.deliver(fetched, running);
        return turn();
      });
      await clock.nextTurn();
    }
  }

  async function run(): Promise<void> {
    await loadCompression();
    const transactional = topology.options.guarantee === 'exactlyOnce';
    const limits = await readTopicLimits(client.admin(), topics, clock.now());
    const requestBytesMax = requestBytesFor(limits);
    const transactionalId = `${topology.job}-${options.workerId}`;
    const openProducer = async () => {
      const shape = { requestBytesMax, batchBytes: Math.min(batchBytes, requestBytesMax) };
      const producer = client.producer(transactional ? { transactionalId, ...shape } : shape);
      if (transactional) await producer.initTransactions();
      await Promise.all(topics.map((topic) => producer.partitionsOf(topic)));
      return producer;
    };
    const shared = { producer: await openProducer(), clock, limits, onAged, groupId: topology.job };
    delivery = transactional
      ? createExactlyOnce({ ...shared, renew: openProducer })
      : createAtLeastOnce({ ...shared, offsets: client.offsets(topology.job) });
    inputs = createTaskInputs({ ...options, groupId: topology.job });
    try {
      globals = await openGlobalTables({ ...options, onFailed: (error) => failure.reject(error) });
      member.start();
      await Promise.race([loop(), failure.promise]);
      await exclusively(async () => {
        for (const runner of [...sources.values()]) await runner.stop().catch(unlessLost);
        if (active) await orLose(commit);
      });
    } finally {
      stopping.abort();
      await exclusively(() => shutDown());
      state = 'stopped';
    }
  }

  async function shutDown(): Promise<void> {
    active = false;
    await globals.close();
    await Promise.allSettled([...sources.values()].map((runner) => runner.stop()));
    await closeTasks(running.keys());
    await Promise.allSettled([delivery.abort(), member.leave()]);
    await Promise.allSettled([inputs.close(), delivery.close(), purge.settle()]);
  }

  const done = run();
  done.catch(() => {});
  return {
    done,
    report: () => ({
      state,
      memberId: generation.memberId,
      generationId: generation.generationId,
      tasks: active ? [...running.keys(), ...sources.keys()] : [],
      closed: [...closed],
      sources: [...sources.values()].flatMap((runner) => runner.report()),
      recordsIn: recordsIn + [...sources.values()].reduce((sum, runner) => sum + runner.recordsIn(), 0),
      recordsOut: metrics.recordsWritten,
      dropped: droppedOf(metrics),
    }),
    closeWindows: (subTopology) => void ended.add(subTopology),
    query: (task, store) => running.get(task)?.stores.query(store) ?? null,
    queryGlobal: (topic) => globals.query(topic),
    async stop() {
      stopping.abort();
      wake.abort();
      await done;
    },
  };
}

// One member of the job's group: a loop that polls, processes and commits the tasks assigned to it. Group callbacks
// come at any time and take their turn between two turns of the loop, so no task is ever touched by two at once. While the
// group rebalances tasks go on, and what they do is committed under the next assignment.
import { type GroupGeneration, loadCompression } from '../../core/client/index.ts';
import { createLatch } from '../../core/kernel/latch.ts';
import { createAtLeastOnce, createExactlyOnce, type Delivery } from '../delivery/delivery.ts';
import { createAgeWarning, readTopicLimits, requestBytesFor } from '../delivery/output.ts';
import type { Task } from '../task/task.ts';
import { parseTaskId, type TaskId } from './assignor.ts';
import { droppedOf } from './dropped-records.ts';
import { type GlobalTables, noTables, openGlobalTables } from './global-tables.ts';
import { createJobMember } from './job-member.ts';
import { allTasks } from './layout.ts';
import { isFaultThatPasses, isLostMembership, losing, unlessItPasses } from './lost-membership.ts';
import { createTaskCounts, nothingMeasured } from './measures.ts';
import type { AssignmentData } from './member-data.ts';
import { positionsOnDisk } from './open-state.ts';
import { planDefaults } from './plan-assignment.ts';
import { createRepartitionPurge } from './repartition-purge.ts';
import { createStandbys } from './standbys.ts';
import { answerOf } from './store-question.ts';
import { createTaskInputs, type TaskInputs } from './task-inputs.ts';
import type { Worker, WorkerOptions, WorkerReport } from './worker-contract.ts';
import { createWorkerSources } from './worker-sources.ts';
import { createWorkerTasks, type WorkerTasks } from './worker-tasks.ts';

export type { Worker, WorkerOptions, WorkerReport } from './worker-contract.ts';

/** A task has its turn until so much time has passed: long enough that the turn's own cost is small. */
const turnMs = 4;
/** After which the time is looked at: few, because a function of the user's may take long over each. */
const recordsPerSlice = 500;
const pollMsMax = 100;
/** A batch costs the same whatever its size: with 64 KiB a stateless job took an eighth more of its thread. */
const batchBytes = 256 * 1024;
/** Kafka Streams' under exactly-once: readers, and who takes the tasks over, wait that long for what a killed worker left open. */
const transactionTimeoutMsMin = 10_000;
/** Kafka's `transaction.max.timeout.ms`: a longer one is refused. */
const transactionTimeoutMsMax = 15 * 60_000;
/** State that waits for its commit, per task: above, the commit comes early. */
const dirtyBytesMax = 16 * 1024 * 1024;

export function startWorker(options: WorkerOptions): Worker {
  const { topology, layout, client, clock, logger } = options;
  const counts = createTaskCounts(topology, options.countOperators === true);
  const stopping = new AbortController();
  const environment = { ...options, metricsOf: counts.of, globalRows: (topic: string) => globals.rows(topic) };
  /** Sub-topologies whose inputs have ended. */
  const ended = new Set<number>();
  const closed = new Set<TaskId>();
  const failure = createLatch<never>();
  failure.promise.catch(() => {});
  const fail = (error: unknown) => failure.reject(error);
  let wake = new AbortController();
  let delivery: Delivery;
  let inputs: TaskInputs;
  let tasks: WorkerTasks;
  let globals: GlobalTables = noTables;
  let generation: GroupGeneration = { generationId: -1, memberId: '', groupInstanceId: null };
  let assigned: AssignmentData = { version: 0, active: [], standby: [], warming: [], members: [] };
  let onDisk: ReadonlyMap<TaskId, number> = new Map();
  let active = false;
  /** The group rebalances: until the next assignment nothing can be committed. */
  let commitsHeld = false;
  let state: WorkerReport['state'] = 'joining';
  let rebalances = 0;
  let committedAtMs = clock.monotonicMs();
  let recordsIn = 0;
  let turnsTaken: Promise<unknown> = Promise.resolve();

  const purge = createRepartitionPurge({ topology, admin: client.admin(), clock, logger });
  const topics = [...layout.partitions.keys()];
  const onAged = createAgeWarning(logger);
  const standbys = createStandbys({ ...options, onFailed: fail });
  const sources = createWorkerSources({
    ...{ environment, topics, onAged, globals: () => globals },
    rejoin: () => member.rejoin(),
    onFailed: fail,
  });
  const isSource = (id: TaskId) =>
    topology.subTopologies[parseTaskId(id).subTopology]!.inputs.every((input) => input.kind === 'connector');
  const owned = () => [...tasks.running.keys(), ...tasks.opening, ...sources.ids];

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
    for (const { task } of tasks.running.values()) await task.settle();
    const { offsets, tasks: touched } = inputs.uncommitted(tasks.running.values());
    committedAtMs = clock.monotonicMs();
    if (offsets.length === 0 && touched.length === 0) {
      for (const { stores } of tasks.running.values()) if (stores.isBehind) await stores.write();
      return;
    }
    await delivery.commit({ offsets, generation, stores: touched }).catch(losing);
    inputs.committed(offsets);
    for (const { task } of tasks.running.values()) task.committed();
    purge.committed(offsets);
    counts.committed(clock.monotonicMs() - committedAtMs);
  }

  async function closeTasks(ids: Iterable<TaskId>): Promise<void> {
    const leaving = [...ids];
    await tasks.close(leaving);
    for (const id of leaving) closed.delete(id);
  }

  /** What was not committed is thrown away; the state on disk and the log agree without it. */
  async function loseTasks(reason: string): Promise<void> {
    logger.warn({ reason, worker: options.workerId }, 'tasks lost; they start again from what is committed');
    active = false;
    inputs.stop();
    await closeTasks([...tasks.running.keys(), ...tasks.opening]);
    await delivery.abort().catch(unlessItPasses); // tried again before tasks start
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

  /** Nobody gets what another has, so whoever waits for what is given up here needs another assignment. */
  async function assign(next: AssignmentData, under: GroupGeneration): Promise<void> {
    generation = under;
    assigned = next;
    commitsHeld = false;
    rebalances += 1;
    globals.announce(under.generationId);
    const leaving = owned().filter((id) => !next.active.includes(id));
    if (active && leaving.some((id) => tasks.running.has(id)) && !(await orLose(commit))) return member.rejoin();
    if (!active) await delivery.abort();
    await closeTasks(leaving.filter((id) => !isSource(id)));
    const released = (await sources.release(leaving)) || leaving.length > 0;
    await standbys.keep(next.standby);
    sources.run(next.active.filter(isSource), under.generationId);
    tasks.open(next.active.filter((id) => !isSource(id) && !tasks.running.has(id) && !tasks.opening.includes(id)));
    inputs.resume(tasks.running, under.generationId);
    active = true;
    if (tasks.opening.length === 0) state = 'running';
    if (released) member.rejoin();
  }

  /** The log was out of reach for longer than requests are repeated, as after a sleep of the machine: joins again. */
  async function orRejoin(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (!isFaultThatPasses(error)) throw error;
      await loseTasks((error as Error).message);
      member.rejoin();
    }
  }

  function takeIn(take: () => void): Promise<void> {
    return exclusively(async () => {
      take();
      if (!active) return;
      inputs.resume(tasks.running, generation.generationId);
      if (tasks.opening.length === 0) state = 'running';
    });
  }

  function notOpened(error: unknown): void {
    exclusively(() => orRejoin(() => Promise.reject(error))).catch(fail);
  }

  async function closeEnded(): Promise<void> {
    const ending = [...tasks.running.values()].filter(
      ({ id, subTopology }) => ended.has(subTopology.id) && !closed.has(id),
    );
    if (ending.length === 0) return;
    for (const { task } of ending) while (!task.closeWindows()) await task.ready();
    await commit();
    for (const { id } of ending) closed.add(id);
  }

  /** Leaving waits for the callback that runs: one that waited for its turn behind the shutdown would never end. */
  const whileAMember = async (work: () => Promise<void>) => {
    if (!stopping.signal.aborted) await exclusively(work);
  };

  const member = createJobMember({
    client,
    topology,
    layout,
    logger,
    tasks: allTasks(layout),
    instanceId: options.instanceId ?? null,
    sessionTimeoutMs: options.sessionTimeoutMs,
    self: () => ({
      processId: options.processId,
      generation: generation.generationId,
      tasks: owned(),
      positions: Object.fromEntries(furthest(onDisk, tasks.closedAt, standbys.positions())),
      address: options.address ?? null,
    }),
    onRejoin: () =>
      whileAMember(async () => {
        if (active) await orLose(commit);
        commitsHeld = true;
      }),
    onAssign: (next, under) => whileAMember(() => orRejoin(() => assign(next, under))).catch(fail),
    onLost: (reason) => whileAMember(() => loseTasks(reason)),
    onFailed: fail,
  });

  /** A task that is to come here comes once there is little left to restore. */
  function askForWarmTasks(): void {
    if (!assigned.warming.some((id) => standbys.lag(id) <= planDefaults.warmLag)) return;
    assigned = { ...assigned, warming: [] };
    member.rejoin();
  }

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
      if (commitsHeld && isFull()) return;
      processed = await processAll().catch(losing);
      if (commitsHeld) return;
      if (isCommitDue(processed)) await commit();
      if (processed === 0 && ended.size > 0) await closeEnded();
    };
    if (active && !(await orLose(work))) member.rejoin();
    if (assigned.warming.length > 0) askForWarmTasks();
    return active && processed > 0;
  }

  async function processAll(): Promise<number> {
    let processed = 0;
    for (const entry of tasks.running.values()) {
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
    inputs.balance(tasks.running.values());
    return processed;
  }

  const isFull = () => [...tasks.running.values()].some(({ stores }) => stores.dirtyBytes > dirtyBytesMax);

  function isCommitDue(processed: number): boolean {
    const sinceCommitMs = clock.monotonicMs() - committedAtMs;
    const idle = processed === 0 && options.commitWhenIdle && inputs.isDirty(tasks.running.values());
    return idle || sinceCommitMs >= topology.options.commitIntervalMs || isFull();
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
        inputs.deliver(fetched, tasks.running);
        return turn();
      });
      await clock.nextTurn();
    }
  }

  async function openDelivery(): Promise<Delivery> {
    const transactional = topology.options.guarantee === 'exactlyOnce';
    const limits = await readTopicLimits(client.admin(), topics, clock.now());
    const requestBytesMax = requestBytesFor(limits);
    const transactionalId = `${topology.job}-${options.workerId}`;
    const transactionTimeoutMs = Math.min(
      Math.max(transactionTimeoutMsMin, 2 * topology.options.commitIntervalMs),
      transactionTimeoutMsMax,
    );
    const openProducer = async () => {
      const shape = { requestBytesMax, batchBytes: Math.min(batchBytes, requestBytesMax) };
      const producer = client.producer(transactional ? { transactionalId, transactionTimeoutMs, ...shape } : shape);
      if (transactional) await producer.initTransactions();
      await Promise.all(topics.map((topic) => producer.partitionsOf(topic)));
      return producer;
    };
    const shared = { producer: await openProducer(), clock, limits, onAged, groupId: topology.job };
    return transactional
      ? createExactlyOnce({ ...shared, renew: openProducer })
      : createAtLeastOnce({ ...shared, offsets: client.offsets(topology.job) });
  }

  async function run(): Promise<void> {
    await loadCompression();
    delivery = await openDelivery();
    inputs = createTaskInputs({ ...options, groupId: topology.job });
    tasks = createWorkerTasks({
      ...{ environment, inputs, output: delivery.output },
      onOpened: takeIn,
      onFailed: notOpened,
    });
    try {
      globals = await openGlobalTables({ ...options, onFailed: fail });
      if (!options.alone) onDisk = await positionsOnDisk(topology, options.stateEngine);
      member.start();
      await Promise.race([loop(), failure.promise]);
      await exclusively(async () => {
        await sources.stop();
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
    await Promise.allSettled([sources.stop()]);
    await Promise.allSettled([closeTasks([...tasks.running.keys(), ...tasks.opening]), standbys.close()]);
    await Promise.allSettled([delivery.abort(), member.leave()]);
    await Promise.allSettled([inputs.close(), delivery.close(), purge.settle()]);
  }

  const queryTask = (task: TaskId, store: string) => tasks?.running.get(task)?.stores.query(store) ?? null;

  const done = run();
  done.catch(() => {});
  return {
    done,
    report: () => ({
      state,
      memberId: generation.memberId,
      generationId: generation.generationId,
      tasks: active ? [...tasks.running.keys(), ...sources.ids] : [],
      standbys: standbys.tasks,
      restoring: tasks?.restoring() ?? [],
      rebalances,
      members: assigned.members,
      closed: [...closed],
      sources: sources.report(),
      recordsIn: recordsIn + sources.recordsIn(),
      recordsOut: [...counts.all()].reduce((sum, { recordsWritten }) => sum + recordsWritten, 0),
      dropped: droppedOf(counts.all()),
    }),
    measures: async () => (tasks === undefined ? nothingMeasured : await counts.measure(tasks.running, inputs)),
    ask(question) {
      const { task, store } = question;
      return answerOf(question, topology, task === null ? globals.query(store) : queryTask(task, store));
    },
    closeWindows: (subTopology) => void ended.add(subTopology),
    query: queryTask,
    queryGlobal: (topic) => globals.query(topic),
    async stop() {
      stopping.abort();
      wake.abort();
      await done;
    },
  };
}

/** A state on disk only gets further. */
function furthest(...positions: readonly ReadonlyMap<TaskId, number>[]): ReadonlyMap<TaskId, number> {
  const found = new Map<TaskId, number>();
  for (const [task, at] of positions.flatMap((some) => [...some])) found.set(task, Math.max(found.get(task) ?? 0, at));
  return found;
}

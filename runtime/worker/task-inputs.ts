// Between the fetcher and the tasks of a worker: which partitions are read and from where, what each task has taken and
// what of it is committed, and how much may wait in memory. Knows offsets, never records.
import type { Client, FetchedPartition } from '../../core/client/index.ts';
import { partitionName } from '../../core/kernel/ids.ts';
import type { Logger } from '../../core/kernel/logger.ts';
import type { SubTopology, Topology } from '../../dsl/compile/topology.ts';
import {
  createSourceStatusReader,
  type SourceStatusReader,
  sourceOffsetsTopic,
  sourcesFilling,
} from '../connect/source-offsets.ts';
import type { CommitOffset, CommitWork } from '../delivery/delivery.ts';
import type { TaskId } from './assignor.ts';
import type { RunningTask } from './running-task.ts';

interface InputState {
  readonly task: TaskId;
  readonly index: number;
  readonly topic: string;
  readonly partition: number;
  /** Where to fetch next. */
  fetchAt: number;
  committed: number;
  paused: boolean;
  /** Bounded sources that must have filled the topic before its end is known; null when that has happened. */
  waitsFor: readonly string[] | null;
  /** End of a bootstrap input once its sources are done. */
  fixedEnd: number | null;
}

/** How far a task is behind the end of one of its inputs. */
export interface InputMeasures {
  readonly topic: string;
  readonly partition: number;
  /** Next to be processed. */
  readonly offset: number;
  /** Records that wait, of which transactions that were aborted and compaction may have taken some; null before it is known. */
  readonly lagRecords: number | null;
  /** Event time of the record that is next, or was last; -1 before the first. */
  readonly timestampMs: number;
}

export interface TaskInputs {
  /** Finds where the task starts; resolves with the committed offsets of its topics. */
  start(id: TaskId, sub: SubTopology, partition: number): Promise<ReadonlyMap<string, number>>;
  forget(id: TaskId): void;
  /** Nothing is fetched until `resume`. */
  stop(): void;
  /** Fetches for these tasks and no others. */
  resume(tasks: ReadonlyMap<TaskId, RunningTask>, generationId: number): void;
  poll(maxWaitMs: number, signal: AbortSignal): Promise<readonly FetchedPartition[]>;
  deliver(fetched: readonly FetchedPartition[], tasks: ReadonlyMap<TaskId, RunningTask>): void;
  updateEnds(task: RunningTask): void;
  /** Pauses inputs of which too much waits, resumes those of which little does. */
  balance(tasks: Iterable<RunningTask>): void;
  measure(task: RunningTask): readonly InputMeasures[];
  isDirty(tasks: Iterable<RunningTask>): boolean;
  uncommitted(tasks: Iterable<RunningTask>): {
    readonly offsets: readonly CommitOffset[];
    readonly tasks: CommitWork['stores'];
  };
  committed(offsets: readonly CommitOffset[]): void;
  close(): Promise<void>;
}

export interface TaskInputsOptions {
  readonly topology: Topology;
  readonly client: Client;
  readonly groupId: string;
  readonly from: 'earliest' | 'latest';
  readonly logger: Logger;
}

/** Fetched ahead of the tasks. More only grows old before it is read: 16 MiB cost a tenth of the speed in collections. */
const bufferBytesMax = 4 * 1024 * 1024;
const waitingBytesMax = 4 * 1024 * 1024;
const waitingBytesResume = 1024 * 1024;

export function createTaskInputs({ topology, client, groupId, from, logger }: TaskInputsOptions): TaskInputs {
  const fetcher = client.fetcher({ isolation: 'readCommitted', from, bufferBytesMax });
  const offsets = client.offsets(groupId);
  const admin = client.admin();
  const byPartition = new Map<string, InputState>();
  const byTask = new Map<TaskId, InputState[]>();
  let fetching = false;
  /** Of what is assigned: what was polled under another is fetched again. */
  let assignment = 0;
  let polledUnder = 0;
  let statusReader: SourceStatusReader | null = null;
  let watching: Promise<void> | null = null;
  let generation = -1;
  let closed = false;

  /** Learns when the sources are done that fill bootstrap inputs, and where those inputs then end. */
  async function watchSources(): Promise<void> {
    const waiting = [...byPartition.values()].filter((input) => input.waitsFor !== null);
    if (waiting.length === 0) return;
    statusReader ??= createSourceStatusReader(client, sourceOffsetsTopic(topology)!);
    const statuses = await statusReader.refresh();
    const ready = waiting.filter((input) =>
      input.waitsFor!.every((name) => {
        const status = statuses.get(name);
        return status?.done === true && status.generationId === generation;
      }),
    );
    if (ready.length === 0) return;
    const ends = await admin.listOffsets(
      ready.map(({ topic, partition }) => ({ topic, partition })),
      'latest',
      'readCommitted',
    );
    for (const [i, input] of ready.entries()) {
      input.fixedEnd = ends[i]!.offset;
      input.waitsFor = null;
    }
  }

  const positionOf = (entry: RunningTask, input: InputState): number =>
    entry.task.positions().find((position) => position.input === input.index)?.offset ?? input.committed;

  return {
    async start(id, sub, partition) {
      const topics = sub.inputs.flatMap((input, index) => (input.kind === 'topic' ? [{ index, input }] : []));
      const wanted = topics.map(({ input }) => ({ topic: input.topic.name, partition }));
      const known = await offsets.fetch(wanted);
      const fallback = await admin.listOffsets(wanted, from, 'readCommitted');
      const earliest = await admin.listOffsets(wanted, 'earliest');
      const committed = new Map<string, number>();
      const states = topics.map(({ index, input }, i) => {
        const topic = input.topic.name;
        const saved = known.get(partitionName({ topic, partition }))?.offset;
        // Whatever streams start from, a table is read from its beginning, and so is what the job has written for itself.
        const first = input.role === 'table' || input.internal ? earliest[i]!.offset : fallback[i]!.offset;
        const offset = Math.max(saved ?? first, earliest[i]!.offset);
        if (saved !== undefined) committed.set(topic, offset);
        const waitsFor = input.bootstrap ? sourcesFilling(topology, topic) : [];
        return {
          task: id,
          index,
          topic,
          partition,
          fetchAt: offset,
          committed: saved ?? -1,
          paused: false,
          waitsFor: waitsFor.length > 0 ? waitsFor : null,
          fixedEnd: null,
        } satisfies InputState as InputState;
      });
      byTask.set(id, states);
      for (const input of states) byPartition.set(partitionName(input), input);
      return committed;
    },
    forget(id) {
      for (const input of byTask.get(id) ?? []) byPartition.delete(partitionName(input));
      byTask.delete(id);
    },
    stop() {
      fetching = false;
      assignment += 1;
      fetcher.assign([]);
    },
    resume(tasks, generationId) {
      for (const entry of tasks.values()) {
        for (const { index, fetchAt } of byTask.get(entry.id) ?? []) {
          if (entry.task.positions().some((position) => position.input === index)) continue;
          entry.task.enqueue(index, { fetchOffset: fetchAt, batches: [], nextOffset: fetchAt });
        }
      }
      generation = generationId;
      fetching = true;
      const read = [...byPartition.values()].filter(({ task }) => tasks.has(task));
      assignment += 1;
      fetcher.assign(read.map(({ topic, partition, fetchAt }) => ({ topic, partition, offset: fetchAt })));
      for (const input of read) {
        if (input.paused) fetcher.resume(input);
        input.paused = false;
      }
    },
    async poll(maxWaitMs, signal) {
      watching ??= watchSources()
        .catch((error: unknown) => logger.warn({ error }, 'could not read where the sources stand; trying again'))
        .finally(() => {
          watching = null;
        });
      try {
        const fetched = await fetcher.poll(maxWaitMs, signal);
        polledUnder = assignment;
        return fetched;
      } catch (error) {
        if (signal.aborted) return [];
        throw error;
      }
    },
    deliver(fetched, tasks) {
      if (!fetching || closed || polledUnder !== assignment) return;
      for (const part of fetched) {
        const input = byPartition.get(partitionName(part));
        if (input === undefined || part.fetchOffset !== input.fetchAt) continue;
        tasks.get(input.task)?.task.enqueue(input.index, part);
        input.fetchAt = part.nextOffset;
      }
    },
    updateEnds(entry) {
      for (const input of byTask.get(entry.id) ?? []) {
        const tp = { topic: input.topic, partition: input.partition };
        // Until the source of a bootstrap input is done, its end is not known.
        const end = input.waitsFor !== null ? undefined : (input.fixedEnd ?? fetcher.endOffset(tp));
        if (end !== undefined) entry.task.setEnd(input.index, end);
      }
    },
    balance(tasks) {
      for (const entry of tasks) {
        for (const input of byTask.get(entry.id) ?? []) {
          const bytes = entry.task.bufferedBytes(input.index);
          if (!input.paused && bytes > waitingBytesMax) fetcher.pause(input);
          else if (input.paused && bytes < waitingBytesResume) fetcher.resume(input);
          else continue;
          input.paused = !input.paused;
        }
      }
    },
    measure: (entry) =>
      (byTask.get(entry.id) ?? []).map((input) => {
        const { topic, partition } = input;
        const offset = Math.max(0, positionOf(entry, input));
        const end = fetcher.endOffset({ topic, partition });
        const lagRecords = end === undefined ? null : Math.max(0, end - offset);
        return { topic, partition, offset, lagRecords, timestampMs: entry.task.inputTimeMs(input.index) };
      }),
    isDirty(tasks) {
      for (const entry of tasks) {
        if (entry.task.changedByTime) return true;
        if ((byTask.get(entry.id) ?? []).some((input) => positionOf(entry, input) !== input.committed)) return true;
      }
      return false;
    },
    uncommitted(tasks) {
      const changed: CommitOffset[] = [];
      const touched: CommitWork['stores'][number][] = [];
      for (const entry of tasks) {
        const states = byTask.get(entry.id) ?? [];
        const moved = states
          .map((input) => ({ input, offset: positionOf(entry, input) }))
          .filter(({ input, offset }) => offset !== input.committed);
        changed.push(...moved.map(({ input, offset }) => ({ topic: input.topic, partition: input.partition, offset })));
        const ownInputs = entry.subTopology.stores
          .filter((store) => !store.ownChangelog)
          .map((store) => store.changelog);
        const inputPositions = new Map(
          states
            .filter((input) => ownInputs.includes(input.topic))
            .map((input) => [input.topic, positionOf(entry, input)]),
        );
        const changelogs = entry.subTopology.stores
          .filter((store) => store.ownChangelog)
          .map((store) => store.changelog);
        if (moved.length > 0 || entry.task.changedByTime)
          touched.push({ stores: entry.stores, partition: entry.partition, changelogs, inputPositions });
      }
      return { offsets: changed, tasks: touched };
    },
    committed(done) {
      for (const offset of done) {
        const input = byPartition.get(partitionName(offset));
        if (input !== undefined) input.committed = offset.offset;
      }
    },
    async close() {
      closed = true;
      fetcher.close();
      await watching;
      await statusReader?.close();
    },
  };
}

// Runs a task whose inputs are source connectors. Records and the offsets they reach go in one transaction whose id is
// the task's, so a new owner fences the old one and a crash neither repeats nor skips (as Kafka Connect, KIP-618).
import type { Client, Producer } from '../../core/client/index.ts';
import type { Clock } from '../../core/kernel/clock.ts';
import { isFault } from '../../core/kernel/fault.ts';
import { createLatch } from '../../core/kernel/latch.ts';
import type { Logger } from '../../core/kernel/logger.ts';
import type { Random } from '../../core/kernel/random.ts';
import type { SubTopology, Topology } from '../../dsl/compile/topology.ts';
import type { SourceOffset, SourceRecord, SourceTask } from '../../dsl/connector.ts';
import { createOutput, readTopicLimits, requestBytesFor } from '../delivery/output.ts';
import type { Task } from '../task/task.ts';
import type { TaskOutput } from '../task/task-output.ts';
import { createSourceStatusReader, sourceOffsetsTopic, writeSourceStatus } from './source-offsets.ts';

export interface SourceRunnerOptions {
  readonly topology: Topology;
  readonly subTopology: SubTopology;
  readonly client: Client;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** All topics the job writes: their partition counts are learnt before the first record. */
  readonly topics: readonly string[];
  /** See `createOutput`. */
  readonly onAged: (topic: string, timestampMs: number) => void;
  /** The signal says that the runner is stopped meanwhile. */
  readonly openTask: (output: TaskOutput, signal: AbortSignal) => Promise<OpenTask>;
  readonly commitIntervalMs: number;
  readonly generationId: number;
}

export interface OpenTask {
  readonly task: Task;
  /** With its sinks. */
  close(): Promise<void>;
}

export interface SourceReport {
  readonly name: string;
  /** 0 to 1, or null where the source doesn't know. */
  readonly progress: number | null;
  readonly done: boolean;
  readonly generationId: number;
}

export interface SourceRunner {
  /** Rejects with what stopped it; resolves after `stop`. */
  readonly done: Promise<void>;
  /** Says again where the sources stand: those that wait for them only believe the newest generation. */
  announce(generationId: number): void;
  report(): readonly SourceReport[];
  recordsIn(): number;
  stop(): Promise<void>;
}

interface OpenSource {
  readonly input: number;
  readonly name: string;
  readonly task: SourceTask<unknown>;
  pending: Promise<readonly SourceRecord<unknown>[]> | null;
  arrived: readonly SourceRecord<unknown>[] | null;
  offset: SourceOffset | null;
  done: boolean;
  unsaved: boolean;
}

const recordsPerPollMax = 2_000;

export function startSourceRunner(options: SourceRunnerOptions): SourceRunner {
  const { clock, topology, subTopology } = options;
  const topic = sourceOffsetsTopic(topology)!;
  const stopping = new AbortController();
  let wake = createLatch();
  let generationId = options.generationId;
  let announced = -1;
  let recordsIn = 0;
  let failure: unknown;
  const sources: OpenSource[] = [];
  stopping.signal.addEventListener('abort', () => wake.resolve());

  async function openSources(): Promise<void> {
    const reader = createSourceStatusReader(options.client, topic);
    const statuses = await reader.refresh();
    await reader.close();
    for (const [input, spec] of subTopology.inputs.entries()) {
      if (spec.kind !== 'connector') continue;
      const offset = statuses.get(spec.connector.name)?.offset ?? null;
      const context = { clock, random: options.random, logger: options.logger, signal: stopping.signal };
      const task = await spec.connector.open(offset, context);
      sources.push({
        input,
        name: spec.connector.name,
        task,
        pending: null,
        arrived: null,
        offset,
        done: false,
        unsaved: false,
      });
    }
  }

  function startPolls(): void {
    for (const source of sources) {
      if (source.done || source.pending !== null || source.arrived !== null) continue;
      source.pending = source.task.poll(recordsPerPollMax);
      source.pending.then(
        (records) => {
          source.arrived = records;
          source.pending = null;
          wake.resolve();
        },
        (error: unknown) => {
          if (!stopping.signal.aborted) failure = error;
          wake.resolve();
        },
      );
    }
  }

  async function process(task: Task, producer: Producer): Promise<void> {
    for (const source of sources) {
      const records = source.arrived;
      if (records === null) continue;
      source.arrived = null;
      source.unsaved = true;
      if (records.length === 0) {
        source.done = true;
        continue;
      }
      task.enqueueSource(source.input, records);
      recordsIn += records.length;
      while (task.process(recordsPerPollMax) > 0 || task.blocked) {
        if (task.blocked) await task.ready();
        await producer.ready();
      }
    }
  }

  async function commit(task: Task, producer: Producer, begin: () => void): Promise<void> {
    await task.settle();
    begin();
    for (const source of sources) {
      source.offset = task.sourceOffset(source.input) ?? source.offset;
      writeSourceStatus(
        producer,
        topic,
        source.name,
        { offset: source.offset, done: source.done, generationId },
        clock,
      );
      source.unsaved = false;
    }
    announced = generationId;
    await producer.commit();
  }

  async function run(): Promise<void> {
    const limits = await readTopicLimits(options.client.admin(), options.topics, clock.now());
    const transactionalId = `${topology.job}-source-${subTopology.id}`;
    const producer = options.client.producer({ transactionalId, requestBytesMax: requestBytesFor(limits) });
    let opened: OpenTask | null = null;
    let open = false;
    const begin = () => {
      if (!open) producer.begin();
      open = true;
    };
    try {
      await producer.initTransactions();
      await Promise.all([topic, ...options.topics].map((name) => producer.partitionsOf(name)));
      await openSources();
      opened = await options.openTask(
        createOutput(() => producer, limits, begin, options.onAged),
        stopping.signal,
      );
      const { task } = opened;
      let committedAtMs = clock.monotonicMs();
      while (!stopping.signal.aborted) {
        wake = createLatch();
        startPolls();
        if (!sources.some((source) => source.arrived !== null)) {
          const timer = clock.after(options.commitIntervalMs, () => wake.resolve());
          await wake.promise;
          timer.cancel();
        }
        if (failure !== undefined) throw failure;
        await process(task, producer);
        const ended = sources.every((source) => source.done);
        const due = ended || clock.monotonicMs() - committedAtMs >= options.commitIntervalMs;
        const news = sources.some((source) => source.unsaved) || announced !== generationId;
        if (due && news) {
          await commit(task, producer, begin);
          open = false;
          committedAtMs = clock.monotonicMs();
        }
        if (ended) await waitForNews();
        else await clock.nextTurn();
      }
      if (open || sources.some((source) => source.unsaved)) {
        await commit(task, producer, begin);
        open = false;
      }
    } finally {
      if (open)
        await producer.abort().catch((error: unknown) => {
          if (!isFault(error, 'CLOSED')) options.logger.warn({ error }, 'could not abort a transaction');
        });
      const closings = [opened?.close(), ...sources.map((source) => source.task.close())];
      await Promise.all(closings);
      await producer.close();
    }
  }

  async function waitForNews(): Promise<void> {
    while (announced === generationId && !stopping.signal.aborted) {
      wake = createLatch();
      await wake.promise;
    }
  }

  const done = run();
  done.catch(() => {});
  return {
    done,
    announce(next) {
      generationId = next;
      wake.resolve();
    },
    report: () =>
      sources.map((source) => ({
        name: source.name,
        progress: source.done ? 1 : (source.task.progress?.() ?? null),
        done: source.done && announced === generationId,
        generationId: announced,
      })),
    recordsIn: () => recordsIn,
    async stop() {
      stopping.abort(new Error('stopped'));
      await done;
    },
  };
}

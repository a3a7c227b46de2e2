// A task on its own: a sub-topology written by hand, wire batches in, what it writes in a list. Real stores in memory.

import { silentLogger } from '../../../core/kernel/logger.ts';
import { createManualClock } from '../../../core/kernel/manual-clock.ts';
import { seededRandom } from '../../../core/kernel/random.ts';
import { BatchBuilder } from '../../../core/protocol/batch-builder.ts';
import type { Input, Step, StoreSpec, SubTopology, Topology } from '../../../dsl/compile/topology.ts';
import type { SinkTask } from '../../../dsl/connector.ts';
import type { JobOptions, TopicSpec } from '../../../dsl/plan.ts';
import { createTask, type Task } from '../../../runtime/task/task.ts';
import { createTaskMetrics } from '../../../runtime/task/task-metrics.ts';
import type { TaskState } from '../../../runtime/task/task-state.ts';
import { createMemoryStores } from '../../../runtime/testing/memory-stores.ts';
import { text } from '../../support/store-specs.ts';

export const textTopic = (name: string, given: Partial<TopicSpec> = {}): TopicSpec => ({
  name,
  key: text,
  value: text,
  config: {},
  ...given,
});

export const streamInput = (name: string, given: Partial<TopicSpec> = {}): Input => ({
  kind: 'topic',
  topic: textTopic(name, given),
  internal: false,
  role: 'stream',
  bootstrap: false,
});

type StepBody<S> = S extends Step ? Omit<S, 'id' | 'name' | 'parents'> & { parents?: readonly number[] } : never;

/** Steps one after another: each follows the one before unless it names its parents; named after their kind. */
export const inLine = (bodies: readonly StepBody<Step>[]): Step[] =>
  bodies.map((body, id) => {
    const parents = body.parents ?? (body.kind === 'input' || id === 0 ? [] : [id - 1]);
    return { ...body, id, name: body.kind, parents } as Step;
  });

export interface Written {
  readonly topic: string;
  readonly key: string | null;
  readonly value: string | null;
  readonly timestampMs: number;
  readonly headers: Readonly<Record<string, string>>;
}

export interface GivenRecord {
  readonly key?: string | null;
  readonly value: string | null;
  readonly timestampMs?: number;
  readonly headers?: readonly (readonly [string, Uint8Array | null])[];
}

export function batchOf(records: readonly GivenRecord[], baseOffset: number): Uint8Array {
  const builder = new BatchBuilder();
  const bytes = (given: string | null) => (given === null ? null : text.encode(given));
  for (const { key = null, value, timestampMs = 0, headers = [] } of records) {
    builder.append(timestampMs, bytes(key), bytes(value), headers);
  }
  return builder.build({ baseOffset });
}

export interface HarnessOptions {
  readonly inputs?: readonly Input[];
  readonly steps: readonly Step[];
  readonly stores?: readonly StoreSpec[];
  readonly options?: Partial<JobOptions>;
  readonly sink?: SinkTask<unknown, unknown>;
  /** Of a task that ran before: a restart. */
  readonly state?: TaskState;
}

const fail = { kind: 'fail' } as const;

export function startTask({
  inputs = [streamInput('in')],
  steps,
  stores = [],
  options = {},
  sink,
  state,
}: HarnessOptions) {
  const subTopology: SubTopology = { id: 0, inputs, steps, stores, upstream: [] };
  const topology: Topology = {
    job: 'job',
    options: {
      guarantee: 'atLeastOnce',
      onError: { decode: fail, process: fail, produce: fail },
      commitIntervalMs: 1_000,
      standbys: 0,
      names: 'derived',
      negativeTimestamp: 'fail',
      maxTaskIdleMs: 0,
      updates: 'every',
      ...options,
    },
    subTopologies: [subTopology],
    topics: [],
    internalTopics: [],
    globals: [],
    views: [],
    bounded: false,
  };
  const clock = createManualClock(1_000_000);
  const metrics = createTaskMetrics();
  const written: Written[] = [];
  const kept = state ?? createMemoryStores(stores);
  const task: Task = createTask({
    topology,
    subTopology,
    partition: 3,
    stores: kept,
    clock,
    random: seededRandom(1),
    logger: silentLogger,
    metrics,
    openSink: () => sink!,
    output: {
      write(topic, _partition, key, value, timestampMs, headers) {
        const shown = (given: Uint8Array | string | null) =>
          given === null || typeof given === 'string' ? given : text.decode(given);
        written.push({
          topic,
          key: shown(key),
          value: shown(value),
          timestampMs,
          headers: Object.fromEntries(headers.map(([name, bytes]) => [name, shown(bytes) ?? 'null'])),
        });
      },
    },
  });
  const next = inputs.map(() => 0);
  return {
    task,
    metrics,
    written,
    clock,
    state: kept,
    /** Fetched, and not processed yet. */
    feed(records: readonly GivenRecord[], input = 0): void {
      const fetchOffset = next[input]!;
      const nextOffset = fetchOffset + records.length;
      next[input] = nextOffset;
      const batches = records.length === 0 ? [] : [batchOf(records, fetchOffset)];
      task.enqueue(input, { fetchOffset, batches, nextOffset });
      task.setEnd(input, nextOffset);
    },
    /** Key and value of all that was written since, as 'key=value'. */
    take(): string[] {
      return written.splice(0).map(({ key, value }) => `${key}=${value}`);
    },
  };
}

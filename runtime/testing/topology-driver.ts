// Runs a job in memory, step by step and in one call: no node, no threads, no waiting. Records go through the same serdes
// and the same tasks as in production; one partition stands for all, as in Kafka's TopologyTestDriver, and a record is
// processed to its end before `send` returns. Connectors are not opened: sources are played, sinks are read.
import { assert } from '../../core/kernel/assert.ts';
import type { Clock } from '../../core/kernel/clock.ts';
import { type Duration, durationMs } from '../../core/kernel/duration.ts';
import { Fault } from '../../core/kernel/fault.ts';
import { type Logger, silentLogger } from '../../core/kernel/logger.ts';
import { createManualClock } from '../../core/kernel/manual-clock.ts';
import { seededRandom } from '../../core/kernel/random.ts';
import { compile } from '../../dsl/compile/compile.ts';
import type { Input, SubTopology, Topology } from '../../dsl/compile/topology.ts';
import type { SinkConnector, SourceConnector } from '../../dsl/connector.ts';
import type { JobSpec, RecordContext, TopicSpec } from '../../dsl/plan.ts';
import type { Destination } from '../../dsl/stage.ts';
import type { Viewable } from '../../dsl/topic.ts';
import { globalStoreSpec } from '../state/global-store.ts';
import type { GlobalRows, KeyValueStore } from '../state/store.ts';
import { createTask, type Task } from '../task/task.ts';
import { createTaskMetrics, type TaskMetrics } from '../task/task-metrics.ts';
import type { TaskState } from '../task/task-state.ts';
import {
  createInput,
  createOutput,
  createSource,
  type DriverInput,
  type DriverOutput,
  type DriverSource,
  type ReadPlace,
} from './driver-ends.ts';
import { type DriverStore, readStore } from './driver-store.ts';
import { createDriverTopics, type DriverTopics } from './driver-topics.ts';
import { createMemoryStores } from './memory-stores.ts';

export interface DriverOptions {
  /** Where the wall clock stands, in milliseconds since the epoch. Default 0. */
  readonly startMs?: number;
  /** Default: none. */
  readonly logger?: Logger;
}

export interface TopologyDriver {
  readonly topology: Topology;
  /**
   * A topic that the job reads, to send records to.
   *
   * @param topic the topic or table as the program declares it
   * @throws Fault `NOT_IN_JOB`
   */
  in<K, V>(topic: Destination<K, V>): DriverInput<K, V>;
  /** A topic that the job writes, decoded. By name: any topic, internal and dead-letter ones too, in bytes. @throws Fault `NOT_IN_JOB` */
  out<K, V>(topic: Viewable<K, V>): DriverOutput<K, V | null>;
  out(name: string): DriverOutput<Uint8Array | null, Uint8Array | null>;
  /** A source connector, to play its records. By the connector or its name. @throws Fault `NOT_IN_JOB` */
  source<V>(connector: SourceConnector<V>): DriverSource<V>;
  source(name: string): DriverSource<unknown>;
  /** What a sink connector was given. @throws Fault `NOT_IN_JOB` */
  sink<K, V>(connector: SinkConnector<K, V>): DriverOutput<K, V>;
  sink(name: string): DriverOutput<unknown, unknown>;
  /** A state store by its name; a table's is the topic's name. @throws Fault `NOT_IN_JOB` */
  store(name: string): DriverStore;
  /** Moves the wall clock on. Event time moves with the records only. */
  advanceWallClock(by: Duration): void;
  /**
   * Waits until every answer of mapAsync is in, timers of processors are done, and so is what follows. A call that waits
   * for another try, or its timeout, waits for the driver's clock: move that on before you await this.
   */
  settle(): Promise<void>;
  /** What was dropped, skipped and sent to dead letters so far, and how many records went through. */
  readonly metrics: TaskMetrics;
  /** The inputs are at their end, as those of a job of bounded sources come to be: every open window gives its result. */
  closeWindows(): void;
  /** Settles, closes the windows of a job whose sources are all bounded, and ends the tasks. */
  end(): Promise<void>;
}

/**
 * A driver for one job.
 *
 * @throws TopologyError for a job that doesn't compile
 * @example
 * const driver = createDriver(counting);
 * driver.in(words).send(null, 'a b a');
 * expect(driver.out(counts).readAll()).toEqual([{ key: 'a', value: 2, timestampMs: 0 }]);
 */
export function createDriver(job: JobSpec, { startMs = 0, logger = silentLogger }: DriverOptions = {}): TopologyDriver {
  const sinks = new Map<string, SunkRecord[]>();
  const topology = drivable(compile(job, { environment: 'development' }), sinks);
  const clock = createManualClock(startMs);
  const metrics = createTaskMetrics();
  const topics = createDriverTopics();
  const stores = topology.subTopologies.map((sub) => createMemoryStores(sub.stores));
  const globals = createMemoryStores(topology.globals.map(({ topic }) => globalStoreSpec(topic)));
  const globalRows = followGlobals(topology, topics, globals);
  const tasks = startTasks({ topology, stores, topics, clock, logger, metrics, globalRows });

  const places = new Map<string, ReadPlace>();
  /** Shared by all that read one output, so that each record is read once. */
  function placeOf(output: string): ReadPlace {
    const place = places.get(output) ?? { at: 0 };
    places.set(output, place);
    return place;
  }

  function run(): void {
    for (let moved = true; moved; ) {
      moved = false;
      for (const task of tasks) while (task.process(1_000) > 0) moved = true;
    }
  }

  /** Upstream first: what one task's windows give, the next one's are yet to hold. */
  function closeWindows(): void {
    for (const task of tasks) {
      task.closeWindows();
      run();
    }
  }

  async function closeAll(): Promise<void> {
    for (const task of tasks) {
      while (!task.closeWindows()) await task.ready();
      await settle();
    }
  }

  async function settle(): Promise<void> {
    for (let before = -1; before !== metrics.recordsProcessed; ) {
      run();
      before = metrics.recordsProcessed;
      for (const task of tasks) await task.settle();
      run();
    }
  }

  return {
    topology,
    metrics,
    settle,
    in: <K, V>({ topic }: Destination<K, V>) => {
      const globals = topology.globals.map((global) => global.topic);
      const inputs = [...inputsOf(topology, 'topic').map((input) => input.topic), ...globals];
      return createInput<K, V>(
        find('input topic', topic.name, inputs, ({ name }) => name),
        { topics, clock, run },
      );
    },
    out: (topic: Viewable<unknown, unknown> | string) =>
      outputOf({ topology, topics, placeOf }, topic) as DriverOutput<never, never>,
    source: (connector: SourceConnector<unknown> | string) => {
      const name = typeof connector === 'string' ? connector : connector.name;
      const known = inputsOf(topology, 'connector').map((input) => input.connector.name);
      find('source', name, known, (each) => each);
      return createSource({ feed: feedsOf(topology, tasks, name), run }) as DriverSource<never>;
    },
    sink: (connector: SinkConnector<never, never> | string) => {
      const name = typeof connector === 'string' ? connector : connector.name;
      const records = sinks.get(find('sink', name, [...sinks.keys()], (each) => each))!;
      return createOutput(
        () => records,
        placeOf(`sink ${name}`),
        (record) => record,
      ) as DriverOutput<never, never>;
    },
    store: (name) => storeOf(topology, { stores, globals }, name),
    advanceWallClock(by) {
      clock.advance(durationMs(by));
      for (const task of tasks) task.punctuate(clock.now());
      run();
    },
    closeWindows,
    async end() {
      await settle();
      if (topology.bounded) await closeAll();
      for (const task of tasks) await task.close();
    },
  };
}

/** As compiled, but that nothing is waited for (what isn't in a queue isn't anywhere), each record is as if committed, and sinks are kept. */
function drivable(compiled: Topology, sinks: Map<string, SunkRecord[]>): Topology {
  return {
    ...compiled,
    options: { ...compiled.options, maxTaskIdleMs: -1, updates: 'every' },
    subTopologies: compiled.subTopologies.map((sub) => readingSinks(sub, sinks)),
  };
}

interface DrivenParts {
  readonly topology: Topology;
  readonly stores: readonly TaskState[];
  readonly topics: DriverTopics;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: TaskMetrics;
  readonly globalRows: (topic: string) => GlobalRows;
}

/** Rows of the global tables, as their topics say at any time; what can't be read is passed over. */
function followGlobals({ globals }: Topology, topics: DriverTopics, stores: TaskState): (topic: string) => GlobalRows {
  for (const { topic } of globals) {
    const store = stores.store(topic.name) as KeyValueStore;
    topics.follow(topic.name, ({ key, value, timestampMs }) => {
      if (key === null) return;
      try {
        store.put(topic.key.decode(key), value === null ? null : topic.value.decode(value), timestampMs);
      } catch {
        // As a worker does when it restores them.
      }
    });
  }
  return (topic) => stores.store(topic) as KeyValueStore;
}

/** One task a sub-topology, each at the beginning of the topics it reads. */
function startTasks({ topology, stores, topics, clock, logger, metrics, globalRows }: DrivenParts): readonly Task[] {
  return topology.subTopologies.map((subTopology, index) => {
    const openSink = () => unreachableSink();
    const random = seededRandom(1);
    const shared = { topology, subTopology, partition: 0, clock, random, logger, metrics, openSink, globalRows };
    const task = createTask({ ...shared, stores: stores[index]!, output: topics.output });
    subTopology.inputs.forEach((input, at) => {
      if (input.kind === 'topic') topics.read(input.topic.name, task, at);
    });
    return task;
  });
}

const unreachableSink = (): never => assert(false, 'a driven job opens no sink') as never;

interface SunkRecord {
  readonly key: unknown;
  readonly value: unknown;
  readonly timestampMs: number;
  readonly headers: RecordContext['headers'];
}

/** A sink's records are kept instead of written, in the same call. */
function readingSinks(sub: SubTopology, sinks: Map<string, SunkRecord[]>): SubTopology {
  const steps = sub.steps.map((step) => {
    if (step.kind !== 'connectorSink') return step;
    const records = sinks.get(step.connector.name) ?? [];
    sinks.set(step.connector.name, records);
    const look = (value: unknown, { key, timestampMs, headers }: RecordContext) => {
      records.push({ key, value, timestampMs, headers });
    };
    return { kind: 'tap', id: step.id, name: step.name, parents: step.parents, look } as const;
  });
  return { ...sub, steps };
}

type InputOf<Kind extends Input['kind']> = Extract<Input, { readonly kind: Kind }>;

const inputsOf = <Kind extends Input['kind']>(topology: Topology, kind: Kind): InputOf<Kind>[] =>
  topology.subTopologies.flatMap((sub) => sub.inputs.filter((input): input is InputOf<Kind> => input.kind === kind));

/** @throws Fault `NOT_IN_JOB` that says what there is */
function find<T>(what: string, name: string, all: readonly T[], nameOf: (item: T) => string): T {
  const found = all.find((item) => nameOf(item) === name);
  if (found === undefined) throw new Fault('NOT_IN_JOB', { what, name, known: [...new Set(all.map(nameOf))] });
  return found;
}

function feedsOf(topology: Topology, tasks: readonly Task[], name: string) {
  return topology.subTopologies.flatMap((sub, index) =>
    sub.inputs.flatMap((input, at) =>
      input.kind === 'connector' && input.connector.name === name ? [{ task: tasks[index]!, input: at }] : [],
    ),
  );
}

const rawBytes = { name: 'bytes', encode: (bytes: Uint8Array) => bytes, decode: (bytes: Uint8Array) => bytes };

function outputOf(
  {
    topology,
    topics,
    placeOf,
  }: Pick<DrivenParts, 'topology' | 'topics'> & { readonly placeOf: (output: string) => ReadPlace },
  topic: Viewable<unknown, unknown> | string,
): DriverOutput<unknown, unknown> {
  const { onError } = topology.options;
  const deadLetters = Object.values(onError).flatMap((policy) => (policy.kind === 'deadLetter' ? [policy.topic] : []));
  const known = [...topology.topics, ...topology.internalTopics].map(({ name }) => name);
  const name = typeof topic === 'string' ? topic : topic.topic.name;
  find('topic', name, [...known, ...deadLetters], (each) => each);
  const { key, value }: Pick<TopicSpec, 'key' | 'value'> =
    typeof topic === 'string' ? { key: rawBytes, value: rawBytes } : topic.topic;
  return createOutput(
    () => topics.written(name),
    placeOf(`topic ${name}`),
    (record) => ({
      ...record,
      key: record.key === null ? null : key.decode(record.key),
      value: record.value === null ? null : value.decode(record.value),
    }),
  );
}

function storeOf(
  { subTopologies, globals }: Topology,
  given: { readonly stores: readonly TaskState[]; readonly globals: TaskState },
  name: string,
): DriverStore {
  const all = [
    ...subTopologies.flatMap((sub, index) => sub.stores.map((spec) => ({ spec, stores: given.stores[index]! }))),
    ...globals.map(({ topic }) => ({ spec: globalStoreSpec(topic), stores: given.globals })),
  ];
  const found = find('store', name, all, ({ spec }) => spec.name);
  return readStore(found.spec, found.stores.store(name));
}

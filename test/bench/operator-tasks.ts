// The tasks of one job over partition 0, with what goes between them through repartition topics, and nothing else: no log,
// no LevelDB. State is in memory, and committed there as a worker does now and then, which encodes it; what goes to the job's
// own topics is built into batches and thrown away.
import { systemClock } from '../../core/kernel/clock.ts';
import { silentLogger } from '../../core/kernel/logger.ts';
import { seededRandom } from '../../core/kernel/random.ts';
import { BatchBuilder } from '../../core/protocol/batch-builder.ts';
import { RecordCursor } from '../../core/protocol/record-cursor.ts';
import { compile } from '../../dsl/compile/compile.ts';
import type { Topology } from '../../dsl/compile/topology.ts';
import type { Job } from '../../dsl/index.ts';
import { globalStoreSpec } from '../../runtime/state/global-store.ts';
import type { KeyValueStore } from '../../runtime/state/store.ts';
import { createTask, type Task } from '../../runtime/task/task.ts';
import { createTaskMetrics } from '../../runtime/task/task-metrics.ts';
import type { TaskOutput } from '../../runtime/task/task-output.ts';
import type { TaskState } from '../../runtime/task/task-state.ts';
import { createMemoryStores } from '../../runtime/testing/memory-stores.ts';

/** As a producer's batch size. */
const outputBytesMax = 64 * 1024;
const recordsPerTurn = 1_000;

export interface OperatorTasks {
  /** How many topics are read: each batch goes to every one of them. */
  readonly inputs: number;
  /** Takes the batches one after another, each entirely processed before the next, and commits. */
  run(batches: readonly Uint8Array[]): Promise<void>;
}

interface Reader {
  readonly task: Task;
  readonly input: number;
}

/** @param globalRows batches of the rows that every global table has */
export function operatorTasks(program: Job, globalRows: readonly Uint8Array[]): OperatorTasks {
  const compiled = compile(program, { environment: 'development' });
  const topology = { ...compiled, options: { ...compiled.options, maxTaskIdleMs: -1 } };
  const between = createBetween(topology);
  const states = topology.subTopologies.map(({ stores }) => createMemoryStores(stores));
  const tasks = startTasks({ topology, states, output: between.output, globalRows });
  const outside: Reader[] = [];
  topology.subTopologies.forEach(({ inputs }, index) => {
    inputs.forEach((given, input) => {
      if (given.kind !== 'topic') throw new Error('the bench plays topics only');
      const reader = { task: tasks[index]!, input };
      if (given.internal) between.read(given.topic.name, reader);
      else outside.push(reader);
    });
  });

  async function runDry(): Promise<void> {
    for (let moved = true; moved; moved = between.handOver()) {
      for (const task of tasks) {
        while (task.blocked || task.process(recordsPerTurn) > 0) if (task.blocked) await task.ready();
      }
    }
  }

  return {
    inputs: outside.length,
    async run(batches) {
      for (const batch of batches) {
        for (const { task, input } of outside) enqueue(task, input, batch);
        await runDry();
      }
      for (const task of tasks) await task.settle();
      await runDry();
      for (const stores of states) stores.commit();
    },
  };
}

function enqueue(task: Task, input: number, batch: Uint8Array): void {
  task.enqueue(input, { fetchOffset: 0, batches: [batch], nextOffset: 1 });
}

/** Output of all tasks: what a task of the same job reads waits until it is handed over. */
function createBetween({ internalTopics }: Topology) {
  const waiting = new Map(
    internalTopics
      .filter(({ purpose }) => purpose === 'repartition')
      .map(({ name }) => [name, { builder: new BatchBuilder(), readers: [] as Reader[] }]),
  );
  const thrownAway = new BatchBuilder();
  const output: TaskOutput = {
    write(topic, _partition, key, value, timestampMs, headers) {
      const builder = waiting.get(topic)?.builder ?? thrownAway;
      builder.append(timestampMs, key, value, headers);
      if (builder !== thrownAway || builder.sizeBytes < outputBytesMax) return;
      builder.build();
      builder.reset();
    },
  };
  return {
    output,
    read: (topic: string, reader: Reader) => void waiting.get(topic)!.readers.push(reader),
    /** @returns whether there was anything */
    handOver(): boolean {
      let any = false;
      for (const { builder, readers } of waiting.values()) {
        if (builder.recordCount === 0) continue;
        any = true;
        const batch = builder.build();
        builder.reset();
        for (const { task, input } of readers) enqueue(task, input, batch);
      }
      return any;
    },
  };
}

interface TasksParts {
  readonly topology: Topology;
  /** One of each sub-topology. */
  readonly states: readonly TaskState[];
  readonly output: TaskOutput;
  readonly globalRows: readonly Uint8Array[];
}

function startTasks({ topology, states, output, globalRows }: TasksParts): readonly Task[] {
  const globals = createMemoryStores(topology.globals.map(({ topic }) => globalStoreSpec(topic)));
  for (const { topic } of topology.globals) {
    const rows = globals.store(topic.name) as KeyValueStore;
    const cursor = new RecordCursor();
    for (const batch of globalRows) {
      cursor.open(batch);
      while (cursor.next())
        rows.put(topic.key.decode(cursor.key()!), topic.value.decode(cursor.value()!), cursor.timestampMs);
    }
  }
  return topology.subTopologies.map((subTopology, index) =>
    createTask({
      topology,
      subTopology,
      partition: 0,
      stores: states[index]!,
      output,
      clock: systemClock,
      random: seededRandom(1),
      logger: silentLogger,
      metrics: createTaskMetrics(),
      openSink: () => {
        throw new Error('no sink');
      },
      globalRows: (topic) => globals.store(topic) as KeyValueStore,
    }),
  );
}

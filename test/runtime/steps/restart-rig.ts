// A whole job in one process with a restart wherever a test wants one: tasks over real stores, topics as lists. State comes
// back from its database, or from the changelog alone, as on another machine.
import { silentLogger } from '../../../core/kernel/logger.ts';
import { createManualClock } from '../../../core/kernel/manual-clock.ts';
import { seededRandom } from '../../../core/kernel/random.ts';
import { BatchBuilder } from '../../../core/protocol/batch-builder.ts';
import { createMemoryEngine } from '../../../core/storage/memory-storage.ts';
import type { StorageEngine } from '../../../core/storage/storage.ts';
import { compile } from '../../../dsl/compile/compile.ts';
import type { SubTopology } from '../../../dsl/compile/topology.ts';
import type { Job } from '../../../dsl/index.ts';
import { openTaskStores, type TaskStores } from '../../../runtime/state/task-stores.ts';
import { createTask, type Task } from '../../../runtime/task/task.ts';
import { createTaskMetrics } from '../../../runtime/task/task-metrics.ts';
import { text } from '../../support/store-specs.ts';

export type Comeback = 'database' | 'changelog';

export interface Sent {
  readonly topic: string;
  readonly key: string | null;
  readonly value: string | null;
  readonly ts: number;
}

interface Logged {
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  readonly timestampMs: number;
}

interface Running {
  readonly sub: SubTopology;
  readonly task: Task;
  readonly stores: TaskStores;
}

export async function startRig(job: Job, comeback: Comeback) {
  const drivable = (given: Job) => {
    const compiled = compile(given);
    return { ...compiled, options: { ...compiled.options, maxTaskIdleMs: -1 } };
  };
  let topology = drivable(job);
  const metrics = createTaskMetrics();
  const topics = new Map<string, Logged[]>();
  const changelogs = new Map<string, { key: Uint8Array; value: Uint8Array | null }[]>();
  const committed = new Map<string, number>();
  const builder = new BatchBuilder();
  const clock = createManualClock(0);
  let engine: StorageEngine = createMemoryEngine();
  let running: Running[] = [];

  const logOf = (topic: string): Logged[] => {
    const log = topics.get(topic) ?? [];
    topics.set(topic, log);
    return log;
  };

  function batchAt(log: readonly Logged[], offset: number): Uint8Array {
    const { key, value, timestampMs } = log[offset]!;
    builder.reset();
    builder.append(timestampMs, key, value);
    return builder.build({ baseOffset: offset });
  }

  function write(topic: string, record: Logged): void {
    const log = logOf(topic);
    const copy = (bytes: Uint8Array | null) => (bytes === null ? null : new Uint8Array(bytes));
    log.push({ ...record, key: copy(record.key), value: copy(record.value) });
    const batch = batchAt(log, log.length - 1);
    for (const { sub, task } of running) {
      for (const [at, input] of sub.inputs.entries()) {
        if (input.kind !== 'topic' || input.topic.name !== topic) continue;
        task.enqueue(at, { fetchOffset: log.length - 1, batches: [batch], nextOffset: log.length });
        task.setEnd(at, log.length);
      }
    }
  }

  async function start(): Promise<void> {
    if (comeback === 'changelog') engine = createMemoryEngine();
    running = [];
    for (const sub of topology.subTopologies) {
      const stores = await openTaskStores({ storage: await engine.open(String(sub.id)), specs: sub.stores });
      if (comeback === 'changelog') await restore(sub, stores);
      await stores.load();
      const task = createTask({
        topology,
        subTopology: sub,
        partition: 0,
        stores,
        clock,
        random: seededRandom(1),
        logger: silentLogger,
        metrics,
        openSink: () => {
          throw new Error('no sinks here');
        },
        output: {
          write: (topic, _, key, value, timestampMs) =>
            write(topic, { key, value: typeof value === 'string' ? text.encode(value) : value, timestampMs }),
        },
      });
      for (const [at, input] of sub.inputs.entries()) {
        if (input.kind !== 'topic') continue;
        const log = logOf(input.topic.name);
        const from = committed.get(input.topic.name) ?? 0;
        const batches = Array.from({ length: log.length - from }, (_, i) => batchAt(log, from + i));
        task.enqueue(at, { fetchOffset: from, batches, nextOffset: log.length });
        task.setEnd(at, log.length);
      }
      running.push({ sub, task, stores });
    }
  }

  async function restore(sub: SubTopology, stores: TaskStores): Promise<void> {
    for (const { changelog, ownChangelog } of sub.stores) {
      if (ownChangelog) {
        for (const { key, value } of changelogs.get(changelog) ?? []) stores.restore(changelog, key, value, 0);
      } else {
        // As far as it had been processed, and not as far as it goes.
        for (const { key, value, timestampMs } of logOf(changelog).slice(0, committed.get(changelog) ?? 0))
          if (key !== null) stores.restore(changelog, key, value, timestampMs);
      }
    }
    await stores.flushRestored(new Map());
  }

  function run(): void {
    for (let moved = true; moved; ) {
      moved = false;
      for (const { task } of running) while (task.process(1_000) > 0) moved = true;
    }
  }

  await start();
  let read = 0;
  return {
    metrics,
    send(topic: string, key: string | null, value: string | null, ts: number): void {
      const encoded = (given: string | null) => (given === null ? null : text.encode(given));
      write(topic, { key: encoded(key), value: encoded(value), timestampMs: ts });
      run();
    },
    /** The wall clock; it goes on while the job stands still. */
    advance(ms: number): void {
      clock.advance(ms);
      for (const { task } of running) task.punctuate(clock.now());
      run();
    },
    standStill: (ms: number) => clock.advance(ms),
    async settle(): Promise<void> {
      for (const { task } of running) await task.settle();
      run();
    },
    /** As at the end of bounded inputs. */
    async closeWindows(): Promise<void> {
      for (const { task } of running) {
        while (!task.closeWindows()) await task.ready();
        run();
        await task.settle();
      }
      run();
    },
    /** @param changed the program as it is from then on */
    async restart(changed?: Job): Promise<void> {
      for (const { task, stores } of running) {
        await task.settle();
        stores.drainChanges((topic, key, value) => {
          const log = changelogs.get(topic) ?? [];
          changelogs.set(topic, log);
          log.push({ key: new Uint8Array(key), value: value === null ? null : new Uint8Array(value) });
        });
        await stores.commit(new Map());
        await task.close();
        await stores.close();
      }
      for (const [topic, log] of topics) committed.set(topic, log.length);
      if (changed !== undefined) topology = drivable(changed);
      await start();
    },
    /**
     * Dies with what came since the last restart processed and passed on, and nothing of it committed; comes back. What
     * went into the job's own topics is aborted, as under exactly-once; `take()` shows what went into others.
     */
    async crash(): Promise<void> {
      for (const { task, stores } of running) {
        await task.close();
        await stores.close();
      }
      for (const { name } of topology.internalTopics) logOf(name).length = committed.get(name) ?? 0;
      await start();
      run();
    },
    /** What was written to `out` since, as 'key=value@time'. */
    take(): string[] {
      const shown = (bytes: Uint8Array | null) => (bytes === null ? 'null' : text.decode(bytes));
      const log = logOf('out');
      const fresh = log.slice(read);
      read = log.length;
      return fresh.map(({ key, value, timestampMs }) => `${shown(key)}=${shown(value)}@${timestampMs}`);
    },
    /** Changes of one store's changelog so far. */
    changesOf: (changelog: string) => changelogs.get(changelog)?.length ?? 0,
  };
}

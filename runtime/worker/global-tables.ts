// The global tables of a worker: every partition of their topics in one database of its own, read to the ends that the
// topics have when the worker starts, and followed for as long as it runs. Outside the job's group; never written to.
import type { Client, FetchedPartition } from '../../core/client/index.ts';
import { partitionName, type TopicPartition } from '../../core/kernel/ids.ts';
import { createLatch } from '../../core/kernel/latch.ts';
import type { Logger } from '../../core/kernel/logger.ts';
import type { StorageEngine } from '../../core/storage/storage.ts';
import type { SubTopology, Topology } from '../../dsl/compile/topology.ts';
import { createSourceStatusReader, sourceOffsetsTopic, sourcesFilling } from '../connect/source-offsets.ts';
import { globalStoreSpec } from '../state/global-store.ts';
import type { GlobalRows, KeyValueStore, StoreQuery } from '../state/store.ts';
import { openTaskStores } from '../state/task-stores.ts';
import { RecordCursor } from '../task/record-cursor.ts';
import type { Layout } from './layout.ts';

export interface GlobalTables {
  /** Rows of a table, by its topic, as far as it is read. */
  rows(topic: string): GlobalRows;
  /** A view of a table for readers; null while it isn't read to its end. */
  query(topic: string): StoreQuery | null;
  /** Whether the tables that a sub-topology looks into are at their ends, and the bounded sources that fill them done. */
  isReady(sub: SubTopology): boolean;
  /** Resolves when `isReady`, or when the caller doesn't wait any more. */
  whenReady(sub: SubTopology, signal: AbortSignal): Promise<void>;
  /** Of the group, which sources report: what an earlier run says of them is no news. */
  announce(generationId: number): void;
  close(): Promise<void>;
}

export interface GlobalTablesOptions {
  readonly topology: Topology;
  readonly layout: Layout;
  readonly client: Client;
  readonly stateEngine: StorageEngine;
  readonly workerId: string;
  readonly logger: Logger;
  readonly onFailed: (error: unknown) => void;
}

const pollMs = 100;

export async function openGlobalTables(options: GlobalTablesOptions): Promise<GlobalTables> {
  const { topology, layout, client, stateEngine, workerId, logger } = options;
  if (topology.globals.length === 0) return noTables;
  const storage = await stateEngine.open(`global-${workerId}`);
  const specs = topology.globals.map(({ topic }) => globalStoreSpec(topic));
  const stores = await openTaskStores({ storage, specs, place: `the global tables of worker ${workerId}` });
  const cursor = new RecordCursor();
  const fetcher = client.fetcher({ isolation: 'readCommitted', from: 'earliest' });
  const admin = client.admin();
  /** Topics whose end, as it was when their sources were done, is not reached. */
  const unread = new Set(topology.globals.map(({ topic }) => topic.name));
  const wanted = topology.globals.flatMap(({ topic }) => partitionsOf(topic.name));
  const positions = await startingPositions();
  const changed = new Set<() => void>();
  let generation = -1;
  let closed = false;
  let records = 0;

  function partitionsOf(topic: string): TopicPartition[] {
    return Array.from({ length: layout.partitions.get(topic)! }, (_, partition) => ({ topic, partition }));
  }

  async function startingPositions(): Promise<Map<string, number>> {
    const starts = await admin.listOffsets(wanted, 'earliest');
    return new Map(
      wanted.map((tp, i) => {
        const name = partitionName(tp);
        return [name, Math.max(stores.checkpoint(name) ?? 0, starts[i]!.offset)];
      }),
    );
  }

  async function take(fetched: readonly FetchedPartition[]): Promise<void> {
    if (fetched.length === 0) return;
    for (const { topic, batches, fetchOffset } of fetched) {
      for (const batch of batches) {
        cursor.open(batch);
        while (cursor.next()) {
          const key = cursor.key();
          if (cursor.offset < fetchOffset || key === null) continue;
          stores.restore(topic, key, cursor.value(), cursor.timestampMs);
          records += 1;
        }
      }
    }
    const reached = new Map(fetched.map((part) => [partitionName(part), part.nextOffset]));
    await stores.flushRestored(reached);
    for (const [name, offset] of reached) positions.set(name, offset);
  }

  async function readTo(topic: string): Promise<void> {
    const partitions = partitionsOf(topic);
    const ends = await admin.listOffsets(partitions, 'latest', 'readCommitted');
    while (!closed && partitions.some((tp, i) => positions.get(partitionName(tp))! < ends[i]!.offset)) {
      await take(await fetcher.poll(pollMs));
    }
    if (!closed) unread.delete(topic);
    for (const wake of changed) wake();
  }

  /** Sources of bounded tables that are not done. */
  async function waitsFor(topic: string): Promise<boolean> {
    const { bootstrap } = topology.globals.find((global) => global.topic.name === topic)!;
    const sources = bootstrap ? sourcesFilling(topology, topic) : [];
    if (sources.length === 0 || statusReader === null) return false;
    const statuses = await statusReader.refresh();
    return !sources.every((name) => {
      const status = statuses.get(name);
      return status?.done === true && status.generationId === generation;
    });
  }

  const sourceTopic = sourceOffsetsTopic(topology);
  const bootstraps = topology.globals.some(({ bootstrap }) => bootstrap);
  const statusReader = sourceTopic === null || !bootstraps ? null : createSourceStatusReader(client, sourceTopic);

  async function follow(): Promise<void> {
    while (!closed) {
      for (const topic of [...unread]) if (!(await waitsFor(topic))) await readTo(topic);
      await take(await fetcher.poll(pollMs));
    }
  }

  const globalsOf = (sub: SubTopology): string[] =>
    sub.steps.flatMap((step) => (step.kind === 'joinGlobal' ? [step.global] : []));
  const isReady = (sub: SubTopology): boolean => !globalsOf(sub).some((topic) => unread.has(topic));

  fetcher.assign(wanted.map((tp) => ({ ...tp, offset: positions.get(partitionName(tp))! })));
  for (const { topic, bootstrap } of topology.globals) if (!bootstrap) await readTo(topic.name);
  logger.info({ tables: specs.map(({ name }) => name), records }, 'global tables read');
  const following = follow().catch((error: unknown) => {
    if (!closed) options.onFailed(error);
  });

  return {
    rows: (topic) => stores.store(topic) as KeyValueStore,
    query: (topic) => (closed || unread.has(topic) ? null : stores.query(topic)),
    isReady,
    async whenReady(sub, signal) {
      while (!closed && !signal.aborted && !isReady(sub)) {
        const turned = createLatch();
        const wake = () => turned.resolve();
        changed.add(wake);
        signal.addEventListener('abort', wake, { once: true });
        await turned.promise;
        changed.delete(wake);
        signal.removeEventListener('abort', wake);
      }
    },
    announce(generationId) {
      generation = generationId;
    },
    async close() {
      closed = true;
      for (const wake of changed) wake();
      fetcher.close();
      await following;
      await statusReader?.close();
      await stores.close();
    },
  };
}

/** Of a worker that has not opened its own, or a job without any. */
export const noTables: GlobalTables = {
  rows: (topic) => {
    throw new TypeError(`the job has no global table '${topic}'`);
  },
  query: () => null,
  isReady: () => true,
  whenReady: async () => {},
  announce: () => {},
  close: async () => {},
};

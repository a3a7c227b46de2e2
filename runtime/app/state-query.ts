// Interactive queries: looks into the state of the tasks that this process has. A key is asked of the one task that its
// bytes lead to; what other processes have is not seen from here.
import { Fault } from '../../core/kernel/fault.ts';
import { partitionForKey } from '../../core/kernel/murmur2.ts';
import type { StoreSpec, Topology } from '../../dsl/compile/topology.ts';
import type { Stamped, StoreQuery } from '../state/store.ts';
import { taskId } from '../worker/assignor.ts';
import type { Layout } from '../worker/layout.ts';
import type { Worker } from '../worker/worker.ts';

/** A state store of a job as one map, whichever tasks keep it. Values are as of the last record processed. */
export interface StateQuery<K, V> {
  /** @param startMs of the window, for a windowed store. @throws Fault `STORE_NOT_HERE` while the key's task is not in this process or is being restored */
  get(key: K, startMs?: number): Stamped<V> | undefined;
  /** Every entry, task after task; keys of a windowed store are `Windowed`. @throws Fault `STORE_NOT_HERE` as `get` */
  all(): AsyncIterable<[K, Stamped<V>]>;
  /** Of a store without windows: both ends inclusive, in the order of encoded keys within each task. */
  range(from: K, to: K): AsyncIterable<[K, Stamped<V>]>;
  /** A key's windows that start from `fromMs` to `toMs`, both inclusive. */
  fetch(key: K, fromMs: number, toMs: number): Iterable<[startMs: number, Stamped<V>]>;
}

export interface StateQueryParts {
  readonly topology: Topology;
  readonly layout: Layout;
  readonly workers: () => Iterable<Worker>;
}

/** @throws Fault `STORE_UNKNOWN` naming the stores that there are */
export function queryState<K, V>({ topology, layout, workers }: StateQueryParts, store: string): StateQuery<K, V> {
  const sub = topology.subTopologies.find(({ stores }) => stores.some(({ name }) => name === store));
  if (sub === undefined) {
    const known = topology.subTopologies.flatMap(({ stores }) => stores.map(({ name }) => name));
    throw new Fault('STORE_UNKNOWN', { store, job: topology.job, known });
  }
  const spec: StoreSpec = sub.stores.find(({ name }) => name === store)!;
  const partitions = layout.tasks[sub.id]!;

  function find(partition: number): StoreQuery | null {
    for (const worker of workers()) {
      const found = worker.query(taskId(sub!.id, partition), store);
      if (found !== null) return found;
    }
    return null;
  }

  /** Half a store is no answer: what is missing is said, also for those who ask for all. */
  function need(partition: number): StoreQuery {
    const found = find(partition);
    if (found === null) throw new Fault('STORE_NOT_HERE', { store, partition });
    return found;
  }

  const ofKey = (key: K) => need(partitionForKey(spec.key.encode(key), partitions));

  async function* each<T>(read: (query: StoreQuery) => AsyncIterable<T>): AsyncIterable<T> {
    for (let partition = 0; partition < partitions; partition++) yield* read(need(partition));
  }

  return {
    get: (key, startMs) => ofKey(key).get(key, startMs),
    all: () => each((query) => query.all() as AsyncIterable<[K, Stamped<V>]>),
    range: (from, to) => each((query) => query.range(from, to)),
    fetch: (key, fromMs, toMs) => ofKey(key).fetch(key, fromMs, toMs),
  };
}

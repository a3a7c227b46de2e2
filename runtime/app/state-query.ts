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

/** Where the entries of a store are: in the stores of so many tasks, of which each key has one. */
interface Place {
  readonly key: StoreSpec['key'];
  readonly partitions: number;
  find(worker: Worker, partition: number): StoreQuery | null;
}

/** @throws Fault `STORE_UNKNOWN` naming the stores that there are */
function placeOf({ topology, layout }: StateQueryParts, store: string): Place {
  for (const { id, stores } of topology.subTopologies) {
    const spec = stores.find(({ name }) => name === store);
    if (spec === undefined) continue;
    const find = (worker: Worker, partition: number) => worker.query(taskId(id, partition), store);
    return { key: spec.key, partitions: layout.tasks[id]!, find };
  }
  const global = topology.globals.find(({ topic }) => topic.name === store);
  if (global !== undefined) {
    return { key: global.topic.key, partitions: 1, find: (worker) => worker.queryGlobal(store) };
  }
  const known = [
    ...topology.subTopologies.flatMap(({ stores }) => stores.map(({ name }) => name)),
    ...topology.globals.map(({ topic }) => topic.name),
  ];
  throw new Fault('STORE_UNKNOWN', { store, job: topology.job, known });
}

/** @throws Fault `STORE_UNKNOWN` */
export function queryState<K, V>(parts: StateQueryParts, store: string): StateQuery<K, V> {
  const { key: keySerde, partitions, find } = placeOf(parts, store);

  /** Half a store is no answer: what is missing is said, also for those who ask for all. */
  function need(partition: number): StoreQuery {
    for (const worker of parts.workers()) {
      const found = find(worker, partition);
      if (found !== null) return found;
    }
    throw new Fault('STORE_NOT_HERE', { store, partition });
  }

  const ofKey = (key: K) => need(partitionForKey(keySerde.encode(key), partitions));

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

// The changes of a table as an Observable, read from its changelog: the log has them in order, with those from before, for
// every process and after every restart, which a listener inside of a task would not.
import { filter, map, type Observable } from 'rxjs';
import type { Client } from '../../core/client/index.ts';
import { Fault } from '../../core/kernel/fault.ts';
import type { Serde } from '../../core/schema/serde.ts';
import type { StoreSpec, Topology } from '../../dsl/compile/topology.ts';
import type { Viewable } from '../../dsl/topic.ts';
import { windowEnds } from '../../dsl/window-spec.ts';
import { globalStoreSpec } from '../state/global-store.ts';
import { readWindowChangelogKey, stampedTimestamp, stampedValue } from '../state/keyspace.ts';
import type { ConsumeOptions } from './consume.ts';
import { observe } from './observe.ts';

/** A job that runs or has run on a log: what `runJob` gives. */
export interface ObservedJob {
  readonly client: Client;
  readonly topology: Topology;
}

/** A row of a table, as it has become. */
export interface TableChange<K, V> {
  /** Of a windowed table `{ key, startMs, endMs }`. */
  readonly key: K;
  /** Null where the row was deleted, or its window has left the store. */
  readonly value: V | null;
  /** Event time of the row in milliseconds; of a deletion the time at which it was written. */
  readonly timestampMs: number;
  readonly partition: number;
}

/** What a changelog has under a key. */
interface Row {
  readonly value: unknown;
  readonly timestampMs: number | null;
}

/**
 * The rows of a table, and then its changes, as a cold Observable: each subscription reads the table's changelog anew.
 *
 * First what the log still has of earlier rows, then what changes, as it is committed: of several changes of a row between
 * two commits the last one. In order within a partition. Works for any named state of a job and for its global tables, by
 * the names that `run.query()` takes, also where the job runs in other threads and processes. Never completes, unless
 * `until: 'end'`.
 *
 * @param options as of `observe()`; `from: 'latest'` leaves out the rows that are there
 * @throws Fault `STORE_UNKNOWN`; errors of the Observable are those of `observe()`
 * @example
 * observeTable<string, number>(run, 'orders-per-customer').subscribe(({ key, value }) => draw(key, value));
 */
export function observeTable<K, V>(
  { client, topology }: ObservedJob,
  store: string,
  options: ConsumeOptions = {},
): Observable<TableChange<K, V>> {
  const spec = specOf(topology, store);
  const ends = createEnds(spec);
  const topic = { name: spec.changelog, key: keySerde(spec), value: valueSerde(spec), config: {} };
  const changelog = { topic } as unknown as Viewable<{ key: unknown; startMs: number }, Row>;
  return observe(client, changelog, options).pipe(
    // In a topic of the user's there may be records that are no row.
    filter(({ key }) => key !== null),
    map(({ key, value: row, timestampMs, partition }) => ({
      key: (spec.window === null ? key!.key : { ...key!, endMs: ends(key!, row) }) as K,
      value: (row?.value ?? null) as V | null,
      timestampMs: row?.timestampMs ?? timestampMs,
      partition,
    })),
  );
}

function specOf(topology: Topology, store: string): StoreSpec {
  const stores = [
    ...topology.subTopologies.flatMap((sub) => sub.stores),
    ...topology.globals.map(({ topic }) => globalStoreSpec(topic)),
  ];
  const spec = stores.find(({ name }) => name === store);
  if (spec !== undefined) return spec;
  throw new Fault('STORE_UNKNOWN', { store, job: topology.job, known: stores.map(({ name }) => name) });
}

const reading = <T>(name: string, decode: (bytes: Uint8Array) => T): Serde<T> => ({
  name,
  decode,
  encode: () => {
    throw new TypeError('a changelog is only read here');
  },
});

const keySerde = ({ key, window }: StoreSpec) =>
  reading(key.name, (bytes) => {
    if (window === null) return { key: key.decode(bytes), startMs: 0 };
    const { startMs, keyBytes } = readWindowChangelogKey(bytes);
    return { key: key.decode(keyBytes), startMs };
  });

/** A topic of the user's has plain values; what the job writes itself has event time in front of them. */
const valueSerde = ({ value, ownChangelog, result }: StoreSpec) =>
  reading(value.name, (bytes): Row => {
    const shown = (stored: unknown) => (result === null ? stored : result(stored));
    if (!ownChangelog) return { value: shown(value.decode(bytes)), timestampMs: null };
    return { value: shown(value.decode(stampedValue(bytes))), timestampMs: stampedTimestamp(bytes) };
  });

/** Ends of windows; of a session it is in its stamp, so that of one that is deleted has to be remembered. */
function createEnds({ window, key: serde }: StoreSpec) {
  if (window !== null && window.kind !== 'session') {
    const endOf = windowEnds(window);
    return ({ startMs }: { readonly startMs: number }) => endOf(startMs);
  }
  const known = new Map<string, number>();
  return ({ key, startMs }: { readonly key: unknown; readonly startMs: number }, row: Row | null): number => {
    const id = `${startMs} ${Buffer.from(serde.encode(key)).toString('latin1')}`;
    const endMs = row?.timestampMs ?? known.get(id) ?? startMs;
    if (row === null) known.delete(id);
    else known.set(id, endMs);
    return endMs;
  };
}

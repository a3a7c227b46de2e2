// The row of a key in a table, for steps that look into one: from its store, or computed where the table isn't kept (Kafka
// Streams' KTableValueGetter). Built with the chain; what comes out is all that runs per record.
import { unreachable } from '../../core/kernel/assert.ts';
import type { Step, StoreSpec } from '../../dsl/compile/topology.ts';
import type { KeyValueStore, Stamped, WindowStore } from '../state/store.ts';
import { openVersionedRows } from '../state/versions.ts';
import type { Waiting } from '../steps/suppress.ts';
import type { TaskRecord } from './record-context.ts';
import type { StreamTimes } from './stream-time.ts';
import type { TaskState } from './task-state.ts';

/** Steps that give the changes of a table. */
const tableKinds = [
  'tableSource',
  'toTable',
  'aggregate',
  'aggregateRows',
  'filterRows',
  'mapRows',
  'suppress',
  'joinTables',
  'joinForeign',
] as const;

export type TableStep = Extract<Step, { kind: (typeof tableKinds)[number] }>;

export const isTable = (step: Step): step is TableStep => (tableKinds as readonly string[]).includes(step.kind);

type Row = Stamped<unknown> | undefined;

export interface TableLookup {
  /** The row as it is now. */
  get(key: unknown): Row;
  /** The row as it was at that time; of a table that keeps no history, as it is now. */
  getAsOf(key: unknown, timestampMs: number): Row;
}

export interface LookupParts {
  readonly record: TaskRecord;
  readonly stores: TaskState;
  readonly times: StreamTimes;
  readonly spec: (store: string) => StoreSpec;
  readonly step: (id: number) => Step;
}

export function lookupOf(step: Step, parts: LookupParts): TableLookup {
  if (!isTable(step)) throw new TypeError(`step ${step.name} is no table`);
  switch (step.kind) {
    case 'tableSource':
    case 'toTable':
    case 'aggregate':
    case 'aggregateRows':
    case 'joinForeign':
      return stored(step.store, parts);
    case 'joinTables':
      return step.store === null ? joined(step, parts) : stored(step.store, parts);
    case 'filterRows':
    case 'mapRows':
      return step.store === null ? computed(step, parts) : stored(step.store, parts);
    case 'suppress':
      return passedOn(step, parts);
    default:
      return unreachable(step);
  }
}

function stored(name: string, { stores, times, spec }: LookupParts): TableLookup {
  const store = stores.store(name) as KeyValueStore;
  const { result, versionedMs } = spec(name);
  if (versionedMs !== undefined) return openVersionedRows({ store, historyMs: versionedMs, time: times.of(name) });
  const get = (key: unknown): Row => {
    const found = store.get(key);
    if (found === undefined || result === null) return found;
    return { value: result(found.value), timestampMs: found.timestampMs };
  };
  return { get, getAsOf: get };
}

function joined({ join, joiner, parents }: Extract<Step, { kind: 'joinTables' }>, parts: LookupParts): TableLookup {
  const [left, right] = parents.map((id) => lookupOf(parts.step(id), parts)) as [TableLookup, TableLookup];
  const row = (a: Row, b: Row): Row => {
    if (a === undefined ? join !== 'outer' || b === undefined : b === undefined && join === 'inner') return undefined;
    const value = joiner(a?.value ?? null, b?.value ?? null, parts.record) ?? null;
    return value === null ? undefined : { value, timestampMs: Math.max(a?.timestampMs ?? 0, b?.timestampMs ?? 0) };
  };
  return {
    get: (key) => row(left.get(key), right.get(key)),
    getAsOf: (key, timestampMs) => row(left.getAsOf(key, timestampMs), right.getAsOf(key, timestampMs)),
  };
}

function computed(step: Extract<Step, { kind: 'filterRows' | 'mapRows' }>, parts: LookupParts): TableLookup {
  const { record } = parts;
  const rows = lookupOf(parts.step(step.parents[0]!), parts);
  const row = (found: Row): Row => {
    if (found === undefined) return undefined;
    if (step.kind === 'filterRows') return step.predicate(found.value, record) ? found : undefined;
    const value = step.project(found.value, record) ?? null;
    return value === null ? undefined : { value, timestampMs: found.timestampMs };
  };
  return {
    get: (key) => row(rows.get(key)),
    getAsOf: (key, timestampMs) => row(rows.getAsOf(key, timestampMs)),
  };
}

/** While a change of a key is held back, its row is the one last passed on, of which the time isn't known any more. */
function passedOn(step: Extract<Step, { kind: 'suppress' }>, parts: LookupParts): TableLookup {
  const held = parts.stores.store(step.store) as WindowStore<unknown, Waiting>;
  const rows = lookupOf(parts.step(step.parents[0]!), parts);
  const get = (key: unknown): Row => {
    const [place] = held.open.of(key);
    const waiting = place === undefined ? undefined : held.get(key, place.startMs)?.value;
    if (waiting === undefined) return rows.get(key);
    return waiting.old === null ? undefined : { value: waiting.old, timestampMs: -1 };
  };
  return { get, getAsOf: get };
}

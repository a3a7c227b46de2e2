// The row of a key in a table, for steps that look into one: from its store, or computed where the table isn't kept (Kafka
// Streams' KTableValueGetter). Built with the chain; what comes out is all that runs per record.
import { unreachable } from '../../core/kernel/assert.ts';
import type { Step, StoreSpec } from '../../dsl/compile/topology.ts';
import type { KeyValueStore, Stamped } from '../state/store.ts';
import { openVersionedRows } from '../state/versions.ts';
import type { TaskRecord } from './record-context.ts';
import type { StreamTimes } from './stream-time.ts';
import type { TaskState } from './task-state.ts';

/** Steps that give the changes of a table. */
export type TableStep = Extract<Step, { kind: 'tableSource' | 'toTable' | 'aggregate' | 'joinTables' | 'joinForeign' }>;

export function isTable(step: Step): step is TableStep {
  switch (step.kind) {
    case 'tableSource':
    case 'toTable':
    case 'aggregate':
    case 'joinTables':
    case 'joinForeign':
      return true;
    default:
      return false;
  }
}

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
    case 'joinForeign':
      return stored(step.store, parts);
    case 'joinTables':
      return step.store === '' ? joined(step, parts) : stored(step.store, parts);
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

// A task's stores for the driver: the real ones with no database under them, opened at once and never committed, so that
// a job can be driven without a promise.
import { assert } from '../../core/kernel/assert.ts';
import type { StoreSpec } from '../../dsl/compile/topology.ts';
import { createBudget } from '../state/cache.ts';
import { openKeyValueStore } from '../state/key-value-store.ts';
import { dataPrefix } from '../state/keyspace.ts';
import type { OpenStore } from '../state/open-store.ts';
import { openWindowStore } from '../state/window-store.ts';
import type { TaskState } from '../task/task-state.ts';

export function createMemoryStores(specs: readonly StoreSpec[]): TaskState {
  const budget = createBudget(Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY);
  const open = (spec: StoreSpec, number: number): OpenStore => {
    const shared = { spec, storage: null, budget, makeRoom: () => {}, prefix: dataPrefix(number) };
    if (spec.kind === 'keyValue') return openKeyValueStore({ ...shared, empty: true });
    return openWindowStore({
      ...shared,
      number,
      expiredBeforeMs: Number.NEGATIVE_INFINITY,
      startMsMin: Number.POSITIVE_INFINITY,
      startMsMax: Number.NEGATIVE_INFINITY,
    });
  };
  const stores = new Map(specs.map((spec, index) => [spec.name, open(spec, index + 1)]));
  const times = new Map<string, number>();
  const named = (name: string): OpenStore => {
    const store = stores.get(name);
    assert(store !== undefined, `the task has no store '${name}'`);
    return store;
  };
  return {
    store: (name) => named(name).store,
    query: (name) => named(name).query,
    streamTimeMs: (scope) => times.get(scope) ?? null,
    setStreamTimeMs: (scope, timeMs) => void times.set(scope, timeMs),
  };
}

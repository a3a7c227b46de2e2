// A task's stores for the driver: the real ones with no database under them, opened at once, so that a job can be driven
// without a promise. Nothing needs a commit; who runs for long makes one now and then, or all that was deleted stays.
import { assert } from '../../core/kernel/assert.ts';
import type { StoreSpec } from '../../dsl/compile/topology.ts';
import { createBudget } from '../state/cache.ts';
import { type Pending, settleEntries } from '../state/entry-table.ts';
import { openKeyValueStore } from '../state/key-value-store.ts';
import { dataPrefix } from '../state/keyspace.ts';
import type { OpenStore } from '../state/open-store.ts';
import { openWindowStore } from '../state/window-store.ts';
import type { TaskState } from '../task/task-state.ts';

export interface MemoryStores extends TaskState {
  /** Encodes what has changed, as for a changelog, and lets go of what was deleted. @throws as encoding does */
  commit(): void;
}

export function createMemoryStores(specs: readonly StoreSpec[]): MemoryStores {
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
  let commits = 0;
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
    commit() {
      commits += 1;
      const pending: Pending = { number: commits, operations: [], entries: [] };
      for (const { table } of stores.values()) table.seal(pending, () => {});
      settleEntries(pending, budget);
      // Without a database it has nothing to wait for.
      for (const opened of stores.values()) void opened.afterCommit();
    },
  };
}

// A state store as a test reads it: values as the table shows them, in the order of keys.
// biome-ignore-all lint/suspicious/noExplicitAny: a store is looked up by name, so its types can't be known
import type { Windowed } from '../../core/schema/windowed-key.ts';
import type { StoreSpec } from '../../dsl/compile/topology.ts';
import type { KeyValueStore, WindowStore } from '../state/store.ts';

export interface DriverStore {
  readonly name: string;
  /** Value of a key, undefined where there is none. @param startMs start of the window, for a windowed store */
  get(key: any, startMs?: number): any;
  /** Event time of what is stored. */
  timestampMs(key: any, startMs?: number): number | undefined;
  /** Keys of a windowed store are `Windowed`. */
  entries(): [key: any | Windowed<any>, value: any][];
}

export function readStore(spec: StoreSpec, store: KeyValueStore | WindowStore): DriverStore {
  const shown = (value: unknown) => (spec.result === null ? value : spec.result(value));
  const find = (key: unknown, startMs: number) =>
    spec.kind === 'window' ? (store as WindowStore).get(key, startMs) : (store as KeyValueStore).get(key);
  return {
    name: spec.name,
    get(key, startMs = 0) {
      const found = find(key, startMs);
      return found === undefined ? undefined : (shown(found.value) ?? undefined);
    },
    timestampMs: (key, startMs = 0) => find(key, startMs)?.timestampMs,
    entries: () =>
      [...(spec.kind === 'window' ? (store as WindowStore).all() : (store as KeyValueStore).entries())].flatMap(
        ([key, { value }]): [unknown, unknown][] => {
          const row = shown(value);
          return row === null ? [] : [[key, row]];
        },
      ),
  };
}

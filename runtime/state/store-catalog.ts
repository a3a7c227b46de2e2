// What a task's database says about itself: format, the numbers of its stores, checkpoints, stream times. Read once when
// the task opens; a store that is not in the job any more keeps its number and its data, so that it can come back.
import { assert } from '../../core/kernel/assert.ts';
import { Fault } from '../../core/kernel/fault.ts';
import type { BatchOperation, Storage } from '../../core/storage/storage.ts';
import type { StoreSpec } from '../../dsl/compile/topology.ts';
import { formatKey, formatVersion, metaRange, readInt64, readMetaKey, storeKey } from './keyspace.ts';

const kinds = ['keyValue', 'window'] as const;
const kindNames = { keyValue: 'key-value', window: 'window' } as const;
const numberMax = 0xffff;

export interface Catalog {
  readonly numbers: Map<string, { readonly number: number; readonly kind: StoreSpec['kind'] }>;
  readonly checkpoints: Map<string, number>;
  readonly streamTimes: Map<string, number>;
  /** Store number → start before which its windows are expired. */
  readonly expired: Map<number, number>;
  /** Whether the database has its format. */
  fresh: boolean;
}

/** @throws Fault `STORAGE_NEWER` */
export async function readCatalog(storage: Storage | null, place: string): Promise<Catalog> {
  const catalog: Catalog = {
    numbers: new Map(),
    checkpoints: new Map(),
    streamTimes: new Map(),
    expired: new Map(),
    fresh: true,
  };
  if (storage === null) return catalog;
  for await (const [key, value] of storage.scan(metaRange)) {
    const meta = readMetaKey(key);
    switch (meta?.kind) {
      case 'format':
        catalog.fresh = false;
        if (value[0]! > formatVersion)
          throw new Fault('STORAGE_NEWER', { path: place, found: value[0]!, known: formatVersion });
        break;
      case 'checkpoint':
        catalog.checkpoints.set(meta.name, readInt64(value, 0));
        break;
      case 'streamTime':
        catalog.streamTimes.set(meta.name, readInt64(value, 0));
        break;
      case 'store':
        catalog.numbers.set(meta.name, { number: (value[0]! << 8) | value[1]!, kind: kinds[value[2]!]! });
        break;
      case 'expired':
        catalog.expired.set(meta.number, readInt64(value, 0));
        break;
      default:
        break;
    }
  }
  return catalog;
}

/** Gives numbers to stores that have none. @throws Fault `STATE_KIND_CHANGED` */
export async function registerStores(
  storage: Storage | null,
  catalog: Catalog,
  specs: readonly StoreSpec[],
  place: string,
): Promise<void> {
  const operations: BatchOperation[] = catalog.fresh
    ? [{ type: 'put', key: formatKey(), value: Uint8Array.of(formatVersion) }]
    : [];
  let next = Math.max(0, ...[...catalog.numbers.values()].map(({ number }) => number)) + 1;
  for (const { name, kind } of specs) {
    const known = catalog.numbers.get(name);
    if (known === undefined) {
      const number = next++;
      assert(number <= numberMax, 'a task has at most 65,535 stores over its life');
      catalog.numbers.set(name, { number, kind });
      operations.push({
        type: 'put',
        key: storeKey(name),
        value: Uint8Array.of(number >>> 8, number & 0xff, kinds.indexOf(kind)),
      });
    } else if (known.kind !== kind) {
      throw new Fault('STATE_KIND_CHANGED', {
        store: name,
        path: place,
        found: kindNames[known.kind],
        wanted: kindNames[kind],
      });
    }
  }
  if (storage !== null && operations.length > 0) await storage.write(operations);
}

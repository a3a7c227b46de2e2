// What a task's database says about itself: format, the numbers of its stores, checkpoints, stream times. Read once when
// the task opens; a store that is not in the job any more keeps its number and its data, so that it can come back.
import { assert } from '../../core/kernel/assert.ts';
import { Fault } from '../../core/kernel/fault.ts';
import type { BatchOperation, Storage } from '../../core/storage/storage.ts';
import { differenceOf, kindFact, type Shape, shapeOf } from '../../dsl/compile/store-shape.ts';
import type { StoreSpec } from '../../dsl/compile/topology.ts';
import { formatKey, formatVersion, metaRange, readInt64, readMetaKey, storeKey } from './keyspace.ts';

const kinds = ['keyValue', 'window'] as const;
const numberMax = 0xffff;

interface KnownStore {
  readonly number: number;
  readonly shape: Shape;
}

export interface Catalog {
  readonly numbers: Map<string, KnownStore>;
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
        catalog.numbers.set(meta.name, readKnown(value));
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

/** Gives numbers to stores that have none, and notes how they are kept. @throws Fault `STATE_CHANGED` */
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
  for (const spec of specs) {
    const { name } = spec;
    const shape = shapeOf(spec);
    const known = catalog.numbers.get(name);
    const difference = known === undefined ? null : differenceOf(known.shape, shape);
    if (difference !== null) throw new Fault('STATE_CHANGED', { store: name, path: place, ...difference });
    const number = known?.number ?? next++;
    assert(number <= numberMax, 'a task has at most 65,535 stores over its life');
    catalog.numbers.set(name, { number, shape });
    const value = knownBytes(number, spec, shape);
    if (known === undefined || differenceOf(shape, known.shape) !== null || sizeOf(shape) !== sizeOf(known.shape)) {
      operations.push({ type: 'put', key: storeKey(name), value });
    }
  }
  if (storage !== null && operations.length > 0) await storage.write(operations);
}

const sizeOf = (shape: Shape): number => Object.keys(shape).length;

/** Number (2), kind (1), and the shape as JSON. */
function knownBytes(number: number, { kind }: StoreSpec, shape: Shape): Uint8Array {
  return Buffer.concat([
    Uint8Array.of(number >>> 8, number & 0xff, kinds.indexOf(kind)),
    Buffer.from(JSON.stringify(shape)),
  ]);
}

/** An earlier version wrote the number and the kind alone. */
function readKnown(value: Uint8Array): KnownStore {
  const number = (value[0]! << 8) | value[1]!;
  if (value.length > 3) return { number, shape: JSON.parse(Buffer.from(value.subarray(3)).toString()) as Shape };
  return { number, shape: { kind: kindFact(kinds[value[2]!]!) } };
}

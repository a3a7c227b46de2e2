// A question to the store of one task, and its answer, as plain data: both cross the border of a thread, and the answer goes
// out as JSON. Keys come as the bytes that lead to their task.
import type { StoreSpec, Topology } from '../../dsl/compile/topology.ts';
import type { Stamped, StoreQuery } from '../state/store.ts';
import type { TaskId } from './assignor.ts';

export type Wanted =
  | { readonly kind: 'row'; readonly key: Uint8Array; readonly startMs: number | null }
  /** A key's windows that start from `fromMs` to `toMs`, both inclusive. */
  | { readonly kind: 'windows'; readonly key: Uint8Array; readonly fromMs: number; readonly toMs: number }
  /** Bounds inclusive, both or none. */
  | { readonly kind: 'rows'; readonly from: Uint8Array | null; readonly to: Uint8Array | null; readonly limit: number };

export interface StoreQuestion {
  /** Null: `store` is a global table, by its topic. */
  readonly task: TaskId | null;
  readonly store: string;
  readonly wanted: Wanted;
}

/** Keys and values as JSON has them. */
export interface StoreRow {
  readonly key: unknown;
  readonly startMs?: number;
  readonly endMs?: number;
  readonly value: unknown;
  readonly timestampMs: number;
}

export type StoreAnswer =
  | { readonly kind: 'rows'; readonly rows: readonly StoreRow[] /** More than `limit`. */; readonly more: boolean }
  /** The task would stand still for as long as so many windows are looked for. */
  | { readonly kind: 'tooMany'; readonly lookups: number; readonly lookupsMax: number }
  /** The task is not at work there. */
  | { readonly kind: 'notHere' };

const lookupsMax = 10_000;

/** Of a state store or a global table. */
export function keySerdeOf(topology: Topology, store: string): StoreSpec['key'] | null {
  for (const { stores } of topology.subTopologies) {
    const spec = stores.find(({ name }) => name === store);
    if (spec !== undefined) return spec.key;
  }
  return topology.globals.find(({ topic }) => topic.name === store)?.topic.key ?? null;
}

/** By what stands there: what toJSON of a Buffer makes of bytes is no use to a reader. */
function asJson(this: Readonly<Record<string, unknown>>, field: string, value: unknown): unknown {
  const given = this[field];
  if (given instanceof Uint8Array) return Buffer.from(given).toString('base64');
  if (typeof value === 'bigint') return value.toString();
  if (value instanceof Map) return Object.fromEntries(value);
  if (value instanceof Set) return [...value];
  return value;
}

const plain = (value: unknown): unknown =>
  value instanceof Uint8Array
    ? Buffer.from(value).toString('base64')
    : (JSON.parse(JSON.stringify(value, asJson) ?? 'null') as unknown);

const rowOf = (key: unknown, { value, timestampMs }: Stamped<unknown>, window: object = {}): StoreRow => ({
  key: plain(key),
  ...window,
  value: plain(value),
  timestampMs,
});

/** @param query null where the task isn't here */
export async function answerOf(
  { store, wanted }: StoreQuestion,
  topology: Topology,
  query: StoreQuery | null,
): Promise<StoreAnswer> {
  const serde = keySerdeOf(topology, store);
  if (query === null || serde === null) return { kind: 'notHere' };
  switch (wanted.kind) {
    case 'row': {
      const key: unknown = serde.decode(wanted.key);
      const found = query.get(key, wanted.startMs ?? undefined);
      const window = wanted.startMs === null ? {} : { startMs: wanted.startMs };
      return { kind: 'rows', rows: found === undefined ? [] : [rowOf(key, found, window)], more: false };
    }
    case 'windows': {
      const key: unknown = serde.decode(wanted.key);
      const lookups = query.lookups(wanted.fromMs, wanted.toMs);
      if (lookups > lookupsMax) return { kind: 'tooMany', lookups, lookupsMax };
      const found = [...query.fetch(key, wanted.fromMs, wanted.toMs)];
      return { kind: 'rows', rows: found.map(([startMs, row]) => rowOf(key, row, { startMs })), more: false };
    }
    case 'rows': {
      const { from, to, limit } = wanted;
      const entries = from === null || to === null ? query.all() : query.range(serde.decode(from), serde.decode(to));
      return await firstRows(entries, query.kind === 'window', limit);
    }
  }
}

async function firstRows(
  entries: AsyncIterable<[unknown, Stamped<unknown>]>,
  windowed: boolean,
  limit: number,
): Promise<StoreAnswer> {
  const rows: StoreRow[] = [];
  for await (const [key, row] of entries) {
    if (rows.length === limit) return { kind: 'rows', rows, more: true };
    if (!windowed) rows.push(rowOf(key, row));
    else {
      const { key: inner, startMs, endMs } = key as { key: unknown; startMs: number; endMs: number };
      rows.push(rowOf(inner, row, { startMs, endMs }));
    }
  }
  return { kind: 'rows', rows, more: false };
}

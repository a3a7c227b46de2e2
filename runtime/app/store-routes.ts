// Interactive queries over HTTP: what a path asks, which member of the job has it, and the answer as JSON. A member answers
// for what is at work in its process and passes the question on for the rest. Knows no sockets: asking another member is
// handed in.
import { Fault, type FaultCode } from '../../core/kernel/fault.ts';
import { partitionForKey } from '../../core/kernel/murmur2.ts';
import type { Serde } from '../../core/schema/serde.ts';
import type { Topology } from '../../dsl/compile/topology.ts';
import { taskId } from '../worker/assignor.ts';
import type { Layout } from '../worker/layout.ts';
import type { StoreAnswer, StoreRow, Wanted } from '../worker/store-question.ts';
import type { Worker } from '../worker/worker.ts';
import { keyFromText, readBounds, readLimit, readTimeMs } from './store-path.ts';

export interface HttpAnswer {
  readonly status: number;
  /** To be sent as JSON. */
  readonly body: unknown;
}

export interface StoreRoutesParts {
  readonly topology: Topology;
  readonly layout: Layout;
  readonly workers: () => Iterable<Worker>;
  /** Where this process answers. */
  readonly address: string;
  /** Asks another member the same path. @throws where it doesn't answer */
  readonly forward: (address: string, pathAndQuery: string) => Promise<HttpAnswer>;
}

export interface StoreRequest {
  /** Decoded segments behind `/stores`. */
  readonly segments: readonly string[];
  readonly search: URLSearchParams;
  /** Comes from another member, which took this one for the owner: it is not passed on again. */
  readonly forwarded: boolean;
}

/** A store of the job as it is asked for. */
interface Place {
  readonly store: string;
  readonly kind: 'keyValue' | 'window' | 'global';
  readonly key: Serde<unknown>;
  readonly value: Serde<unknown>;
  readonly subTopology: number;
  readonly partitions: number;
}

type Owner =
  | { readonly kind: 'here'; readonly worker: Worker }
  | { readonly kind: 'there'; readonly address: string }
  | { readonly kind: 'restoring'; readonly recordsDone: number; readonly recordsTotal: number }
  | { readonly kind: 'nowhere' };

const statusOf: Partial<Record<FaultCode, number>> = {
  STORE_UNKNOWN: 404,
  KEY_NOT_FOUND: 404,
  BAD_QUERY: 400,
  STORE_NOT_HERE: 503,
  STORE_RESTORING: 503,
  STORE_OUT_OF_REACH: 503,
};

export function faultAnswer(error: unknown): HttpAnswer {
  if (!(error instanceof Fault)) return { status: 500, body: { error: { code: 'FAILED', message: String(error) } } };
  const { code, message, retriable, detail }: Fault = error;
  return { status: statusOf[code] ?? 500, body: { error: { code, message, retriable, ...detail } } };
}

export function createStoreRoutes(parts: StoreRoutesParts): (request: StoreRequest) => Promise<HttpAnswer> {
  const { topology } = parts;

  async function answer({ segments, search, forwarded }: StoreRequest): Promise<HttpAnswer> {
    const [store, keyText, ...rest] = segments;
    if (rest.length > 0)
      throw new Fault('BAD_QUERY', { reason: "a path is /stores/NAME/KEY; write a '/' of a key as %2F" });
    if (store === undefined) return { status: 200, body: list(parts) };
    const place = placeOf(parts, store);
    if (keyText !== undefined) return await answerKey(place, keyText, search, forwarded);
    return await answerRows(place, search, forwarded);
  }

  async function answerKey(place: Place, keyText: string, search: URLSearchParams, forwarded: boolean) {
    const key = keyFromText(place.key, keyText);
    const partition = place.kind === 'global' ? 0 : partitionForKey(key, place.partitions);
    const path = `/stores/${encodeURIComponent(place.store)}/${encodeURIComponent(keyText)}?${search}`;
    const wanted = wantedOf(place, key, search);
    const { status, body } = await ask(place, partition, wanted, path, forwarded);
    if (status !== 200 || !isRows(body)) return { status, body };
    if (wanted.kind === 'windows') return { status, body: { store: place.store, ...body } };
    const [row] = body.rows;
    if (row === undefined) throw new Fault('KEY_NOT_FOUND', { store: place.store, key: keyText });
    return { status, body: { store: place.store, partition, ...row } };
  }

  /** Half a store is no answer: what is missing is said, also to those who ask for all. */
  async function answerRows(place: Place, search: URLSearchParams, forwarded: boolean): Promise<HttpAnswer> {
    const limit = readLimit(search);
    const bounds = readBounds(place, search);
    const partitions = partitionsOf(place, search);
    const rows: StoreRow[] = [];
    let more = false;
    for (const [at, partition] of partitions.entries()) {
      const own = new URLSearchParams(search);
      own.set('partition', String(partition));
      own.set('limit', String(limit - rows.length));
      const path = `/stores/${encodeURIComponent(place.store)}?${own}`;
      const wanted = { kind: 'rows', ...bounds, limit: limit - rows.length } as const;
      const { status, body } = await ask(place, partition, wanted, path, forwarded);
      if (status !== 200 || !isRows(body)) return { status, body };
      rows.push(...body.rows);
      more = body.more || (rows.length === limit && at + 1 < partitions.length);
      if (more) break;
    }
    return { status: 200, body: { store: place.store, rows, more } };
  }

  async function ask(place: Place, partition: number, wanted: Wanted, path: string, forwarded: boolean) {
    const owner = ownerOf(parts, place, partition);
    const { store } = place;
    switch (owner.kind) {
      case 'here': {
        const task = place.kind === 'global' ? null : taskId(place.subTopology, partition);
        const found: StoreAnswer = await owner.worker.ask({ task, store, wanted });
        if (found.kind === 'notHere') throw new Fault('STORE_NOT_HERE', { store, partition });
        if (found.kind === 'tooMany') {
          const reason = `${found.lookups} windows may lie between 'from' and 'to', at most ${found.lookupsMax} are looked for; ask for less at once`;
          throw new Fault('BAD_QUERY', { reason });
        }
        return { status: 200, body: { rows: found.rows, more: found.more } };
      }
      case 'there':
        if (forwarded) throw new Fault('STORE_NOT_HERE', { store, partition });
        return await parts.forward(owner.address, path).catch((error: unknown) => {
          const reason = error instanceof Error ? error.message : String(error);
          throw new Fault('STORE_OUT_OF_REACH', { store, partition, address: owner.address, reason }, error);
        });
      case 'restoring':
        throw new Fault('STORE_RESTORING', { store, partition, ...owner });
      case 'nowhere':
        throw new Fault('STORE_NOT_HERE', { store, partition });
    }
  }

  return async (request) => {
    try {
      return await answer(request);
    } catch (error) {
      return faultAnswer(error);
    }
  };

  function placeOf({ layout }: StoreRoutesParts, store: string): Place {
    for (const { id, stores } of topology.subTopologies) {
      const spec = stores.find(({ name, buffer }) => name === store && buffer !== true);
      if (spec === undefined) continue;
      const { kind, key, value } = spec;
      return { store, kind, key, value, subTopology: id, partitions: layout.tasks[id]! };
    }
    const global = topology.globals.find(({ topic }) => topic.name === store)?.topic;
    if (global !== undefined)
      return { store, kind: 'global', key: global.key, value: global.value, subTopology: -1, partitions: 1 };
    throw new Fault('STORE_UNKNOWN', { store, job: topology.job, known: storeNames(topology) });
  }

  function list(given: StoreRoutesParts): object {
    const stores = storeNames(topology).map((name) => {
      const place = placeOf(given, name);
      const { kind, key, value } = place;
      const partitions = Array.from({ length: place.partitions }, (_, partition) => {
        const owner = ownerOf(given, place, partition);
        if (owner.kind === 'here') return { partition, kind: owner.kind, address: given.address };
        return { partition, ...owner };
      });
      return { name, kind, key: key.name, value: value.name, partitions };
    });
    return { job: topology.job, stores };
  }
}

const storeNames = (topology: Topology): string[] => [
  ...topology.subTopologies.flatMap(({ stores }) =>
    stores.flatMap(({ name, buffer }) => (buffer === true ? [] : [name])),
  ),
  ...topology.globals.map(({ topic }) => topic.name),
];

/** All, or the one that is named. */
function partitionsOf({ store, partitions }: Place, search: URLSearchParams): readonly number[] {
  const all = Array.from({ length: partitions }, (_, partition) => partition);
  const only = search.get('partition');
  if (only === null) return all;
  if (all.some((partition) => String(partition) === only)) return [Number(only)];
  throw new Fault('BAD_QUERY', {
    reason: `store '${store}' has partitions from 0 to ${partitions - 1}, not '${only}'`,
  });
}

const isRows = (body: unknown): body is { readonly rows: readonly StoreRow[]; readonly more: boolean } =>
  typeof body === 'object' && body !== null && 'rows' in body;

function wantedOf(place: Place, key: Uint8Array, search: URLSearchParams): Wanted {
  const start = search.get('start');
  if (place.kind !== 'window') {
    if (start !== null || search.has('from') || search.has('to'))
      throw new Fault('BAD_QUERY', { reason: `store '${place.store}' has no windows, so a key is all it takes` });
    return { kind: 'row', key, startMs: null };
  }
  if (start !== null) return { kind: 'row', key, startMs: readTimeMs('start', start) };
  const [from, to] = [search.get('from'), search.get('to')];
  return {
    kind: 'windows',
    key,
    fromMs: from === null ? 0 : readTimeMs('from', from),
    toMs: to === null ? Number.MAX_SAFE_INTEGER : readTimeMs('to', to),
  };
}

function ownerOf({ workers, address }: StoreRoutesParts, place: Place, partition: number): Owner {
  const all = [...workers()];
  if (place.kind === 'global') {
    // Every worker has all of it.
    const worker = all[0];
    return worker === undefined ? { kind: 'nowhere' } : { kind: 'here', worker };
  }
  const task = taskId(place.subTopology, partition);
  const reports = all.map((worker) => ({ worker, report: worker.report() }));
  const here = reports.find(({ report }) => report.tasks.includes(task));
  if (here !== undefined) return { kind: 'here', worker: here.worker };
  const restoring = reports.flatMap(({ report }) => report.restoring).find((restore) => restore.task === task);
  if (restoring !== undefined) {
    const { recordsDone, recordsTotal } = restoring;
    return { kind: 'restoring', recordsDone, recordsTotal };
  }
  const newest = reports.sort((a, b) => b.report.generationId - a.report.generationId)[0]?.report.members ?? [];
  const there = newest.find((member) => member.active.includes(task))?.address ?? null;
  return there === null || there === address ? { kind: 'nowhere' } : { kind: 'there', address: there };
}

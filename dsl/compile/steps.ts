// A sub-topology out of a part of the graph: its inputs, its steps with ids, its stores.
import { match, P } from 'ts-pattern';
import { safeInt64, utf8 } from '../../core/schema/primitive.ts';
import { structured } from '../../core/schema/structured.ts';
import { stringKey } from '../key-serde.ts';
import type { ProcessNode, TopicSpec, Windowing, WindowSpec } from '../plan.ts';
import { changesForMs, isAligned } from '../window-spec.ts';
import type { Part } from './cut.ts';
import type { Repartition, Vertex } from './graph.ts';
import { onceName, processStoreName, scheduleName, windowOf } from './graph.ts';
import { changelogTopic, repartitionTopic } from './names.ts';
import {
  joinRowsSerde,
  queueSerde,
  subscribersSerde,
  subscriptionKey,
  type Versions,
  versionsSerde,
  waitingSerde,
} from './store-serdes.ts';
import type { Input, Step, StoreSpec, SubTopology } from './topology.ts';

/** Records live in them until they are processed, whenever that is. */
const repartitionConfig = { 'cleanup.policy': 'delete', 'retention.ms': '-1' } as const;

export function repartitionSpec(job: string, repartition: Repartition): TopicSpec {
  const name = repartitionTopic(job, repartition.name);
  const { key, partitions } = repartition;
  const count = partitions === null ? {} : { partitions };
  return { name, key, value: structured(), ...count, config: repartitionConfig };
}

export interface StepsOptions {
  readonly job: string;
  readonly id: number;
  readonly upstream: readonly number[];
  /** Whether the table is to be read to its end before streams. */
  readonly bootstrap: (input: Vertex) => boolean;
}

type StepBody<S> = S extends Step ? Omit<S, 'id' | 'name' | 'parents'> : never;

export function subTopology(part: Part, { job, id, upstream, bootstrap }: StepsOptions): SubTopology {
  const inputs: Input[] = [];
  const steps: Step[] = [];
  const stores: StoreSpec[] = [];
  const outputs = new Map<Vertex, number>();
  const used = new Map<string, number>();

  const push = (label: string, parents: readonly number[], body: StepBody<Step>): number => {
    const ordinal = (used.get(label) ?? 0) + 1;
    used.set(label, ordinal);
    const name = ordinal === 1 ? label : `${label} ${ordinal}`;
    steps.push({ ...body, id: steps.length, name, parents } as Step);
    return steps.length - 1;
  };
  const input = (label: string, given: Input): number => {
    inputs.push(given);
    return push(label, [], { kind: 'input', input: inputs.length - 1 });
  };

  for (const vertex of part.vertices) {
    stores.push(...storesOf(job, vertex));
    const { node } = vertex;
    let parents = vertex.parents.map((parent) => outputs.get(parent)!);
    if (node.kind === 'topicSource' || node.kind === 'tableSource') {
      const role = node.kind === 'tableSource' ? 'table' : 'stream';
      const { topic } = node;
      parents = [input(topic.name, { kind: 'topic', topic, internal: false, role, bootstrap: bootstrap(vertex) })];
    } else if (node.kind === 'repartitionSource') {
      const topic = repartitionSpec(job, node.repartition);
      parents = [input(topic.name, { kind: 'topic', topic, internal: true, role: 'stream', bootstrap: false })];
    } else if (node.kind === 'connectorSource') {
      parents = [input(node.connector.name, { kind: 'connector', connector: node.connector })];
    }
    const body = bodyOf(job, vertex, (of) => outputs.get(of)!);
    outputs.set(vertex, body === null ? parents[0]! : push(labelOf(vertex), parents, body));
  }
  return { id, inputs, steps, stores, upstream };
}

/** What a step does; null for an input, which is all the step there is. */
function bodyOf(job: string, vertex: Vertex, steps: (of: Vertex) => number): StepBody<Step> | null {
  const kept = vertex.store?.name ?? null;
  // Of steps that always have one.
  const store = kept ?? '';
  return match(vertex.node)
    .returnType<StepBody<Step> | null>()
    .with({ kind: P.union('topicSource', 'connectorSource', 'repartitionSource') }, () => null)
    .with({ kind: 'tableSource' }, ({ kind }) => ({ kind, store }))
    .with({ kind: 'dropTombstones' }, () => ({ kind: 'filter', predicate: (value: unknown) => value !== null }))
    .with({ kind: 'filter' }, ({ kind, predicate }) => ({ kind, predicate }))
    .with({ kind: 'map' }, ({ kind, project }) => ({ kind, project }))
    .with({ kind: 'flatMap' }, ({ kind, project }) => ({ kind, project }))
    .with({ kind: 'tap' }, ({ kind, look }) => ({ kind, look }))
    .with({ kind: 'mapRecord' }, ({ kind, project }) => ({ kind, project }))
    .with({ kind: 'selectKey' }, ({ kind, keyOf }) => ({ kind, keyOf }))
    .with({ kind: 'merge' }, ({ kind }) => ({ kind }))
    .with({ kind: 'split' }, ({ kind, predicates }) => ({ kind, predicates }))
    .with({ kind: 'branch' }, ({ kind, index }) => ({ kind, index }))
    .with({ kind: 'process' }, (node) => ({
      kind: 'process',
      stores: node.stores.map(({ name, kind, window }) => ({
        name,
        kind,
        window,
        store: processStoreName(node, name),
      })),
      timers: node.timers,
      schedule: node.timers.length === 0 ? null : scheduleName(node),
      once: node.once.map(({ name, time }) => ({ name, time, store: onceName(node, name) })),
      outputs: node.outputs,
      needsKey: node.needsKey,
      setup: node.setup,
    }))
    .with({ kind: 'processOutput' }, ({ output, parent: { outputs } }) =>
      output === null ? null : { kind: 'branch', index: outputs.indexOf(output) },
    )
    .with({ kind: 'mapAsync' }, ({ kind, project, concurrency, order, timeoutMs, retry }) => ({
      kind,
      project,
      concurrency,
      order,
      timeoutMs,
      retry,
    }))
    .with({ kind: 'rx' }, ({ kind, make }) => ({ kind, make }))
    .with({ kind: 'joinTable' }, ({ kind, join, joiner, buffer }) => ({
      kind,
      join,
      joiner,
      table: steps(vertex.table!),
      store: vertex.table?.store?.name ?? null,
      buffer: buffer === null ? null : { store, graceMs: buffer.graceMs, idleMs: buffer.idleMs },
    }))
    .with({ kind: 'joinGlobal' }, ({ kind, join, keyOf, joiner, topic }) => ({
      kind,
      join,
      keyOf,
      joiner,
      global: topic.name,
    }))
    .with({ kind: 'joinStreams' }, ({ kind, join, within, idleMs, joiner }) => ({
      kind,
      join,
      within,
      idleMs,
      joiner,
      store,
      unmatched: join === 'inner' ? null : unmatchedStore(store),
    }))
    .with({ kind: 'joinTables' }, ({ kind, join, joiner }) => ({ kind, join, joiner, store: kept }))
    .with({ kind: 'foreignSubscribe' }, ({ kind, of: { join, keyOf } }) => ({
      kind,
      join,
      keyOf,
      value: valueSerdeOf(vertex.parents[0]!),
    }))
    .with({ kind: 'foreignAnswer' }, ({ kind }) => ({ kind, store, table: steps(vertex.parents[1]!) }))
    .with({ kind: 'joinForeign' }, ({ kind, join, joiner }) => ({
      kind,
      join,
      joiner,
      store,
      table: steps(vertex.table!),
      value: valueSerdeOf(vertex.table!),
    }))
    .with({ kind: 'aggregate' }, ({ kind, initial, add, merge, result, parent: { window, windowing } }) => ({
      kind,
      store,
      window,
      emit: windowing?.emit ?? 'update',
      idleMs: windowing?.idleMs ?? null,
      ...keptOf(window, windowing),
      initial,
      add,
      merge: merge ?? null,
      result,
    }))
    .with({ kind: 'late' }, ({ kind }) => ({ kind }))
    .with({ kind: 'dedupe' }, ({ kind, withinMs }) => ({ kind, store, withinMs }))
    .with({ kind: 'filterRows' }, ({ kind, predicate }) => ({ kind, predicate, store: kept }))
    .with({ kind: 'mapRows' }, ({ kind, project }) => ({ kind, project, store: kept }))
    .with({ kind: 'suppress' }, ({ kind, until, recordsMax, bytesMax, whenFull, idleMs }) => {
      const window = until === 'windowCloses' ? windowOf(vertex) : null;
      return { kind, store, window, until, recordsMax, bytesMax, whenFull, idleMs };
    })
    .with({ kind: 'groupRows' }, ({ kind, keyOf }) => ({ kind, keyOf, key: vertex.key.serde! }))
    .with({ kind: 'aggregateRows' }, ({ kind, initial, add, subtract }) => ({ kind, store, initial, add, subtract }))
    .with({ kind: 'toTable' }, ({ kind }) => ({ kind, store }))
    .with({ kind: 'toStream' }, ({ kind }) => ({ kind }))
    .with({ kind: 'topicSink' }, ({ kind, topic }) => ({ kind, topic, internal: false }))
    .with({ kind: 'connectorSink' }, ({ kind, connector }) => ({ kind, connector }))
    .with({ kind: 'repartitionSink' }, ({ repartition }) => ({
      kind: 'topicSink',
      topic: repartitionSpec(job, repartition),
      internal: true,
    }))
    .exhaustive();
}

function labelOf({ node, store, table, parents, source }: Vertex): string {
  return match(node)
    .returnType<string>()
    .with({ kind: P.union('aggregate', 'aggregateRows') }, ({ operator }) => `${operator} ${store?.name}`)
    .with({ kind: P.union('filterRows', 'mapRows', 'suppress', 'dedupe') }, ({ kind }) =>
      store === null ? kind : `${kind} ${store.name}`,
    )
    .with({ kind: P.union('tableSource', 'toTable') }, () => `table ${store?.name}`)
    .with({ kind: 'joinTable' }, ({ join }) => `${join === 'inner' ? 'join' : 'leftJoin'} ${table?.source}`)
    .with(
      { kind: P.union('joinStreams', 'joinTables') },
      ({ join }) =>
        `${join === 'inner' ? 'join' : `${join}Join`} ${store?.name ?? parents.map(({ source }) => source).join(' ')}`,
    )
    .with(
      { kind: 'joinGlobal' },
      ({ join, topic }) => `${join === 'inner' ? 'joinGlobal' : 'leftJoinGlobal'} ${topic.name}`,
    )
    .with(
      { kind: P.union('foreignSubscribe', 'foreignAnswer', 'joinForeign') },
      ({ kind }) => `${foreignLabels[kind]} ${source}`,
    )
    .with({ kind: 'branch' }, ({ name }) => `branch ${name}`)
    .with({ kind: 'process' }, ({ name }) => `process ${name}`)
    .with({ kind: 'processOutput' }, ({ output, parent }) => `${parent.name} ${output}`)
    .with({ kind: 'topicSink' }, ({ topic }) => `to ${topic.name}`)
    .with({ kind: 'connectorSink' }, ({ connector }) => `to ${connector.name}`)
    .with({ kind: 'repartitionSink' }, ({ repartition }) => `repartition ${repartition.name}`)
    .with({ kind: 'dropTombstones' }, () => 'drop tombstones')
    .otherwise(({ kind }) => kind);
}

const foreignLabels = {
  foreignSubscribe: 'subscribe for',
  foreignAnswer: 'answer for',
  joinForeign: 'foreign join',
} as const;

/** As the table's store writes them, or as anything is written where rows are computed. */
function valueSerdeOf({ node, parents }: Vertex): StoreSpec['value'] {
  if (node.kind === 'tableSource') return node.topic.value;
  if (node.kind === 'aggregate') return node.result === null ? node.store.value : structured();
  if (node.kind === 'joinForeign') return node.value;
  // Their rows are those of the table before.
  if (node.kind === 'suppress' || (node.kind === 'filterRows' && node.store === null)) return valueSerdeOf(parents[0]!);
  return 'store' in node ? (node.store?.value ?? structured()) : structured();
}

const unmatchedStore = (store: string): string => `${store}-unmatched`;

function storesOf(job: string, vertex: Vertex): readonly StoreSpec[] {
  const { node, store, parents } = vertex;
  if (store === null) return [];
  if (node.kind === 'process') return processStores(job, node, parents[0]!.key.serde);
  if (node.kind === 'joinStreams') return joinStores(job, node, store.name, parents[0]!.key.serde!);
  if (node.kind === 'joinTable' && node.buffer !== null) {
    return [queueStore(job, store.name, waitingSerde(parents[0]!.key.serde!, node.buffer.value))];
  }
  const spec = storeOf(job, vertex);
  return spec === null ? [] : [spec];
}

type JoinStreams = Extract<Vertex['node'], { readonly kind: 'joinStreams' }>;

function joinStores(job: string, node: JoinStreams, name: string, key: StoreSpec['key']): readonly StoreSpec[] {
  const { within, join, left, right } = node;
  const shared = { ownChangelog: true, result: null } as const;
  const window = { kind: 'tumbling', sizeMs: within.beforeMs + within.afterMs, graceMs: within.graceMs } as const;
  const rows = { name, kind: 'window', key, value: joinRowsSerde(left, right), window, within } as const;
  const kept: StoreSpec = { ...shared, ...rows, changelog: changelogTopic(job, name) };
  if (join === 'inner') return [kept];
  return [kept, queueStore(job, unmatchedStore(name), key)];
}

/** @param key of the stream, null where it has none */
function processStores(job: string, node: ProcessNode, key: StoreSpec['key'] | null): readonly StoreSpec[] {
  const declared = node.stores.map(({ name: local, key: own, value, window }): StoreSpec => {
    const name = processStoreName(node, local);
    const kept = keyValueStore(job, name, own, value);
    return window === null ? kept : { ...kept, kind: 'window', window, indexed: true };
  });
  const schedule = node.timers.length === 0 ? [] : [keyValueStore(job, scheduleName(node), utf8, safeInt64)];
  const once = node.once.map(({ name }): StoreSpec => {
    const kept = keyValueStore(job, onceName(node, name), key ?? stringKey, safeInt64);
    return { ...kept, kind: 'window', window: instants, indexed: true, buffer: true };
  });
  return [...declared, ...schedule, ...once];
}

function queueStore(job: string, name: string, item: StoreSpec['value']): StoreSpec {
  return keyValueStore(job, name, utf8, queueSerde(item));
}

function keyValueStore(job: string, name: string, key: StoreSpec['key'], value: StoreSpec['value']): StoreSpec {
  const changelog = changelogTopic(job, name);
  return { name, kind: 'keyValue', key, value, window: null, changelog, ownChangelog: true, result: null };
}

/** The topic itself can't bring its history back: compaction keeps the newest row of a key only. */
function versionedStore(
  job: string,
  { name, key, value }: Pick<TopicSpec, 'name' | 'key' | 'value'>,
  versionedMs: number,
): StoreSpec {
  const history = {
    value: versionsSerde(value),
    result: (versions: Versions) => versions[0]?.value ?? null,
    versionedMs,
  };
  const changelog = changelogTopic(job, name);
  return { name, kind: 'keyValue', key, window: null, changelog, ownChangelog: true, ...history };
}

function storeOf(job: string, { node, store, parents }: Vertex): StoreSpec | null {
  if (store === null) return null;
  const { name } = store;
  if (node.kind === 'tableSource') {
    const { key, value, name: changelog, versionedMs } = node.topic;
    if (versionedMs !== undefined) return versionedStore(job, node.topic, versionedMs);
    return { name, kind: 'keyValue', key, value, window: null, changelog, ownChangelog: false, result: null };
  }
  if (node.kind === 'toTable' && node.versionedMs !== null) {
    return versionedStore(job, { name, key: parents[0]!.key.serde!, value: node.store.value }, node.versionedMs);
  }
  if (node.kind === 'foreignAnswer') {
    // The right table's keys, and rows' keys of the left table.
    return keyValueStore(job, name, subscriptionKey(parents[0]!.key.serde!), subscribersSerde());
  }
  if (node.kind === 'joinForeign') return keyValueStore(job, name, parents[0]!.key.serde!, node.value);
  const options = 'store' in node ? node.store : null;
  if (options === null) return null;
  const window = storeWindow(node);
  return {
    name,
    kind: window === null ? 'keyValue' : 'window',
    key: parents[0]!.key.serde!,
    value: options.value,
    window,
    ...(isIndexed(node, window) ? { indexed: true } : {}),
    ...(node.kind === 'suppress' ? { buffer: true } : {}),
    ...(node.kind === 'aggregate' ? keptOf(window, node.parent.windowing) : {}),
    changelog: changelogTopic(job, name),
    ownChangelog: true,
    result: node.kind === 'aggregate' ? node.result : null,
  };
}

function keptOf(window: WindowSpec | null, windowing: Windowing | undefined): { readonly keptMs?: number } {
  const keepMs = windowing?.keepMs ?? null;
  return window === null || keepMs === null ? {} : { keptMs: Math.max(0, keepMs - changesForMs(window)) };
}

function storeWindow(node: Vertex['node']): WindowSpec | null {
  if (node.kind === 'suppress') return instants;
  if (node.kind === 'dedupe') return { kind: 'tumbling', sizeMs: node.withinMs, graceMs: 2 * node.withinMs };
  return node.kind === 'aggregate' ? node.parent.window : null;
}

/** A buffer has its changes by the time until which they wait: windows of one moment. */
const instants: WindowSpec = { kind: 'sliding', differenceMs: 0, graceMs: 0 };

/** Windows that are passed on when they close are walked over then. */
const isIndexed = (node: Vertex['node'], window: WindowSpec | null): boolean =>
  window !== null &&
  (!isAligned(window) || (node.kind === 'aggregate' && node.parent.windowing?.emit === 'windowCloses'));

// A sub-topology out of a part of the graph: its inputs, its steps with ids, its stores.
import { match, P } from 'ts-pattern';
import { structured } from '../../core/schema/structured.ts';
import type { TopicSpec, WindowSpec } from '../plan.ts';
import { isAligned } from '../window-spec.ts';
import type { Part } from './cut.ts';
import type { Repartition, Vertex } from './graph.ts';
import { windowOf } from './graph.ts';
import { changelogTopic, repartitionTopic } from './names.ts';
import type { Input, Step, StoreSpec, SubTopology } from './topology.ts';

/** Records live in them until they are processed, whenever that is. */
const repartitionConfig = { 'cleanup.policy': 'delete', 'retention.ms': '-1' } as const;

export function repartitionSpec(job: string, repartition: Repartition): TopicSpec {
  const name = repartitionTopic(job, repartition.name);
  return { name, key: repartition.key, value: structured(), config: repartitionConfig };
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
    const store = storeOf(job, vertex);
    if (store !== null) stores.push(store);
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
    const body = bodyOf(job, vertex);
    outputs.set(vertex, body === null ? parents[0]! : push(labelOf(vertex), parents, body));
  }
  return { id, inputs, steps, stores, upstream };
}

/** What a step does; null for an input, which is all the step there is. */
function bodyOf(job: string, vertex: Vertex): StepBody<Step> | null {
  const store = vertex.store?.name ?? '';
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
    .with({ kind: 'mapAsync' }, ({ kind, project, concurrency, order }) => ({ kind, project, concurrency, order }))
    .with({ kind: 'rx' }, ({ kind, make }) => ({ kind, make }))
    .with({ kind: 'joinTable' }, ({ kind, join, joiner }) => ({
      kind,
      join,
      joiner,
      store: vertex.table?.store?.name ?? '',
    }))
    .with({ kind: 'aggregate' }, ({ kind, initial, add, merge, result, parent: { window, windowing } }) => ({
      kind,
      store,
      window,
      emit: windowing?.emit ?? 'update',
      idleMs: windowing?.idleMs ?? null,
      initial,
      add,
      merge: merge ?? null,
      result,
    }))
    .with({ kind: 'late' }, ({ kind }) => ({ kind }))
    .with({ kind: 'dedupe' }, ({ kind, withinMs }) => ({ kind, store, withinMs }))
    .with({ kind: 'filterRows' }, ({ kind, predicate }) => ({ kind, predicate, store: vertex.store?.name ?? null }))
    .with({ kind: 'mapRows' }, ({ kind, project }) => ({ kind, project, store: vertex.store?.name ?? null }))
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

function labelOf({ node, store, table }: Vertex): string {
  return match(node)
    .returnType<string>()
    .with({ kind: P.union('aggregate', 'aggregateRows') }, ({ operator }) => `${operator} ${store?.name}`)
    .with({ kind: P.union('filterRows', 'mapRows', 'suppress', 'dedupe') }, ({ kind }) =>
      store === null ? kind : `${kind} ${store.name}`,
    )
    .with({ kind: P.union('tableSource', 'toTable') }, () => `table ${store?.name}`)
    .with({ kind: 'joinTable' }, ({ join }) => `${join === 'inner' ? 'join' : 'leftJoin'} ${table?.store?.name}`)
    .with({ kind: 'branch' }, ({ name }) => `branch ${name}`)
    .with({ kind: 'topicSink' }, ({ topic }) => `to ${topic.name}`)
    .with({ kind: 'connectorSink' }, ({ connector }) => `to ${connector.name}`)
    .with({ kind: 'repartitionSink' }, ({ repartition }) => `repartition ${repartition.name}`)
    .with({ kind: 'dropTombstones' }, () => 'drop tombstones')
    .otherwise(({ kind }) => kind);
}

function storeOf(job: string, { node, store, parents }: Vertex): StoreSpec | null {
  if (store === null) return null;
  const { name } = store;
  if (node.kind === 'tableSource') {
    const { key, value, name: changelog } = node.topic;
    return { name, kind: 'keyValue', key, value, window: null, changelog, ownChangelog: false, result: null };
  }
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
    changelog: changelogTopic(job, name),
    ownChangelog: true,
    result: node.kind === 'aggregate' ? node.result : null,
  };
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

// The graph between plan and topology: every plan node once, topics and connectors once by name, repartition topics put
// in where a stream that was rekeyed meets something that needs its keys together. Parents stand before children.
import type { Serde } from '../../core/schema/serde.ts';
import type { GroupedRowsNode, ProcessNode, SinkNode, StreamNode, TableNode, TopicSpec, WindowSpec } from '../plan.ts';
import type { TopologyIssue } from './topology.ts';

/** A store as a vertex needs it; `named` says whether the person named it. */
export interface VertexStore {
  readonly name: string;
  readonly named: boolean;
}

/** How the keys of what a vertex gives are written, and which vertex made them others than the partitions are of. */
export interface KeyFacts {
  // biome-ignore lint/suspicious/noExplicitAny: erased, as the plan is
  readonly serde: Serde<any> | null;
  readonly rekeyedBy: Vertex | null;
  /** Records of one windowed key are together, but in the partition of the key inside: enough to group, not to join. */
  readonly windowedBy: Vertex | null;
}

export type VertexNode =
  | Exclude<StreamNode, { readonly kind: 'repartition' }>
  | TableNode
  | GroupedRowsNode
  | ProcessNode
  | Exclude<SinkNode, { readonly kind: 'view' | 'processSink' }>
  | { readonly kind: 'dropTombstones' }
  | { readonly kind: 'late' }
  | { readonly kind: 'split'; readonly predicates: Extract<StreamNode, { kind: 'branch' }>['predicates'] }
  | { readonly kind: 'foreignSubscribe'; readonly of: ForeignNode }
  | { readonly kind: 'foreignAnswer'; readonly of: ForeignNode }
  | { readonly kind: 'repartitionSink'; readonly repartition: Repartition }
  | { readonly kind: 'repartitionSource'; readonly repartition: Repartition };

export type ForeignNode = Extract<TableNode, { readonly kind: 'joinForeign' }>;

export interface Vertex {
  /** Order of discovery: above that of its parents. */
  readonly index: number;
  readonly node: VertexNode;
  /** What flows into it, within its sub-topology. */
  readonly parents: readonly Vertex[];
  /** The table it looks into. */
  readonly table: Vertex | null;
  readonly store: VertexStore | null;
  readonly key: KeyFacts;
  /** Topic, connector or store that it comes from: the start of derived names. */
  readonly source: string;
  /** Name of a repartition topic behind it, where it changes the key. */
  readonly repartitionName: string | null;
  readonly place: readonly string[];
}

/** One internal topic, shared by all that need this stream by its key. */
export interface Repartition {
  /** Without prefix and suffix; settled once all that need it are known. `base` is shared by the streams of one selectKey(). */
  name: string;
  base: string;
  // biome-ignore lint/suspicious/noExplicitAny: erased, as the plan is
  readonly key: Serde<any>;
  readonly producer: Vertex;
  readonly rekeyedBy: Vertex;
  /** Named by the person at selectKey() or groupBy(). */
  readonly given: string | null;
  /** As the person said it; null where it follows from the inputs. */
  readonly partitions: number | null;
  /** Between the two sides of a foreign join, of which each fills what the other reads: neither is upstream by it. */
  readonly thereAndBack: boolean;
  /** Names of the stores that need it, as far as given, in the order of the program. */
  readonly storeNames: string[];
}

export interface Graph {
  readonly vertices: readonly Vertex[];
  readonly repartitions: readonly Repartition[];
  readonly views: readonly Extract<SinkNode, { readonly kind: 'view' }>[];
  /** Every topic of the user's, by name, as first declared. */
  readonly topics: ReadonlyMap<string, TopicSpec>;
  /** Topics that are read as global tables, by name. */
  readonly globals: ReadonlyMap<string, TopicSpec>;
  readonly issues: readonly TopologyIssue[];
}

/** 'orders → groupByKey → count'. */
export const placeOf = (place: readonly string[]): string => place.join(' → ');

/** Inputs whose records reach a vertex within its sub-topology; tables that are only looked into are not among them. */
export function inputsOf(vertex: Vertex): readonly Vertex[] {
  const seen = new Set<Vertex>();
  const inputs: Vertex[] = [];
  const visit = (at: Vertex): void => {
    if (seen.has(at)) return;
    seen.add(at);
    if (at.parents.length === 0) inputs.push(at);
    for (const parent of at.parents) visit(parent);
  };
  visit(vertex);
  return inputs;
}

/** Names of all that a vertex keeps. */
export function storeNamesOf({ node, store }: Vertex): readonly string[] {
  if (node.kind !== 'process') return store === null ? [] : [store.name];
  return [
    ...node.stores.map((each) => processStoreName(node, each.name)),
    ...(node.timers.length === 0 ? [] : [scheduleName(node)]),
    ...node.once.map((timer) => onceName(node, timer.name)),
  ];
}

export const processStoreName = ({ name }: ProcessNode, store: string): string => `${name}-${store}`;
export const onceName = ({ name }: ProcessNode, timer: string): string => `${name}-once-${timer}`;
export const scheduleName = ({ name }: ProcessNode): string => `${name}-timers`;

/** The user's topic that an input reads, or null. */
export function topicOf(input: Vertex): TopicSpec | null {
  return input.node.kind === 'topicSource' || input.node.kind === 'tableSource' ? input.node.topic : null;
}

/** The windows that the keys of a table are of, where an aggregation of the job made them. */
export function windowOf({ node, parents }: Vertex): WindowSpec | null {
  if (node.kind === 'aggregate') return node.parent.window;
  return node.kind === 'filterRows' || node.kind === 'mapRows' || node.kind === 'suppress'
    ? windowOf(parents[0]!)
    : null;
}

// What the walk from plan to graph has come to: vertices, repartitions, topics, names. How a vertex gets its place in it.

import { windowedKey } from '../../core/schema/windowed-key.ts';
import { stringKey } from '../key-serde.ts';
import type { PlanNode, TopicSpec } from '../plan.ts';
import type { KeyFacts, Repartition, Vertex, VertexNode, VertexStore } from './graph.ts';
import type { PlaceNames } from './names.ts';
import { createPlaceNames } from './names.ts';
import type { TopologyIssue } from './topology.ts';

export type Of<Kind extends PlanNode['kind']> = Extract<PlanNode, { readonly kind: Kind }>;

/** What is known so far. */
export interface Walk {
  readonly vertices: Vertex[];
  readonly repartitions: Repartition[];
  readonly views: Of<'view'>[];
  readonly topics: Map<string, TopicSpec>;
  readonly globals: Map<string, TopicSpec>;
  readonly issues: TopologyIssue[];
  readonly names: PlaceNames;
  /** By what makes a vertex the same: a node, a connector, 'topic orders'. */
  readonly known: Map<unknown, Vertex>;
}

export const createWalk = (): Walk => ({
  vertices: [],
  repartitions: [],
  views: [],
  topics: new Map(),
  globals: new Map(),
  issues: [],
  names: createPlaceNames(),
  known: new Map(),
});

export function once(walk: Walk, identity: unknown, make: () => Vertex): Vertex {
  const before = walk.known.get(identity);
  if (before !== undefined) return before;
  const made = make();
  walk.known.set(identity, made);
  return made;
}

type Fields = Partial<Omit<Vertex, 'index' | 'node' | 'key'>> & { readonly key?: KeyFacts | 'rekeyed' | 'windowed' };

/** @param label what the place says of it; null for what the person didn't write */
export function add({ vertices, names }: Walk, node: VertexNode, label: string | null, fields: Fields): Vertex {
  const parent = fields.parents?.[0];
  const place = fields.place ?? parent?.place ?? [];
  const vertex = {
    index: vertices.length,
    node,
    parents: fields.parents ?? [],
    table: fields.table ?? null,
    store: fields.store ?? null,
    key: parent?.key ?? { serde: null, rekeyedBy: null, windowedBy: null },
    source: fields.source ?? parent?.source ?? label ?? '',
    repartitionName: fields.key === 'rekeyed' ? names.derive(parent?.source ?? '', label ?? node.kind) : null,
    place: label === null ? place : [...place, label],
  };
  if (fields.key !== undefined) vertex.key = typeof fields.key === 'string' ? ownKey(vertex, fields.key) : fields.key;
  vertices.push(vertex);
  return vertex;
}

/** What chooses a key, and may name the topic behind it. */
export const isRekeying = (node: VertexNode): node is Of<'selectKey' | 'mapRecord'> | Of<'groupRows'> =>
  node.kind === 'selectKey' || node.kind === 'mapRecord' || node.kind === 'groupRows';

/** The key of a vertex that changes it. */
function ownKey(vertex: Vertex, how: 'rekeyed' | 'windowed'): KeyFacts {
  const { node, key } = vertex;
  if (how === 'rekeyed') {
    const given = isRekeying(node) || node.kind === 'processOutput' ? node.key : null;
    return { serde: given ?? stringKey, rekeyedBy: vertex, windowedBy: null };
  }
  const window = node.kind === 'aggregate' ? node.parent.window : null;
  const serde = key.serde && window ? windowedKey(key.serde, window) : key.serde;
  return { serde, rekeyedBy: null, windowedBy: vertex };
}

export function topicNamed({ topics, issues }: Walk, topic: TopicSpec): TopicSpec {
  const first = topics.get(topic.name) ?? topic;
  topics.set(topic.name, first);
  if (!sameTopic(first, topic) && !issues.some(({ code, place }) => code === 'TOPIC_TWICE' && place === topic.name)) {
    const message = 'it is declared twice with different settings; declare it once and use that constant';
    issues.push({ code: 'TOPIC_TWICE', place: topic.name, message });
  }
  return first;
}

function sameTopic(a: TopicSpec, b: TopicSpec): boolean {
  const shape = ({ name, key, value, partitions, replicationFactor, tombstones, versionedMs, config }: TopicSpec) =>
    JSON.stringify([
      name,
      key.name,
      value.name,
      partitions,
      replicationFactor,
      tombstones,
      versionedMs,
      Object.entries(config).sort(),
    ]);
  return a === b || (shape(a) === shape(b) && a.timestampOf === b.timestampOf);
}

/** Named stores use up an ordinal too, so that naming one doesn't hand its state to the next. */
export function storeOf({ names }: Walk, as: string | null, parent: Vertex, operator: string): VertexStore {
  const derived = names.derive(parent.source, operator);
  return { name: as ?? derived, named: as !== null };
}

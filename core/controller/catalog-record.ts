// What the catalog is made of: one record a change. The image is what replaying them all gives, so whatever carries the
// records (one database on a single node, a replicated metadata log in a cluster) need not know what they mean. A record is
// whole by itself: those that belong to one decision may be read apart.
import { assert, unreachable } from '../kernel/assert.ts';
import type { NodeImage } from './node-image.ts';
import type { PartitionImage } from './partition-image.ts';

/** Of the records; a catalog of a newer one is refused. 2 knows nodes and places. */
export const catalogFormat = 2;

export type CatalogRecord =
  /** First of all; `format` is that of the records. */
  | { readonly kind: 'cluster'; readonly clusterId: string; readonly format: number }
  | {
      readonly kind: 'topic';
      readonly name: string;
      readonly id: string;
      readonly partitions: number;
      readonly configs: TopicConfigs;
      readonly places?: readonly PartitionImage[];
    }
  /** `places` are those of the partitions that are new. */
  | {
      readonly kind: 'partitions';
      readonly id: string;
      readonly partitions: number;
      readonly places?: readonly PartitionImage[];
    }
  /** Of those partitions of the topic that have changed; one record, because a node that goes changes thousands. */
  | { readonly kind: 'places'; readonly id: string; readonly places: Readonly<Record<number, PartitionImage>> }
  /** As it is from here on, registered before or not. */
  | { readonly kind: 'node'; readonly node: NodeImage }
  | { readonly kind: 'nodeGone'; readonly id: number }
  /** All settings of the topic that aren't defaults, not only those that change. */
  | { readonly kind: 'configs'; readonly id: string; readonly configs: TopicConfigs }
  /** All settings that were changed while nodes run: of the node whose id this is as text, or of all nodes (''). */
  | { readonly kind: 'nodeConfigs'; readonly node: string; readonly configs: TopicConfigs }
  /** The topic is gone for everyone; its logs are still on disk until `erased`. */
  | { readonly kind: 'deleted'; readonly id: string }
  | { readonly kind: 'erased'; readonly id: string }
  /** Ids below `next` may have been given out. */
  | { readonly kind: 'producerIds'; readonly next: number };

/** By Kafka's names, as text. */
export type TopicConfigs = Readonly<Record<string, string>>;

export interface TopicImage {
  readonly name: string;
  /** UUID as text; a topic made anew under an old name has another. */
  readonly id: string;
  readonly partitions: number;
  readonly configs: TopicConfigs;
  /** By the partition's number. Absent where the cluster is one node, which has and leads everything. */
  readonly places?: readonly PartitionImage[];
}

export interface CatalogImage {
  readonly clusterId: string;
  readonly format: number;
  readonly topics: ReadonlyMap<string, TopicImage>;
  readonly topicsById: ReadonlyMap<string, TopicImage>;
  /** Deleted topics whose logs may still be on disk, by id. */
  readonly erasing: ReadonlyMap<string, TopicImage>;
  /** By the node's id as text, '' for all nodes; none for those that have none. */
  readonly nodeConfigs: ReadonlyMap<string, TopicConfigs>;
  /** By their ids, fenced or not. Empty where the cluster is one node. */
  readonly nodes: ReadonlyMap<number, NodeImage>;
  readonly nextProducerId: number;
}

export interface MutableCatalogImage extends CatalogImage {
  clusterId: string;
  format: number;
  readonly topics: Map<string, TopicImage>;
  readonly topicsById: Map<string, TopicImage>;
  readonly erasing: Map<string, TopicImage>;
  readonly nodeConfigs: Map<string, TopicConfigs>;
  readonly nodes: Map<number, NodeImage>;
  nextProducerId: number;
}

export const emptyImage = (): MutableCatalogImage => ({
  clusterId: '',
  format: 0,
  topics: new Map(),
  topicsById: new Map(),
  erasing: new Map(),
  nodeConfigs: new Map(),
  nodes: new Map(),
  nextProducerId: 0,
});

export function applyRecord(image: MutableCatalogImage, record: CatalogRecord): void {
  switch (record.kind) {
    case 'cluster':
      image.clusterId = record.clusterId;
      image.format = record.format;
      return;
    case 'topic': {
      const { kind: _, ...topic } = record;
      putTopic(image, topic);
      return;
    }
    case 'partitions': {
      const topic = topicOf(image, record.id);
      const places = record.places === undefined ? {} : { places: [...(topic.places ?? []), ...record.places] };
      putTopic(image, { ...topic, partitions: record.partitions, ...places });
      return;
    }
    case 'places': {
      const topic = topicOf(image, record.id);
      const places = [...(topic.places ?? [])];
      for (const [partition, place] of Object.entries(record.places)) places[Number(partition)] = place;
      assert(
        places.length === topic.partitions,
        `${topic.name} has ${topic.partitions} partitions, not ${places.length}`,
      );
      putTopic(image, { ...topic, places });
      return;
    }
    case 'node':
      image.nodes.set(record.node.id, record.node);
      return;
    case 'nodeGone':
      image.nodes.delete(record.id);
      return;
    case 'configs':
      putTopic(image, { ...topicOf(image, record.id), configs: record.configs });
      return;
    case 'nodeConfigs':
      if (Object.keys(record.configs).length === 0) image.nodeConfigs.delete(record.node);
      else image.nodeConfigs.set(record.node, record.configs);
      return;
    case 'deleted': {
      const topic = topicOf(image, record.id);
      image.topics.delete(topic.name);
      image.topicsById.delete(topic.id);
      image.erasing.set(topic.id, topic);
      return;
    }
    case 'erased':
      image.erasing.delete(record.id);
      return;
    case 'producerIds':
      image.nextProducerId = record.next;
      return;
    default:
      unreachable(record);
  }
}

/** The fewest records that give `image`. Deleted topics come first: one that lives may have taken the name. */
export function snapshotOf(image: CatalogImage): CatalogRecord[] {
  const { clusterId, format, nextProducerId } = image;
  const records: CatalogRecord[] = [
    { kind: 'cluster', clusterId, format },
    { kind: 'producerIds', next: nextProducerId },
  ];
  for (const [node, configs] of image.nodeConfigs) records.push({ kind: 'nodeConfigs', node, configs });
  for (const node of image.nodes.values()) records.push({ kind: 'node', node });
  for (const topic of image.erasing.values())
    records.push({ kind: 'topic', ...topic }, { kind: 'deleted', id: topic.id });
  for (const topic of image.topics.values()) records.push({ kind: 'topic', ...topic });
  return records;
}

function putTopic(image: MutableCatalogImage, topic: TopicImage): void {
  image.topics.set(topic.name, topic);
  image.topicsById.set(topic.id, topic);
}

function topicOf(image: CatalogImage, id: string): TopicImage {
  const topic = image.topicsById.get(id);
  assert(topic !== undefined, `catalog has no topic ${id}`);
  return topic;
}

export const encodeRecord = (record: CatalogRecord): Uint8Array => Buffer.from(JSON.stringify(record));

/** Trusts the bytes: only this module writes them, and the storage below checks its blocks. */
export const decodeRecord = (bytes: Uint8Array): CatalogRecord =>
  JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString()) as CatalogRecord;

/** What a controller or a node that is far behind is given instead of all records there have been. */
export const encodeSnapshot = (image: CatalogImage): Uint8Array => Buffer.from(JSON.stringify(snapshotOf(image)));

/** Trusts the bytes likewise. */
export function decodeSnapshot(bytes: Uint8Array): MutableCatalogImage {
  const image = emptyImage();
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString();
  for (const record of JSON.parse(text) as CatalogRecord[]) applyRecord(image, record);
  return image;
}

// What the catalog is made of: one record a change. The image is what replaying them all gives, so whatever carries the
// records (one database here, a replicated metadata log later) need not know what they mean.
import { assert, unreachable } from '../kernel/assert.ts';

export type CatalogRecord =
  /** First of all; `format` is that of the records. */
  | { readonly kind: 'cluster'; readonly clusterId: string; readonly format: number }
  | {
      readonly kind: 'topic';
      readonly name: string;
      readonly id: string;
      readonly partitions: number;
      readonly configs: TopicConfigs;
    }
  | { readonly kind: 'partitions'; readonly id: string; readonly partitions: number }
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
  readonly nextProducerId: number;
}

export interface MutableCatalogImage extends CatalogImage {
  clusterId: string;
  format: number;
  readonly topics: Map<string, TopicImage>;
  readonly topicsById: Map<string, TopicImage>;
  readonly erasing: Map<string, TopicImage>;
  readonly nodeConfigs: Map<string, TopicConfigs>;
  nextProducerId: number;
}

export const emptyImage = (): MutableCatalogImage => ({
  clusterId: '',
  format: 0,
  topics: new Map(),
  topicsById: new Map(),
  erasing: new Map(),
  nodeConfigs: new Map(),
  nextProducerId: 0,
});

export function applyRecord(image: MutableCatalogImage, record: CatalogRecord): void {
  switch (record.kind) {
    case 'cluster':
      image.clusterId = record.clusterId;
      image.format = record.format;
      return;
    case 'topic': {
      const { name, id, partitions, configs } = record;
      putTopic(image, { name, id, partitions, configs });
      return;
    }
    case 'partitions':
      putTopic(image, { ...topicOf(image, record.id), partitions: record.partitions });
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

// The metadata of a cluster that is one node: topics, their ids, partitions and settings, blocks of producer ids, the
// cluster's id. Topics have no places here, because the node has and leads everything; where there are more nodes the
// controller (controller.ts) decides, on the same records.
import { assert } from '../kernel/assert.ts';
import type { Random } from '../kernel/random.ts';
import type { StorageEngine } from '../storage/storage.ts';
import type { CatalogImage, CatalogRecord, TopicConfigs, TopicImage } from './catalog-record.ts';
import { createCommandQueue } from './command-queue.ts';
import { drawTopicId } from './draw-id.ts';
import { openLocalMetadataLog } from './local-metadata-log.ts';
import type { Refusal } from './outcome.ts';
import { nextProducerIds } from './producer-ids.ts';

export type { CatalogImage, TopicConfigs, TopicImage } from './catalog-record.ts';
export type { NodeImage } from './node-image.ts';
export type { PartitionImage } from './partition-image.ts';

export interface NewCatalogTopic {
  readonly name: string;
  readonly partitions: number;
  readonly configs: TopicConfigs;
  /** -1 for the cluster's default. A node alone has one of everything, and looks at neither. */
  readonly replicationFactor?: number;
  readonly assignments?: readonly (readonly number[])[] | null;
}

/**
 * Changes are carried out one after another. They check nothing but what would break the image: names, counts and
 * settings are the callers' to check. All reject with Fault `STORAGE_FAILED` when the database can't be written.
 */
export interface Catalog extends AsyncDisposable {
  /** As of the last change that was written. The maps are live: don't hold them across an await. */
  readonly image: CatalogImage;
  /** Null when the name is taken; a refusal where it can't be placed. */
  createTopic(topic: NewCatalogTopic): Promise<TopicImage | null | Refusal>;
  /** Null when no such topic is left. Its logs are the caller's to delete, then `topicErased`. */
  deleteTopic(id: string): Promise<TopicImage | null>;
  topicErased(id: string): Promise<void>;
  /** Resolves when the image shows all that was decided before the call, by whichever node. */
  catchUp(): Promise<void>;
  /** Null when no such topic is left or it has as many already. */
  addPartitions(
    id: string,
    partitions: number,
    assignments?: readonly (readonly number[])[] | null,
  ): Promise<TopicImage | null | Refusal>;
  /** Replaces what is set by what `change` makes of it. */
  changeConfigs(id: string, change: (configs: TopicConfigs) => TopicConfigs): Promise<TopicImage | null>;
  /** Likewise of the node whose id this is as text, or of all nodes (''). */
  changeNodeConfigs(node: string, change: (configs: TopicConfigs) => TopicConfigs): Promise<void>;
  /** A producer id that was never given out before, also not by an earlier life of the node. */
  producerId(): Promise<number>;
}

/** Of a node alone, which can place everything. */
export interface LocalCatalog extends Catalog {
  /** Of the next record of the metadata. */
  readonly nextOffset: number;
  createTopic(topic: NewCatalogTopic): Promise<TopicImage | null>;
  addPartitions(id: string, partitions: number): Promise<TopicImage | null>;
}

/** @throws Fault `STORAGE_IN_USE`, `STORAGE_FAILED`, `STORAGE_NEWER` */
export async function openCatalog({
  engine,
  random,
}: {
  engine: StorageEngine;
  random: Random;
}): Promise<LocalCatalog> {
  const log = await openLocalMetadataLog({ engine, random });
  const { image } = log;
  const queue = createCommandQueue(log);
  const change = <T>(decide: () => { record: CatalogRecord; result: () => T } | null): Promise<T | null> =>
    queue.run<T | null>(() => {
      const decision = decide();
      return decision === null
        ? { records: [], after: () => null }
        : { records: [decision.record], after: decision.result };
    });
  const topicAfter = (id: string) => () => image.topicsById.get(id)!;
  let nextProducerId = image.nextProducerId; // what was left of the last block is given up: no id may come twice

  return {
    image,
    get nextOffset() {
      return log.nextOffset;
    },
    createTopic: ({ name, partitions, configs }) =>
      change(() => {
        assert(Number.isSafeInteger(partitions) && partitions > 0, `topic of ${partitions} partitions`);
        if (image.topics.has(name)) return null;
        const id = drawTopicId(random);
        return { record: { kind: 'topic', name, id, partitions, configs }, result: topicAfter(id) };
      }),
    deleteTopic: (id) =>
      change(() => {
        const topic = image.topicsById.get(id);
        return topic === undefined ? null : { record: { kind: 'deleted', id }, result: () => topic };
      }),
    catchUp: async () => {},
    topicErased: async (id) => {
      await change(() => (image.erasing.has(id) ? { record: { kind: 'erased', id }, result: () => {} } : null));
    },
    addPartitions: (id, partitions) =>
      change(() => {
        const topic = image.topicsById.get(id);
        if (topic === undefined || topic.partitions >= partitions) return null;
        return { record: { kind: 'partitions', id, partitions }, result: topicAfter(id) };
      }),
    changeConfigs: (id, changed) =>
      change(() => {
        const topic = image.topicsById.get(id);
        if (topic === undefined) return null;
        return { record: { kind: 'configs', id, configs: changed(topic.configs) }, result: topicAfter(id) };
      }),
    changeNodeConfigs: async (node, changed) => {
      await change(() => ({
        record: { kind: 'nodeConfigs', node, configs: changed(image.nodeConfigs.get(node) ?? {}) },
        result: () => {},
      }));
    },
    async producerId() {
      while (nextProducerId >= image.nextProducerId) {
        await queue.run(() => {
          const isTaken = nextProducerId < image.nextProducerId; // another call has taken a block meanwhile
          return { records: isTaken ? [] : nextProducerIds(image).records, after: () => {} };
        });
      }
      return nextProducerId++;
    },
    async [Symbol.asyncDispose]() {
      await queue.settled();
      await log[Symbol.asyncDispose]();
    },
  };
}

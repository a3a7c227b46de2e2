// The catalog of a cluster: the image that every node follows, and changes asked of the controller in charge. A change has
// been read here when its promise is kept, so whoever asked sees it.
import type { Catalog } from '../../controller/catalog.ts';
import type { CatalogImage } from '../../controller/catalog-record.ts';
import { Fault } from '../../kernel/fault.ts';
import { isSameConfigs, type RemoteController } from './controller-link.ts';

export interface ClusterCatalogOptions {
  readonly image: CatalogImage;
  readonly controller: RemoteController;
  readonly nodeId: number;
  readonly nodeEpoch: () => number;
  readonly replicationFactorDefault: () => number;
}

export function createClusterCatalog(options: ClusterCatalogOptions): Catalog {
  const { image, controller, nodeId } = options;
  let ids = { next: 0, end: 0 };
  let taking: Promise<void> | null = null;

  async function takeProducerIds(): Promise<void> {
    const taken = await controller.allocateProducerIds({ node: nodeId, nodeEpoch: options.nodeEpoch() });
    if (!taken.ok) throw new Fault('NOT_CONTROLLER', {});
    const { first, count } = taken.value;
    ids = { next: first, end: first + count };
  }

  return {
    image,
    async createTopic({ name, partitions, configs, replicationFactor = -1, assignments = null }) {
      const where =
        assignments === null
          ? {
              partitions,
              replicationFactor: replicationFactor === -1 ? options.replicationFactorDefault() : replicationFactor,
            }
          : { assignments };
      const made = await controller.createTopic({ name, configs, where });
      if (made.ok) return image.topicsById.get(made.value.id) ?? made.value;
      return made.error === 'TOPIC_ALREADY_EXISTS' ? null : made;
    },
    async deleteTopic(id) {
      const deleted = await controller.deleteTopic(id);
      return deleted.ok ? deleted.value : null;
    },
    topicErased: (id) => controller.topicErased(id),
    catchUp: () => controller.catchUp(),
    async addPartitions(id, partitions, assignments = null) {
      const topic = image.topicsById.get(id);
      if (topic === undefined) return null;
      const grown = await controller.growTopic({ topic: topic.name, count: partitions, assignments });
      return grown.ok ? (image.topicsById.get(id) ?? grown.value) : grown;
    },
    async changeConfigs(id, change) {
      for (;;) {
        const topic = image.topicsById.get(id);
        if (topic === undefined) return null;
        const configs = change(topic.configs);
        const replaced = await controller.replaceConfigs(id, configs, topic.configs);
        // Else another has changed them meanwhile, which is in the image by now.
        if (replaced === null || isSameConfigs(replaced.configs, configs)) return image.topicsById.get(id) ?? null;
      }
    },
    async changeNodeConfigs(node, change) {
      for (;;) {
        const before = image.nodeConfigs.get(node) ?? {};
        const configs = change(before);
        if (isSameConfigs(await controller.replaceNodeConfigs(node, configs, before), configs)) return;
      }
    },
    async producerId() {
      while (ids.next >= ids.end) {
        taking ??= takeProducerIds().finally(() => {
          taking = null;
        });
        await taking;
      }
      return ids.next++;
    },
    async [Symbol.asyncDispose]() {},
  };
}

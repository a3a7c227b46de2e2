// Which partitions a node of a cluster may be written to and read from: those that its replicas say it leads or follows.
import type { CatalogImage, TopicImage } from '../../controller/catalog-record.ts';
import type { LedPartition } from '../../replication/led-partition.ts';
import type { Replicas } from '../../replication/replicas.ts';
import { type Led, notLeader, type Partitions } from '../partitions.ts';

export function clusterPartitions(image: CatalogImage, replicas: Replicas): Partitions {
  const known = new WeakMap<LedPartition, Promise<Led>>();

  const ledOf = (partition: LedPartition): Led => ({
    log: partition.log,
    leaderEpoch: partition.leaderEpoch,
    epochStartOffset: partition.epochStartOffset,
    isLeader: true,
    tenure: partition.tenure,
    get inSyncCount() {
      return partition.inSyncSet.inSync.length;
    },
    isInSync: (nodeId) => partition.inSyncSet.inSync.includes(nodeId),
    inSyncFollowers: () =>
      partition.inSyncSet.followers().filter(({ nodeId }) => partition.inSyncSet.inSync.includes(nodeId)),
    append: (records, options) => partition.append(records, options),
    // The high watermark of a log that follows another by now is about that one's records.
    replicated: (endOffset) =>
      (!partition.resigned && endOffset <= partition.log.highWatermark) || partition.replicated(endOffset),
    fetched: (fetch) => partition.fetched(fetch),
  });

  function led(topic: TopicImage, partition: number): Promise<Led> {
    const found = replicas.leading(topic.id, partition);
    if (found === null) {
      // Refused now, the first of a producer's requests would come after those behind it, which find the leader in place.
      const soon = replicas.aboutToLead(topic.id, partition);
      if (soon === null) return Promise.reject(notLeader(topic.name, partition));
      return soon.then(() => {
        const led = replicas.leading(topic.id, partition);
        if (led === null) throw notLeader(topic.name, partition);
        return taken(led);
      });
    }
    return taken(found);
  }

  function taken(found: LedPartition): Promise<Led> {
    let promise = known.get(found);
    if (promise === undefined) known.set(found, (promise = Promise.resolve(ledOf(found))));
    return promise;
  }

  return {
    led,
    async readable(topic, partition) {
      const found = replicas.leading(topic.id, partition);
      if (found !== null) return led(topic, partition);
      const following = replicas.following(topic.id, partition);
      if (following === null) throw notLeader(topic.name, partition);
      return { ...following, epochStartOffset: 0, isLeader: false };
    },
    place(topic, partition) {
      const place = topic.places?.[partition];
      if (place === undefined)
        return { leaderId: -1, leaderEpoch: -1, replicaNodes: [], isrNodes: [], offlineReplicas: [] };
      return {
        leaderId: place.leader,
        leaderEpoch: place.leaderEpoch,
        replicaNodes: [...place.replicas],
        isrNodes: [...place.inSync],
        offlineReplicas: place.replicas.filter((node) => image.nodes.get(node)?.fenced ?? true),
      };
    },
  };
}

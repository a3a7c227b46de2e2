// Who may lead what, by the image, and changes of many partitions at once. Each topic that changes gives one record, so that a
// node with thousands of partitions goes in as many records as it has topics.
import type { CatalogImage, CatalogRecord, TopicImage } from './catalog-record.ts';
import { isActive } from './node-image.ts';
import { type ElectionRules, noLeader, type PartitionImage, withoutNode } from './partition-image.ts';

export const uncleanElection = 'unclean.leader.election.enable';

/** 'unclean' only where the topic allows it: by its own setting, then by that of all nodes. */
export function electionOf(image: CatalogImage, topic: TopicImage): 'online' | 'unclean' {
  const setting = topic.configs[uncleanElection] ?? image.nodeConfigs.get('')?.[uncleanElection];
  return setting === 'true' ? 'unclean' : 'online';
}

export const rulesOf = (image: CatalogImage, topic: TopicImage): ElectionRules => ({
  election: electionOf(image, topic),
  mayLead: (node) => isActive(image.nodes.get(node)),
});

/** Looks at every partition that has a place; `change` gives null where it is to stay as it is. */
export function changePlaces(
  image: CatalogImage,
  change: (partition: PartitionImage, topic: TopicImage) => PartitionImage | null,
): CatalogRecord[] {
  const records: CatalogRecord[] = [];
  for (const topic of image.topics.values()) {
    const places: Record<number, PartitionImage> = {};
    for (const [partition, place] of (topic.places ?? []).entries()) {
      const changed = change(place, topic);
      if (changed !== null) places[partition] = changed;
    }
    if (Object.keys(places).length > 0) records.push({ kind: 'places', id: topic.id, places });
  }
  return records;
}

/** The node is in no in-sync set and leads nothing any more, but where it was the last one in sync. */
export const changesWithout = (image: CatalogImage, node: number): CatalogRecord[] =>
  changePlaces(image, (partition, topic) =>
    partition.inSync.includes(node) ? withoutNode(partition, node, rulesOf(image, topic)) : null,
  );

export function leadsAny(image: CatalogImage, node: number): boolean {
  for (const { places } of image.topics.values()) if (places?.some(({ leader }) => leader === node)) return true;
  return false;
}

export const isLeaderless = ({ leader }: PartitionImage): boolean => leader === noLeader;

// Changes of places while they are collected: each decision sees those before it in the same request, and each topic that
// changes gives one record, so that a node with thousands of partitions goes in as many records as it has topics.
import type { CatalogImage, CatalogRecord, TopicImage } from './catalog-record.ts';
import type { PartitionImage } from './partition-image.ts';

export interface PlaceChanges {
  /** With the changes so far; undefined where there is no such partition. */
  placeOf(topic: TopicImage, partition: number): PartitionImage | undefined;
  set(topic: TopicImage, partition: number, place: PartitionImage): void;
  records(): CatalogRecord[];
}

export function createPlaceChanges(): PlaceChanges {
  const byTopic = new Map<string, Record<number, PartitionImage>>();
  return {
    placeOf: (topic, partition) => byTopic.get(topic.id)?.[partition] ?? topic.places?.[partition],
    set(topic, partition, place) {
      const places = byTopic.get(topic.id);
      if (places === undefined) byTopic.set(topic.id, { [partition]: place });
      else places[partition] = place;
    },
    records: () => [...byTopic].map(([id, places]) => ({ kind: 'places', id, places })),
  };
}

/** Looks at every partition that has a place; `change` gives null where it is to stay as it is. */
export function changePlaces(
  image: CatalogImage,
  change: (partition: PartitionImage, topic: TopicImage) => PartitionImage | null,
): CatalogRecord[] {
  const changes = createPlaceChanges();
  for (const topic of image.topics.values()) {
    for (const [partition, place] of (topic.places ?? []).entries()) {
      const changed = change(place, topic);
      if (changed !== null) changes.set(topic, partition, changed);
    }
  }
  return changes.records();
}

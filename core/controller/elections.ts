// Elections by the image: who may lead, who leads when a node goes or comes back, elections that a person asks for (KIP-460),
// and those that bring leaders back to where they are preferred.
import type { CatalogImage, CatalogRecord, TopicImage } from './catalog-record.ts';
import { isActive, isWritable } from './node-image.ts';
import { type Decision, done, type Outcome, refused } from './outcome.ts';
import { changePartition, type ElectionRules, noLeader, offDisk, withoutNode } from './partition-image.ts';
import { changePlaces, createPlaceChanges, type PlaceChanges } from './place-changes.ts';

export const uncleanElection = 'unclean.leader.election.enable';

/** 'unclean' only where the topic allows it: by its own setting, then by that of all nodes. */
export function electionOf(image: CatalogImage, topic: TopicImage): 'online' | 'unclean' {
  const setting = topic.configs[uncleanElection] ?? image.nodeConfigs.get('')?.[uncleanElection];
  return setting === 'true' ? 'unclean' : 'online';
}

export const rulesOf = (image: CatalogImage, topic: TopicImage): ElectionRules => ({
  election: electionOf(image, topic),
  mayLead: (node) => isActive(image.nodes.get(node)),
  isWritable: (node) => isWritable(image.nodes.get(node)),
});

/** The node is in no in-sync set and leads nothing any more, but where it was the last one in sync. */
export const changesWithout = (image: CatalogImage, node: number): CatalogRecord[] =>
  changePlaces(image, (partition, topic) =>
    partition.inSync.includes(node) ? withoutNode(partition, node, rulesOf(image, topic)) : null,
  );

/** The node's disk takes no writes any more: the same, but what it alone is in sync with it goes on leading, for those who read. */
export const changesOffDisk = (image: CatalogImage, node: number): CatalogRecord[] =>
  changePlaces(image, (partition, topic) =>
    partition.inSync.includes(node) ? offDisk(partition, node, rulesOf(image, topic)) : null,
  );

export function leadsAny(image: CatalogImage, node: number): boolean {
  for (const { places } of image.topics.values()) if (places?.some(({ leader }) => leader === node)) return true;
  return false;
}

/** A node that is up again may be the one that partitions without a leader have waited for. */
export const changesWith = (image: CatalogImage, id: number): CatalogRecord[] =>
  changePlaces(image, (partition, topic) => {
    if (partition.leader !== noLeader) return null;
    const rules = rulesOf(image, topic);
    return changePartition(partition, {}, { ...rules, mayLead: (node) => node === id || rules.mayLead(node) });
  });

export interface ElectionRequest {
  readonly election: 'preferred' | 'unclean';
  /** Null for all partitions of all topics. */
  readonly topics: readonly { readonly topic: string; readonly partitions: readonly number[] }[] | null;
}

export interface ElectionResult {
  readonly topic: string;
  readonly partitions: readonly { readonly partition: number; readonly outcome: Outcome<null> }[];
}

/** Where all are asked for, those that need no election aren't in the answer, as in Kafka. */
export function electLeaders(
  image: CatalogImage,
  { election, topics }: ElectionRequest,
): Decision<readonly ElectionResult[]> {
  const changes = createPlaceChanges();
  const all = topics === null;
  const asked =
    topics ??
    [...image.topics.values()].map(({ name, places = [] }) => ({ topic: name, partitions: [...places.keys()] }));
  const reply = asked.map(({ topic, partitions }) => {
    const outcomes = partitions.map((partition) => ({
      partition,
      outcome: electLeader(image, { topic, partition, election }, changes),
    }));
    const isShown = ({ outcome }: { outcome: Outcome<null> }) => outcome.ok || outcome.error !== 'ELECTION_NOT_NEEDED';
    return { topic, partitions: all ? outcomes.filter(isShown) : outcomes };
  });
  return { records: changes.records(), reply: all ? reply.filter(({ partitions }) => partitions.length > 0) : reply };
}

function electLeader(
  image: CatalogImage,
  { topic: name, partition, election }: { topic: string; partition: number; election: 'preferred' | 'unclean' },
  changes: PlaceChanges,
): Outcome<null> {
  const topic = image.topics.get(name);
  if (topic === undefined) return refused('UNKNOWN_TOPIC_OR_PARTITION', `no topic '${name}'`);
  const place = changes.placeOf(topic, partition);
  if (place === undefined)
    return refused('UNKNOWN_TOPIC_OR_PARTITION', `topic '${name}' has no partition ${partition}`);
  if (election === 'preferred' ? place.leader === place.replicas[0] : place.leader !== noLeader)
    return refused('ELECTION_NOT_NEEDED', `${name}-${partition} is led by node ${place.leader} already`);
  const changed = changePartition(place, {}, { ...rulesOf(image, topic), election });
  if (changed === null) {
    return election === 'preferred'
      ? refused(
          'PREFERRED_LEADER_NOT_AVAILABLE',
          `node ${place.replicas[0]} is not up, or not in sync with ${name}-${partition}`,
        )
      : refused('ELIGIBLE_LEADERS_NOT_AVAILABLE', `no node with a replica of ${name}-${partition} is up`);
  }
  changes.set(topic, partition, changed);
  return done;
}

/**
 * Leaders go back to where they are preferred, and partitions without one get one where their topic has come to allow an
 * unclean election. For the controller to do from time to time.
 */
export const balanceLeaders = (image: CatalogImage): CatalogRecord[] =>
  changePlaces(image, (partition, topic) => {
    const { leader, replicas, inSync } = partition;
    const rules = rulesOf(image, topic);
    if (leader === noLeader) return changePartition(partition, {}, rules);
    const [preferred] = replicas;
    if (leader === preferred || !inSync.includes(preferred!) || !rules.mayLead(preferred!)) return null;
    return changePartition(partition, {}, { ...rules, election: 'preferred' });
  });

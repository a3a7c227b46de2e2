// Replicas that are moved to other nodes (KIP-455): begun and cancelled here, ended by AlterPartition when all that are wanted
// are in sync.
import type { CatalogImage } from './catalog-record.ts';
import { rulesOf } from './elections.ts';
import { type Decision, done, type Outcome, refused } from './outcome.ts';
import { cancelReassignment, isReassigning, type PartitionImage, reassign } from './partition-image.ts';
import { createPlaceChanges, type PlaceChanges } from './place-changes.ts';
import { assignmentObjection } from './placement.ts';

export interface Reassignment {
  readonly topic: string;
  readonly partition: number;
  /** The preferred leader first; null to cancel what is on. */
  readonly replicas: readonly number[] | null;
}

/** The outcome of each, in their order. */
export function alterReassignments(
  image: CatalogImage,
  asked: readonly Reassignment[],
  { allowReplicationFactorChange = true }: { readonly allowReplicationFactorChange?: boolean } = {},
): Decision<readonly Outcome<null>[]> {
  const changes = createPlaceChanges();
  const reply = asked.map((one) => alterReassignment(image, one, { changes, allowReplicationFactorChange }));
  return { records: changes.records(), reply };
}

function alterReassignment(
  image: CatalogImage,
  { topic: name, partition, replicas }: Reassignment,
  { changes, allowReplicationFactorChange }: { changes: PlaceChanges; allowReplicationFactorChange: boolean },
): Outcome<null> {
  const topic = image.topics.get(name);
  if (topic === undefined) return refused('UNKNOWN_TOPIC_OR_PARTITION', `no topic '${name}'`);
  const place = changes.placeOf(topic, partition);
  if (place === undefined)
    return refused('UNKNOWN_TOPIC_OR_PARTITION', `topic '${name}' has no partition ${partition}`);
  const rules = rulesOf(image, topic);
  if (replicas === null) {
    const cancelled = cancelReassignment(place, rules);
    if (cancelled === null)
      return refused('NO_REASSIGNMENT_IN_PROGRESS', `replicas of ${name}-${partition} are not being moved`);
    if (cancelled === 'unclean') {
      const why = `only new replicas of ${name}-${partition} are in sync, so going back would lose records; wait for the others, or allow an unclean election`;
      return refused('INVALID_REPLICA_ASSIGNMENT', why);
    }
    changes.set(topic, partition, cancelled);
    return done;
  }
  const objection = assignmentObjection(replicas, image.nodes);
  if (objection !== null) return refused('INVALID_REPLICA_ASSIGNMENT', objection);
  const before = place.replicas.filter((node) => !place.addingReplicas.includes(node)).length;
  if (!allowReplicationFactorChange && replicas.length !== before) {
    const why = `${name}-${partition} has ${before} replicas, and the request forbids another number`;
    return refused('INVALID_REPLICATION_FACTOR', why);
  }
  const changed = reassign(place, replicas, rules);
  if (changed !== null) changes.set(topic, partition, changed);
  return done;
}

/** @param topics null for all; partitions that are not there, or not being moved, are left out */
export function listReassignments(
  image: CatalogImage,
  topics: readonly { readonly topic: string; readonly partitions: readonly number[] }[] | null,
): readonly { readonly topic: string; readonly partition: number; readonly place: PartitionImage }[] {
  const asked =
    topics ??
    [...image.topics.values()].map(({ name, places = [] }) => ({ topic: name, partitions: [...places.keys()] }));
  return asked.flatMap(({ topic, partitions }) =>
    partitions.flatMap((partition) => {
      const place = image.topics.get(topic)?.places?.[partition];
      return place !== undefined && isReassigning(place) ? [{ topic, partition, place }] : [];
    }),
  );
}

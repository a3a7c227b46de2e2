// Topics as they come, grow and go: decisions over the image, by the rules of Kafka's ReplicationControlManager. What a topic
// may be called and set to is the callers' to check, for they know the settings there are; whether others have it is checked here.
import { assert } from '../kernel/assert.ts';
import type { Random } from '../kernel/random.ts';
import type { CatalogImage, CatalogRecord, TopicConfigs, TopicImage } from './catalog-record.ts';
import { nameTaken } from './name-taken.ts';
import { isActive, isWritable } from './node-image.ts';
import { type Decision, type Outcome, refused } from './outcome.ts';
import { newPartition, type PartitionImage } from './partition-image.ts';
import { assignmentObjection, placeReplicas } from './placement.ts';

export interface TopicRequest {
  readonly name: string;
  /** Drawn by the caller; another for each topic there ever was. */
  readonly id: string;
  readonly configs: TopicConfigs;
  readonly where:
    | { readonly partitions: number; readonly replicationFactor: number }
    /** Replicas of each partition, by its number; the preferred leader first. */
    | { readonly assignments: readonly (readonly number[])[] };
}

export interface GrowRequest {
  readonly topic: string;
  /** Of partitions, old and new. */
  readonly count: number;
  /** Of the new ones; null to have them placed. */
  readonly assignments: readonly (readonly number[])[] | null;
}

export function createTopic(
  image: CatalogImage,
  { name, id, configs, where }: TopicRequest,
  random: Random,
): Outcome<Decision<TopicImage>> {
  assert(!image.topicsById.has(id), `topic id ${id} is taken`);
  const taken = nameTaken(name, image);
  if (taken !== null) return taken;
  const partitions = 'assignments' in where ? where.assignments.length : where.partitions;
  if (!Number.isSafeInteger(partitions) || partitions < 1)
    return refused('INVALID_PARTITIONS', `a topic has at least one partition, not ${partitions}`);
  const placed =
    'assignments' in where
      ? placesAssigned(image, where.assignments, where.assignments[0]!.length)
      : placesFound(image, { ...where, random });
  if (!placed.ok) return placed;
  const topic: TopicImage = { name, id, partitions, configs, places: placed.value };
  return { ok: true, value: { records: [{ kind: 'topic', ...topic }], reply: topic } };
}

/** The reply is the topic as it will be. */
export function growTopic(
  image: CatalogImage,
  { topic: name, count, assignments }: GrowRequest,
  random: Random,
): Outcome<Decision<TopicImage>> {
  const topic = image.topics.get(name);
  if (topic === undefined) return refused('UNKNOWN_TOPIC_OR_PARTITION', `no topic '${name}'`);
  const { id, partitions, places = [] } = topic;
  if (count <= partitions) {
    const why = count === partitions ? 'has as many already' : 'has more, and none can be taken away';
    return refused('INVALID_PARTITIONS', `${count} partitions: topic '${name}' ${why} (${partitions})`);
  }
  if (assignments !== null && assignments.length !== count - partitions) {
    const why = `${count - partitions} partitions are added, and replicas of ${assignments.length} are given`;
    return refused('INVALID_REPLICA_ASSIGNMENT', why);
  }
  const existing = places.map(wantedReplicas);
  const replicationFactor = existing[0]?.length ?? 1;
  const placed =
    assignments === null
      ? placesFound(image, { partitions: count - partitions, replicationFactor, existing, random })
      : placesAssigned(image, assignments, replicationFactor);
  if (!placed.ok) return placed;
  const record: CatalogRecord = { kind: 'partitions', id, partitions: count, places: placed.value };
  const reply = { ...topic, partitions: count, places: [...places, ...placed.value] };
  return { ok: true, value: { records: [record], reply } };
}

/** The reply is the topic as it was: its logs are still to be erased. */
export function deleteTopic(image: CatalogImage, id: string): Outcome<Decision<TopicImage>> {
  const topic = image.topicsById.get(id);
  if (topic === undefined) return refused('UNKNOWN_TOPIC_ID', `no topic has the id ${id}`);
  return { ok: true, value: { records: [{ kind: 'deleted', id }], reply: topic } };
}

/** Without those that are to go. */
export const wantedReplicas = ({ replicas, removingReplicas }: PartitionImage): readonly number[] =>
  replicas.filter((node) => !removingReplicas.includes(node));

function placesFound(
  image: CatalogImage,
  request: Omit<Parameters<typeof placeReplicas>[0], 'nodes'>,
): Outcome<readonly PartitionImage[]> {
  const placed = placeReplicas({ ...request, nodes: image.nodes.values() });
  if (!placed.ok) return placed;
  return { ok: true, value: placed.value.map((replicas) => newPartition(replicas, upOf(image, replicas))) };
}

function placesAssigned(
  image: CatalogImage,
  assignments: readonly (readonly number[])[],
  replicationFactor: number,
): Outcome<readonly PartitionImage[]> {
  const places: PartitionImage[] = [];
  for (const replicas of assignments) {
    const objection = assignmentObjection(replicas, image.nodes, replicationFactor);
    if (objection !== null) return refused('INVALID_REPLICA_ASSIGNMENT', objection);
    const up = upOf(image, replicas);
    if (up.length === 0)
      return refused('INVALID_REPLICA_ASSIGNMENT', `none of the nodes ${replicas.join(', ')} is up, so none can lead`);
    places.push(newPartition(replicas, up));
  }
  return { ok: true, value: places };
}

/** Those that can write, where there are any. */
function upOf(image: CatalogImage, replicas: readonly number[]): readonly number[] {
  const up = replicas.filter((node) => isActive(image.nodes.get(node)));
  const writable = up.filter((node) => isWritable(image.nodes.get(node)));
  return writable.length > 0 ? writable : up;
}

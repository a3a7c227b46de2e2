// AlterPartition: a leader says who is in sync with it, and the controller has the last word (KIP-497, KIP-841). A leader that
// has been replaced, or that decides on an old picture, is refused by the epochs; a node that is down or has begun anew since is
// not taken in, whatever the leader has seen of it before.
import type { CatalogImage, TopicImage } from './catalog-record.ts';
import { rulesOf } from './elections.ts';
import { nodeEpochObjection } from './members.ts';
import { isWritable } from './node-image.ts';
import { type Decision, type Outcome, type Refusal, refused } from './outcome.ts';
import { changePartition, noLeader, type PartitionImage, withoutCopy } from './partition-image.ts';
import { createPlaceChanges } from './place-changes.ts';

export interface InSyncNode {
  readonly nodeId: number;
  /** -1 where the leader does not know it. */
  readonly nodeEpoch: number;
}

export interface InSyncChange {
  readonly topicId: string;
  readonly partition: number;
  readonly leaderEpoch: number;
  readonly partitionEpoch: number;
  readonly inSync: readonly InSyncNode[];
}

export interface InSyncRequest {
  /** Who asks: the leader of all of them. */
  readonly node: number;
  readonly nodeEpoch: number;
  readonly changes: readonly InSyncChange[];
}

/** The outcome of each change, in their order: the partition as it will be. */
export function alterPartitions(
  image: CatalogImage,
  { node, nodeEpoch, changes: asked }: InSyncRequest,
): Outcome<Decision<readonly Outcome<PartitionImage>[]>> {
  const stale = nodeEpochObjection(image, node, nodeEpoch);
  if (stale !== null) return stale;
  const changes = createPlaceChanges();
  const reply = asked.map((change): Outcome<PartitionImage> => {
    const topic = image.topicsById.get(change.topicId);
    if (topic === undefined) return refused('UNKNOWN_TOPIC_ID', `no topic has the id ${change.topicId}`);
    const place = changes.placeOf(topic, change.partition);
    if (place === undefined) {
      return refused('UNKNOWN_TOPIC_OR_PARTITION', `topic '${topic.name}' has no partition ${change.partition}`);
    }
    const objection = epochObjection(place, node, change) ?? inSyncObjection(image, topic, place, change);
    if (objection !== null) return objection;
    const named = change.inSync.map(({ nodeId }) => nodeId);
    // A leader whose disk takes no writes goes as soon as another is there to lead.
    const writable = named.filter((node) => isWritable(image.nodes.get(node)));
    const inSync = writable.length > 0 ? writable : named;
    const changed = changePartition(place, { inSync }, rulesOf(image, topic)) ?? place;
    if (changed !== place) changes.set(topic, change.partition, changed);
    // It ended a move of replicas that the leader itself was to go in. The change holds all the same.
    if (changed.leader !== node)
      return refused('NEW_LEADER_ELECTED', `node ${changed.leader} leads ${topic.name}-${change.partition} now`);
    return { ok: true, value: changed };
  });
  return { ok: true, value: { records: changes.records(), reply } };
}

function epochObjection(place: PartitionImage, node: number, change: InSyncChange): Refusal | null {
  const { leader, leaderEpoch, partitionEpoch } = place;
  // Whoever knows more than the controller in charge talks to one that isn't in charge any more.
  if (change.leaderEpoch > leaderEpoch || change.partitionEpoch > partitionEpoch)
    return refused('NOT_CONTROLLER', 'the request knows of later changes than this controller; ask the one in charge');
  if (change.leaderEpoch < leaderEpoch)
    return refused('FENCED_LEADER_EPOCH', `the leader epoch is ${leaderEpoch}, not ${change.leaderEpoch}`);
  if (leader !== node) return refused('INVALID_REQUEST', `node ${leader} leads the partition, not ${node}`);
  if (change.partitionEpoch < partitionEpoch)
    return refused('INVALID_UPDATE_VERSION', `the partition epoch is ${partitionEpoch}, not ${change.partitionEpoch}`);
  return null;
}

function inSyncObjection(
  image: CatalogImage,
  topic: TopicImage,
  place: PartitionImage,
  { partition, inSync }: InSyncChange,
): Refusal | null {
  const ids = inSync.map(({ nodeId }) => nodeId);
  const stranger = ids.find((id) => !place.replicas.includes(id));
  if (stranger !== undefined)
    return refused('INVALID_REQUEST', `node ${stranger} has no replica of ${topic.name}-${partition}`);
  if (new Set(ids).size !== ids.length) return refused('INVALID_REQUEST', 'a node is named more than once');
  if (!ids.includes(place.leader)) return refused('INVALID_REQUEST', 'the leader is always in sync with itself');
  for (const { nodeId, nodeEpoch } of inSync) {
    const offline = nodeId !== place.leader && !isWritable(image.nodes.get(nodeId));
    const why = offline ? 'has a disk that takes no writes' : ineligible(image, nodeId, nodeEpoch);
    if (why !== null) return refused('INELIGIBLE_REPLICA', `node ${nodeId} ${why}, so it can't be in sync`);
  }
  return null;
}

function ineligible(image: CatalogImage, id: number, epoch: number): string | null {
  const node = image.nodes.get(id);
  if (node === undefined) return 'is not registered';
  if (node.fenced) return 'is fenced';
  if (node.inControlledShutdown) return 'is shutting down';
  if (epoch !== -1 && node.epoch !== epoch) return 'has registered anew since';
  return null;
}

export interface DamagedCopy {
  readonly node: number;
  readonly nodeEpoch: number;
  readonly topicId: string;
  readonly partition: number;
}

/** Ours, beside what Kafka has: a node asks to be out of sync because its copy is damaged. Refused where no other could lead. */
export function dropDamagedCopy(image: CatalogImage, damaged: DamagedCopy): Outcome<Decision<null>> {
  const { node, nodeEpoch, topicId, partition } = damaged;
  const stale = nodeEpochObjection(image, node, nodeEpoch);
  if (stale !== null) return stale;
  const topic = image.topicsById.get(topicId);
  if (topic === undefined) return refused('UNKNOWN_TOPIC_ID', `no topic has the id ${topicId}`);
  const changes = createPlaceChanges();
  const place = changes.placeOf(topic, partition);
  if (place === undefined || !place.replicas.includes(node))
    return refused('INVALID_REQUEST', `node ${node} has no replica of ${topic.name}-${partition}`);
  const changed = withoutCopy(place, node, rulesOf(image, topic));
  if (changed.leader === noLeader || changed.inSync.includes(node))
    return refused('INELIGIBLE_REPLICA', `no other node has all of ${topic.name}-${partition}`);
  changes.set(topic, partition, changed);
  return { ok: true, value: { records: changes.records(), reply: null } };
}

// Which nodes are in the cluster and which of them are up: registration, heartbeats, fencing, controlled shutdown, by the
// rules of Kafka's ClusterControlManager and BrokerHeartbeatManager. A node moves from fenced to unfenced to controlled
// shutdown to gone; what it is now is in the image, and what was heard of it lately is handed in (sessions.ts keeps it).
import type { CatalogImage, CatalogRecord } from './catalog-record.ts';
import { changesOffDisk, changesWith, changesWithout, leadsAny } from './elections.ts';
import { isActive, isWritable, type NodeImage, type NodeState } from './node-image.ts';
import { type Decision, type Outcome, type Refusal, refused } from './outcome.ts';

/** What nodes have said lately: not in the image, and begun anew by each controller. */
export interface Hearing {
  /** Whether the node was heard of within its session. */
  hasSession(node: number): boolean;
  /** Whether it said something in the last half of a session: one that died has a session for a while yet. */
  isHeard(node: number): boolean;
  /** How far all nodes that are up have read the metadata; infinity where none is. */
  readonly lowestOffset: number;
  /** Offset of the last record that moved leaders off a node that wants to shut down; -1 where that isn't known. */
  shutdownOffset(node: number): number;
}

export interface Registration {
  /** Null where the node knows none yet. */
  readonly clusterId: string | null;
  readonly node: Omit<NodeImage, NodeState>;
}

/**
 * Takes a node in, fenced until it has read the metadata up to here.
 *
 * @param nextOffset of the first record that the decision gives: it becomes the node's epoch, as in Kafka
 */
export function registerNode(
  image: CatalogImage,
  { clusterId, node }: Registration,
  { hearing, nextOffset }: { readonly hearing: Hearing; readonly nextOffset: number },
): Outcome<Decision<{ readonly epoch: number }>> {
  if (clusterId !== null && clusterId !== image.clusterId)
    return refused('INCONSISTENT_CLUSTER_ID', `this is cluster ${image.clusterId}, not ${clusterId}`);
  const known = image.nodes.get(node.id);
  if (known?.incarnation === node.incarnation) {
    const { epoch, fenced, inControlledShutdown } = known;
    const offline = isWritable(known) ? {} : { offlineLogDir: true };
    const record: CatalogRecord = { kind: 'node', node: { ...node, epoch, fenced, inControlledShutdown, ...offline } };
    return { ok: true, value: { records: [record], reply: { epoch } } };
  }
  if (known !== undefined && !known.fenced && hearing.hasSession(node.id)) {
    const why = `node ${node.id} is registered and alive; give this one another id, or wait until that one's session has ended`;
    return refused('DUPLICATE_BROKER_REGISTRATION', why);
  }
  // A new life may have lost what the one before had not yet on disk, so it isn't in sync until it has caught up.
  const moves = known === undefined ? [] : changesWithout(image, node.id);
  const record: CatalogRecord = {
    kind: 'node',
    node: { ...node, epoch: nextOffset, fenced: true, inControlledShutdown: false },
  };
  return { ok: true, value: { records: [...moves, record], reply: { epoch: nextOffset } } };
}

export interface Heartbeat {
  readonly node: number;
  readonly epoch: number;
  /** The last offset of the metadata that the node has applied. */
  readonly metadataOffset: number;
  readonly wantFence: boolean;
  readonly wantShutDown: boolean;
  /** The node's disk takes no writes. */
  readonly offlineLogDir?: boolean;
}

export interface HeartbeatReply {
  readonly isCaughtUp: boolean;
  readonly isFenced: boolean;
  readonly shouldShutDown: boolean;
}

type Standing = 'fenced' | 'unfenced' | 'controlledShutdown' | 'shutdownNow';

export function hearNode(
  image: CatalogImage,
  heartbeat: Heartbeat,
  hearing: Hearing,
): Outcome<Decision<HeartbeatReply>> {
  const node = image.nodes.get(heartbeat.node);
  if (node === undefined) return refused('BROKER_ID_NOT_REGISTERED', `no node ${heartbeat.node} is registered`);
  const stale = nodeEpochObjection(image, node.id, heartbeat.epoch);
  if (stale !== null) return stale;
  const now = stateOf(node);
  const next = nextState(image, node, heartbeat, hearing);
  const reply = {
    isCaughtUp: heartbeat.metadataOffset >= node.epoch,
    isFenced: next === 'fenced' || next === 'shutdownNow',
    shouldShutDown: next === 'shutdownNow',
  };
  const records = now === next ? diskRecords(image, node, heartbeat) : recordsFor(image, node, next);
  return { ok: true, value: { records, reply } };
}

/** The node's session has ended, or its disk has failed. */
export function fenceNode(image: CatalogImage, id: number): readonly CatalogRecord[] {
  const node = image.nodes.get(id);
  return node === undefined || node.fenced ? [] : recordsFor(image, node, 'fenced');
}

/** Requests that a node makes of the controller carry its epoch: those of a life that has ended are refused. */
export function nodeEpochObjection(image: CatalogImage, id: number, epoch: number): Refusal | null {
  const node = image.nodes.get(id);
  if (node === undefined) return refused('STALE_BROKER_EPOCH', `no node ${id} is registered; register it first`);
  if (node.epoch === epoch) return null;
  return refused('STALE_BROKER_EPOCH', `node ${id} has registered anew since, with epoch ${node.epoch}`);
}

/** Its replicas stay where they are, without it, until they are moved. */
export function unregisterNode(image: CatalogImage, id: number): Outcome<Decision<null>> {
  if (!image.nodes.has(id)) return refused('BROKER_ID_NOT_REGISTERED', `no node ${id} is registered`);
  return { ok: true, value: { records: [...changesWithout(image, id), { kind: 'nodeGone', id }], reply: null } };
}

function stateOf({ fenced, inControlledShutdown }: NodeImage): Standing {
  if (fenced) return 'fenced';
  return inControlledShutdown ? 'controlledShutdown' : 'unfenced';
}

function nextState(image: CatalogImage, node: NodeImage, heartbeat: Heartbeat, hearing: Hearing): Standing {
  const { wantFence, wantShutDown, metadataOffset } = heartbeat;
  const now = stateOf(node);
  if (now === 'fenced') {
    if (wantShutDown) return 'shutdownNow';
    return !wantFence && metadataOffset >= node.epoch ? 'unfenced' : 'fenced';
  }
  if (now === 'unfenced') {
    if (wantFence) return wantShutDown ? 'shutdownNow' : 'fenced';
    if (!wantShutDown || !isReplaceable(image, node.id, hearing)) return 'unfenced';
    return leadsAny(image, node.id) ? 'controlledShutdown' : 'shutdownNow';
  }
  // The nodes that lead now must know that they do before the one that led is gone.
  const isMoved = !leadsAny(image, node.id) && hearing.shutdownOffset(node.id) <= hearing.lowestOffset;
  return isMoved ? 'shutdownNow' : 'controlledShutdown';
}

/**
 * Whether somebody who is surely there is in sync wherever this node is, or nobody else at all. Else a node that has just lost
 * its power, and with it what wasn't on disk yet, would be left as the last in sync.
 */
function isReplaceable(image: CatalogImage, id: number, hearing: Hearing): boolean {
  const isThere = (other: number) => other !== id && isActive(image.nodes.get(other)) && hearing.isHeard(other);
  for (const { places = [] } of image.topics.values()) {
    for (const { inSync } of places)
      if (inSync.length > 1 && inSync.includes(id) && !inSync.some(isThere)) return false;
  }
  return true;
}

/** As handleDirectoriesOffline of Kafka's ReplicationControlManager. A change that comes with another waits for the next heartbeat. */
function diskRecords(
  image: CatalogImage,
  node: NodeImage,
  { offlineLogDir = false }: Heartbeat,
): readonly CatalogRecord[] {
  if (offlineLogDir === !isWritable(node)) return [];
  const record: CatalogRecord = { kind: 'node', node: { ...node, offlineLogDir } };
  return offlineLogDir ? [record, ...changesOffDisk(image, node.id)] : [record];
}

function recordsFor(image: CatalogImage, node: NodeImage, next: Standing): readonly CatalogRecord[] {
  const is = (fenced: boolean, inControlledShutdown: boolean): CatalogRecord => ({
    kind: 'node',
    node: { ...node, fenced, inControlledShutdown },
  });
  switch (next) {
    case 'unfenced':
      return [is(false, false), ...changesWith(image, node.id)];
    case 'controlledShutdown':
      return [is(false, true), ...changesWithout(image, node.id)];
    case 'fenced':
    case 'shutdownNow':
      return node.fenced ? [] : [...changesWithout(image, node.id), is(true, false)];
  }
}

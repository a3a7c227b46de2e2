// Which nodes get the replicas of new partitions, after Kafka's StripedReplicaPlacer: racks in turn, and in each rack its nodes
// in turn, both beginning one further with every partition. So replicas of a partition are in as many racks as there are, and
// the leaders of a node that fails are spread over the others. Nodes that are up come before those that aren't, and the first
// replica is on one that is up.
//
// Kafka's stripes move on by one node with every partition; here they also move on with every round of the racks. Else a rack
// that has its turn to lead is always at the same node, where there are as many nodes in a rack as racks: three nodes of nine
// would lead everything.
import type { Random } from '../kernel/random.ts';
import { isWritable, type NodeImage } from './node-image.ts';
import { type Outcome, refused } from './outcome.ts';

export interface PlacementRequest {
  readonly partitions: number;
  readonly replicationFactor: number;
  readonly nodes: Iterable<NodeImage>;
  readonly random: Random;
  /** Replicas of the topic's partitions so far, so that new ones go on where the last one ended. */
  readonly existing?: readonly (readonly number[])[];
}

/** A replica list for each partition. */
export function placeReplicas(request: PlacementRequest): Outcome<readonly (readonly number[])[]> {
  const { partitions, replicationFactor } = request;
  const staying = [...request.nodes].filter((node) => !node.inControlledShutdown).map(asPlaced);
  const nodes = staying.sort((a, b) => a.id - b.id);
  if (replicationFactor < 1)
    return refused('INVALID_REPLICATION_FACTOR', `a partition has at least one replica, not ${replicationFactor}`);
  if (nodes.every(({ fenced }) => fenced))
    return refused('INVALID_REPLICATION_FACTOR', 'no node is up that could lead; start one');
  if (nodes.length < replicationFactor) {
    const are = nodes.length === 1 ? 'only one node is' : `only ${nodes.length} nodes are`;
    const why = `${are} there to take ${replicationFactor} replicas; ask for fewer, or add nodes`;
    return refused('INVALID_REPLICATION_FACTOR', why);
  }
  const stripes = createStripes({ ...request, nodes });
  return { ok: true, value: Array.from({ length: partitions }, () => stripes.next(replicationFactor)) };
}

/** One that can't write is taken as those that are down are: last. */
const asPlaced = (node: NodeImage): NodeImage => (isWritable(node) ? node : { ...node, fenced: true });

/** Null where a person may place a partition so. */
export function assignmentObjection(
  replicas: readonly number[],
  nodes: ReadonlyMap<number, NodeImage>,
  replicationFactor?: number,
): string | null {
  if (replicas.length === 0) return 'a partition needs at least one replica';
  const unknown = replicas.find((node) => !nodes.has(node));
  if (unknown !== undefined) return `no node ${unknown} is registered`;
  const twice = replicas.find((node, i) => replicas.indexOf(node) !== i);
  if (twice !== undefined) return `node ${twice} is named more than once`;
  if (replicationFactor !== undefined && replicas.length !== replicationFactor)
    return `partitions of one topic have the same number of replicas: ${replicationFactor}, not ${replicas.length}`;
  return null;
}

/** Nodes that are taken in turn. */
interface Ring {
  nodes: readonly number[];
  /** Where the first partition begins, by the index in `nodes`. */
  readonly offset: number;
  /** Where this partition begins, and how many it has taken. */
  begin: number;
  taken: number;
}

interface Rack {
  readonly up: Ring;
  readonly fenced: Ring;
}

function createStripes({ nodes, random, existing = [] }: PlacementRequest & { readonly nodes: readonly NodeImage[] }) {
  const rackOf = new Map(nodes.map(({ id, rack }) => [id, rack]));
  let racks = [...new Set(rackOf.values())].sort(byName).map((name) => rackNamed(name));
  const upCount = nodes.filter(({ fenced }) => !fenced).length;
  const rackOffset = firstRack();
  let placed = 0;

  function rackNamed(name: string | null): Rack & { readonly name: string | null } {
    const inRack = nodes.filter(({ rack }) => rack === name);
    const up = inRack.filter(({ fenced }) => !fenced).map(({ id }) => id);
    const fenced = inRack.filter((node) => node.fenced).map(({ id }) => id);
    return { name, up: ring(up, lastUsed(up, name)), fenced: ring(fenced, -1) };
  }

  /** Where in `ids` the newest partition with a replica in the rack has its first such replica; -1 for nowhere. */
  function lastUsed(ids: readonly number[], rack: string | null): number {
    const partition = existing.findLast((replicas) => replicas.some((node) => rackOf.get(node) === rack));
    return ids.indexOf(partition?.find((node) => rackOf.get(node) === rack) ?? -1);
  }

  function ring(ids: readonly number[], last: number): Ring {
    const offset = ids.length === 0 ? 0 : last >= 0 ? (last + 1) % ids.length : random.integer(ids.length);
    return { nodes: ids, offset, begin: offset, taken: 0 };
  }

  function firstRack(): number {
    const leader = existing.at(-1)?.[0];
    const last =
      leader === undefined || !rackOf.has(leader) ? -1 : racks.findIndex(({ name }) => name === rackOf.get(leader));
    return last < 0 ? random.integer(racks.length) : (last + 1) % racks.length;
  }

  function advance(): void {
    const isRepeating = placed > 0 && placed % upCount === 0;
    if (isRepeating) racks = shuffled(racks, random);
    const step = (placed % racks.length) + Math.floor(placed / racks.length);
    for (const one of racks.flatMap(({ up, fenced }) => [up, fenced])) {
      // After as many partitions as nodes the stripes would come again, always with the same nodes together.
      if (isRepeating) one.nodes = shuffled(one.nodes, random);
      one.begin = one.offset + step;
      one.taken = 0;
    }
  }

  function next(replicationFactor: number): readonly number[] {
    advance();
    const start = (rackOffset + placed) % racks.length;
    let leaderRack = start;
    while (racks[leaderRack]!.up.nodes.length === 0) leaderRack = (leaderRack + 1) % racks.length;
    const replicas = [take(racks[leaderRack]!.up)!];
    // The rack of the leader has had its turn in the first round, wherever that began.
    let turn = start;
    let skip = true;
    while (replicas.length < replicationFactor) {
      const rack = racks[turn]!;
      const isLeaders = turn === leaderRack;
      turn = (turn + 1) % racks.length;
      if (isLeaders && skip) {
        skip = false;
        continue;
      }
      const node = take(rack.up) ?? take(rack.fenced);
      if (node !== undefined) replicas.push(node);
    }
    placed++;
    return replicas;
  }

  return { next };
}

function take(ring: Ring): number | undefined {
  if (ring.taken >= ring.nodes.length) return undefined;
  return ring.nodes[(ring.begin + ring.taken++) % ring.nodes.length];
}

function byName(a: string | null, b: string | null): number {
  if (a === b) return 0;
  return a === null || (b !== null && a < b) ? -1 : 1;
}

function shuffled<T>(items: readonly T[], random: Random): T[] {
  const all = [...items];
  for (let i = all.length - 1; i > 0; i--) {
    const other = random.integer(i + 1);
    [all[i], all[other]] = [all[other]!, all[i]!];
  }
  return all;
}

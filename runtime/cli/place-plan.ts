// Which order of replicas moves leaders where they are wanted: the first replica is the preferred leader, and no record
// moves for it. Nothing is asked of a cluster here.
import type { PartitionPlace, Reassignment } from '../../core/client/index.ts';
import type { TopicPartition } from '../../core/kernel/ids.ts';
import { partitionName } from '../../core/kernel/ids.ts';

/** Copies that come and those that go are both among its replicas: any order of them would end its move, and keep them all. */
function movingAmong(moving: readonly TopicPartition[]): (place: TopicPartition) => boolean {
  const names = new Set(moving.map(partitionName));
  return (place) => names.has(partitionName(place));
}

/**
 * Partitions that `node` leads or would lead, with it last, and first whoever leads least of those in sync. Those of which
 * it has the only copy stay, and those that move.
 */
export function drained(
  places: readonly PartitionPlace[],
  node: number,
  moving: readonly TopicPartition[] = [],
): readonly Reassignment[] {
  const isMoving = movingAmong(moving);
  const leads = new Map<number, number>();
  for (const { leader } of places) leads.set(leader, (leads.get(leader) ?? 0) + 1);
  return places
    .filter(({ replicas }) => replicas.length > 1 && replicas.includes(node))
    .filter((place) => !isMoving(place))
    .filter(({ leader, replicas }) => leader === node || replicas[0] === node)
    .map(({ topic, partition, replicas, inSync }) => {
      const burden = (other: number) => (inSync.includes(other) ? 0 : places.length + 1) + (leads.get(other) ?? 0);
      const others = replicas.filter((replica) => replica !== node).sort((a, b) => burden(a) - burden(b));
      leads.set(others[0]!, (leads.get(others[0]!) ?? 0) + 1);
      return { topic, partition, replicas: [...others, node] };
    });
}

/** Spreads each topic's leaders over the nodes that have it, and those of all topics over all nodes. What moves stays. */
export function balanced(
  places: readonly PartitionPlace[],
  moving: readonly TopicPartition[] = [],
): readonly Reassignment[] {
  const isMoving = movingAmong(moving);
  const ofAll = new Map<number, number>();
  const ofTopic = new Map<string, number>();
  const moves: Reassignment[] = [];
  for (const place of places) {
    const { topic, partition, replicas, inSync } = place;
    const load = (node: number) => (ofTopic.get(`${topic} ${node}`) ?? 0) * places.length + (ofAll.get(node) ?? 0);
    const ready = isMoving(place) ? [] : replicas.filter((node) => inSync.includes(node));
    const [first = replicas[0]!] = [...ready].sort((a, b) => load(a) - load(b));
    ofAll.set(first, (ofAll.get(first) ?? 0) + 1);
    ofTopic.set(`${topic} ${first}`, (ofTopic.get(`${topic} ${first}`) ?? 0) + 1);
    if (replicas[0] !== first)
      moves.push({ topic, partition, replicas: [first, ...replicas.filter((node) => node !== first)] });
  }
  return moves;
}

// Which order of replicas moves leaders where they are wanted: the first replica is the preferred leader, and no record
// moves for it. Nothing is asked of a cluster here.
import type { PartitionPlace, Reassignment } from '../../core/client/index.ts';

/**
 * Partitions that `node` leads or would lead, with it last, and first whoever leads least of those in sync. Those of which
 * it has the only copy stay.
 */
export function drained(places: readonly PartitionPlace[], node: number): readonly Reassignment[] {
  const leads = new Map<number, number>();
  for (const { leader } of places) leads.set(leader, (leads.get(leader) ?? 0) + 1);
  return places
    .filter(({ replicas }) => replicas.length > 1 && replicas.includes(node))
    .filter(({ leader, replicas }) => leader === node || replicas[0] === node)
    .map(({ topic, partition, replicas, inSync }) => {
      const burden = (other: number) => (inSync.includes(other) ? 0 : places.length + 1) + (leads.get(other) ?? 0);
      const others = replicas.filter((replica) => replica !== node).sort((a, b) => burden(a) - burden(b));
      leads.set(others[0]!, (leads.get(others[0]!) ?? 0) + 1);
      return { topic, partition, replicas: [...others, node] };
    });
}

/** Spreads each topic's leaders over the nodes that have it, and those of all topics over all nodes. */
export function balanced(places: readonly PartitionPlace[]): readonly Reassignment[] {
  const ofAll = new Map<number, number>();
  const ofTopic = new Map<string, number>();
  const moves: Reassignment[] = [];
  for (const { topic, partition, replicas, inSync } of places) {
    const load = (node: number) => (ofTopic.get(`${topic} ${node}`) ?? 0) * places.length + (ofAll.get(node) ?? 0);
    const ready = replicas.filter((node) => inSync.includes(node));
    const [first = replicas[0]!] = [...ready].sort((a, b) => load(a) - load(b));
    ofAll.set(first, (ofAll.get(first) ?? 0) + 1);
    ofTopic.set(`${topic} ${first}`, (ofTopic.get(`${topic} ${first}`) ?? 0) + 1);
    if (replicas[0] !== first)
      moves.push({ topic, partition, replicas: [first, ...replicas.filter((node) => node !== first)] });
  }
  return moves;
}

// Copies that move no faster than a rate (KIP-73), as Kafka's `kafka-reassign-partitions --throttle`: which replicas are
// throttled is said of the topic, the rate of each node. What is set here is taken back here, whatever happens meanwhile.
import type { Admin, PartitionPlace, Reassignment } from '../../core/client/index.ts';

export interface ThrottledMove {
  readonly topic: string;
  /** Before the move. */
  readonly places: readonly PartitionPlace[];
  readonly moves: readonly Reassignment[];
  /** Bytes a second, of each node. */
  readonly rate: number;
}

const rates = ['leader.replication.throttled.rate', 'follower.replication.throttled.rate'] as const;
const sides = { leader: 'leader.replication.throttled.replicas', follower: 'follower.replication.throttled.replicas' };

/** Those that have a partition may lead it while it moves; those that are to get it are filled. */
export function throttledReplicas({ places, moves }: Pick<ThrottledMove, 'places' | 'moves'>) {
  const leader: string[] = [];
  const follower: string[] = [];
  for (const { partition, replicas } of moves) {
    const having = places.find((place) => place.partition === partition)?.replicas ?? [];
    leader.push(...having.map((node) => `${partition}:${node}`));
    follower.push(...(replicas ?? []).filter((node) => !having.includes(node)).map((node) => `${partition}:${node}`));
  }
  return { leader: leader.join(','), follower: follower.join(',') };
}

export async function throttled(admin: Admin, asked: ThrottledMove, move: () => Promise<void>): Promise<void> {
  const { topic, places, moves, rate } = asked;
  const nodes = new Set([...places, ...moves].flatMap(({ replicas }) => replicas ?? []));
  const setRates = (value: string | null) =>
    allOf(
      [...nodes].map((node) =>
        admin.alterConfigs(
          { kind: 'node', name: String(node) },
          Object.fromEntries(rates.map((name) => [name, value])),
        ),
      ),
    );
  const setReplicas = (leader: string | null, follower: string | null) =>
    admin.alterConfigs({ kind: 'topic', name: topic }, { [sides.leader]: leader, [sides.follower]: follower });
  const { leader, follower } = throttledReplicas(asked);
  try {
    await setRates(String(rate));
    await setReplicas(leader, follower);
    await move();
  } finally {
    await allOf([setReplicas(null, null), setRates(null)]);
  }
}

/** Waits for each, also where one has failed: the topic may be gone, or a node be down. */
async function allOf(asked: readonly Promise<unknown>[]): Promise<void> {
  const failed = (await Promise.allSettled(asked)).find((one) => one.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
}

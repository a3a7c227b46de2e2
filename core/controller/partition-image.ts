// Where a partition is and who leads it, and every way in which that may change: pure functions from one image to the next.
// They are those of Kafka's PartitionChangeBuilder, in its order: a move of replicas that can end ends, then a leader is
// elected, then the epochs go up. Nobody else makes an image of a partition, so nobody else has to know the rules.

export interface PartitionImage {
  /** The first is the preferred leader. While replicas are moved: those wanted, then those that are to go. */
  readonly replicas: readonly number[];
  readonly addingReplicas: readonly number[];
  readonly removingReplicas: readonly number[];
  /** Never empty: the last one stays in it while it is away, because only it has all that was acknowledged. */
  readonly inSync: readonly number[];
  /** -1 for none. */
  readonly leader: number;
  /** Goes up when the leader changes and when a replica is taken away. */
  readonly leaderEpoch: number;
  /** Goes up with every change. */
  readonly partitionEpoch: number;
}

export const noLeader = -1;

/**
 * 'online' leaves a leader that may stay, 'preferred' puts the first replica in its place where it is in sync, 'unclean'
 * takes a replica that is not in sync where no other is there: records are lost then.
 */
export type Election = 'online' | 'preferred' | 'unclean';

export interface ElectionRules {
  readonly election: Election;
  /** Whether the node is up and not about to go. */
  readonly mayLead: (node: number) => boolean;
  /** Whether its disk takes writes: who has one that doesn't leads where nobody else can. Default all. */
  readonly isWritable?: (node: number) => boolean;
}

export type PartitionTargets = Partial<
  Pick<PartitionImage, 'replicas' | 'addingReplicas' | 'removingReplicas' | 'inSync'>
>;

const without = (nodes: readonly number[], gone: readonly number[]): readonly number[] =>
  gone.length === 0 ? nodes : nodes.filter((node) => !gone.includes(node));

const isSame = (a: readonly number[], b: readonly number[]): boolean =>
  a.length === b.length && a.every((node, i) => node === b[i]);

const contains = (nodes: readonly number[], others: readonly number[]): boolean =>
  others.every((node) => nodes.includes(node));

/** A partition as it begins: all of `inSync` have the same, which is nothing. */
export const newPartition = (replicas: readonly number[], inSync: readonly number[]): PartitionImage => ({
  ...{ replicas, addingReplicas: [], removingReplicas: [], inSync },
  ...{ leader: inSync[0]!, leaderEpoch: 0, partitionEpoch: 0 },
});

export const isReassigning = ({ addingReplicas, removingReplicas }: PartitionImage): boolean =>
  addingReplicas.length > 0 || removingReplicas.length > 0;

/** Null where that changes nothing. With no targets it is an election alone. */
export function changePartition(
  partition: PartitionImage,
  targets: PartitionTargets,
  rules: ElectionRules,
): PartitionImage | null {
  const wanted = completeReassignment({ ...partition, ...targets });
  const { leader, unclean } = elect(partition.leader, wanted, rules);
  const isNewLeader = leader !== partition.leader;
  const inSync = unclean ? [leader] : wanted.inSync.length === 0 ? partition.inSync : wanted.inSync;
  const changed =
    isNewLeader ||
    !isSame(inSync, partition.inSync) ||
    !isSame(wanted.replicas, partition.replicas) ||
    !isSame(wanted.addingReplicas, partition.addingReplicas) ||
    !isSame(wanted.removingReplicas, partition.removingReplicas);
  if (!changed) return null;
  // A replica that is gone must not go on fetching by an epoch that still holds, or be counted by a leader that has not heard.
  const isNewEpoch = isNewLeader || !contains(wanted.replicas, partition.replicas);
  return {
    replicas: wanted.replicas,
    addingReplicas: wanted.addingReplicas,
    removingReplicas: wanted.removingReplicas,
    inSync,
    leader,
    leaderEpoch: partition.leaderEpoch + (isNewEpoch ? 1 : 0),
    partitionEpoch: partition.partitionEpoch + 1,
  };
}

/** The node is down, is going down or has lost what it had in memory: it is in sync no more and leads no more. */
export function withoutNode(partition: PartitionImage, node: number, rules: ElectionRules): PartitionImage | null {
  const mayLead = (other: number) => other !== node && rules.mayLead(other);
  return changePartition(partition, { inSync: without(partition.inSync, [node]) }, { ...rules, mayLead });
}

/** The node can't write: it is in sync no more and leads no more, unless it is the last one in sync. */
export function offDisk(partition: PartitionImage, node: number, rules: ElectionRules): PartitionImage | null {
  const { isWritable = () => true } = rules;
  const rest = without(partition.inSync, [node]);
  const targets = rest.length > 0 ? { inSync: rest } : {};
  return changePartition(partition, targets, { ...rules, isWritable: (other) => other !== node && isWritable(other) });
}

/**
 * The node is to throw away a part of its copy and fetch it anew, which it may have told the leader that it has. With a new
 * epoch, so that what leader and follower know of each other is of no more use.
 */
export function withoutCopy(partition: PartitionImage, node: number, rules: ElectionRules): PartitionImage {
  const changed = withoutNode(partition, node, rules) ?? partition;
  if (changed.leaderEpoch > partition.leaderEpoch) return changed;
  const { leaderEpoch, partitionEpoch } = partition;
  return { ...changed, leaderEpoch: leaderEpoch + 1, partitionEpoch: partitionEpoch + 1 };
}

/**
 * Replicas are to be `target`, in that order. They are added at once, and those that are to go stay until all of `target`
 * are in sync.
 *
 * Replicas that a move before this one was adding go at once where they aren't wanted any more: KRaft keeps them to the
 * end, and whoever cancels then is left with more replicas than the partition had.
 */
export function reassign(
  partition: PartitionImage,
  target: readonly number[],
  rules: ElectionRules,
): PartitionImage | null {
  const abandoned = without(partition.addingReplicas, target);
  const inSync = without(partition.inSync, abandoned);
  const kept = inSync.length > 0 ? without(partition.replicas, abandoned) : partition.replicas;
  const before = without(kept, partition.addingReplicas);
  const removingReplicas = without(kept, target);
  const targets = {
    replicas: [...target, ...removingReplicas],
    addingReplicas: without(target, before),
    removingReplicas,
    inSync: inSync.length > 0 ? inSync : partition.inSync,
  };
  return changePartition(partition, targets, rules);
}

/** The partition with its move ended, where all that are to stay are in sync; as it is where they aren't, or none is on. */
export function completeReassignment(partition: PartitionImage): PartitionImage {
  if (!isReassigning(partition)) return partition;
  const replicas = without(partition.replicas, partition.removingReplicas);
  const inSync = without(partition.inSync, partition.removingReplicas);
  if (replicas.length === 0 || inSync.length === 0 || !contains(inSync, replicas)) return partition;
  return { ...partition, replicas, inSync, addingReplicas: [], removingReplicas: [] };
}

/**
 * As before the move; null where none is on. 'unclean' where only replicas that were being added are in sync, so that going
 * back would lose records and the election doesn't allow it.
 */
export function cancelReassignment(partition: PartitionImage, rules: ElectionRules): PartitionImage | 'unclean' | null {
  if (!isReassigning(partition)) return null;
  const replicas = without(partition.replicas, partition.addingReplicas);
  const inSync = without(partition.inSync, partition.addingReplicas);
  if (inSync.length === 0 && rules.election !== 'unclean') return 'unclean';
  const survivors = inSync.length > 0 ? inSync : [replicas.find(rules.mayLead) ?? replicas[0]!];
  const targets = { replicas, addingReplicas: [], removingReplicas: [], inSync: survivors };
  return changePartition(partition, targets, rules);
}

function elect(
  current: number,
  { replicas, inSync }: PartitionImage,
  { election, mayLead, isWritable = () => true }: ElectionRules,
): { readonly leader: number; readonly unclean: boolean } {
  const isEligible = (node: number) => inSync.includes(node) && mayLead(node);
  const isGood = (node: number) => isEligible(node) && isWritable(node);
  const clean = (leader: number) => ({ leader, unclean: false });
  if (election === 'preferred' && isGood(replicas[0]!)) return clean(replicas[0]!);
  if (isGood(current)) return clean(current);
  const next = replicas.find(isGood) ?? [current, ...replicas].find(isEligible);
  if (next !== undefined) return clean(next);
  if (election !== 'unclean') return clean(noLeader);
  const any = replicas.find((node) => mayLead(node) && isWritable(node)) ?? replicas.find(mayLead);
  return any === undefined ? clean(noLeader) : { leader: any, unclean: true };
}

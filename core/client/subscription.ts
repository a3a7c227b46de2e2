// A consumer's membership in its group: which assignor, which partitions to give up and when, which are new. Works on
// partitions; the consumer says how to take one up and how to let it go.
import type { Timer } from '../kernel/clock.ts';
import { isFault } from '../kernel/fault.ts';
import { partitionName, type TopicPartition } from '../kernel/ids.ts';
import { type AssignorName, assignors } from './assignors.ts';
import type { Cluster } from './cluster.ts';
import { decodeAssignment, decodeSubscription, encodeAssignment, encodeSubscription } from './consumer-protocol.ts';
import type { GroupGeneration } from './group-generation.ts';
import { createGroupMember, type GroupMember, type MemberMetadata } from './group-member.ts';
import { byTopic } from './offsets.ts';

export interface SubscriptionOptions {
  readonly cluster: Cluster;
  readonly groupId: string;
  readonly topics: readonly string[];
  readonly assignorNames: readonly AssignorName[];
  readonly groupInstanceId?: string | undefined;
  readonly sessionTimeoutMs?: number | undefined;
  readonly rebalanceTimeoutMs?: number | undefined;
  readonly heartbeatIntervalMs?: number | undefined;
  /** How often the leader looks whether topics have got partitions, or are gone. */
  readonly metadataMaxAgeMs: number;
  /** Finish with these and commit what was done of them. */
  onRevoke(partitions: readonly TopicPartition[], generation: GroupGeneration): Promise<void>;
  onAssign(added: readonly TopicPartition[], generation: GroupGeneration): Promise<void>;
  /** They belong to others already: no commit. */
  onLost(partitions: readonly TopicPartition[]): Promise<void>;
  onFailed(error: unknown): void;
}

export interface SubscriptionHandle {
  readonly owned: readonly TopicPartition[];
  readonly generation: GroupGeneration | null;
  leave(): Promise<void>;
}

const sortedPairs = (partitions: readonly TopicPartition[]) =>
  byTopic(partitions).map(([topic, list]) => ({ topic, partitions: list.map(({ partition }) => partition) }));

export function startSubscription(options: SubscriptionOptions): SubscriptionHandle {
  const { cluster, topics, assignorNames } = options;
  // Where one of them is eager, all is given up before joining: the group may choose it (KIP-429).
  const isCooperative = assignorNames.every((name) => assignors[name].cooperative);
  let owned: readonly TopicPartition[] = [];
  let generation: GroupGeneration | null = null;
  let seenCounts: ReadonlyMap<string, number> | null = null;
  let watch: Timer | null = null;

  async function countPartitions(names: readonly string[]): Promise<Map<string, number>> {
    const { topics: found } = await cluster.metadata(names);
    return new Map(found.map(({ name, partitions }) => [name, partitions.length]));
  }

  async function assign(members: readonly MemberMetadata[], protocol: string) {
    const parsed = members.map(({ memberId, groupInstanceId, metadata }) => {
      const { topics: wanted, ownedPartitions, generationId } = decodeSubscription(metadata);
      const held = ownedPartitions.flatMap(({ topic, partitions }) =>
        partitions.map((partition) => ({ topic, partition })),
      );
      return { memberId, groupInstanceId, topics: wanted, owned: held, generationId };
    });
    seenCounts = await countPartitions([...new Set(parsed.flatMap((member) => member.topics))]);
    const shares = assignors[protocol as AssignorName].assign(seenCounts, parsed);
    return [...shares].map(([memberId, partitions]) => ({
      memberId,
      assignment: encodeAssignment({ partitions: sortedPairs(partitions), userData: null }),
    }));
  }

  async function onAssign(bytes: Uint8Array, own: GroupGeneration): Promise<void> {
    const wanted = decodeAssignment(bytes).partitions.flatMap(({ topic, partitions }) =>
      partitions.map((partition) => ({ topic, partition })),
    );
    const wantedNames = new Set(wanted.map(partitionName));
    const ownedNames = new Set(owned.map(partitionName));
    const revoked = owned.filter((partition) => !wantedNames.has(partitionName(partition)));
    const added = wanted.filter((partition) => !ownedNames.has(partitionName(partition)));
    generation = own;
    if (revoked.length > 0) {
      owned = owned.filter((partition) => wantedNames.has(partitionName(partition)));
      await giveUp(revoked, own);
    }
    await options.onAssign(added, own);
    owned = wanted;
    if (revoked.length > 0) member.rejoin(); // so that they get to their new members
  }

  /** The group may have gone on without this member meanwhile: then what was read since the last commit is read again elsewhere. */
  async function giveUp(revoked: readonly TopicPartition[], own: GroupGeneration): Promise<void> {
    try {
      await options.onRevoke(revoked, own);
    } catch (error) {
      if (!isFault(error, 'REBALANCED')) throw error;
      await options.onLost(revoked);
    }
  }

  async function lose(): Promise<void> {
    const lost = owned;
    owned = [];
    generation = null;
    await options.onLost(lost);
  }

  const member: GroupMember = createGroupMember(cluster, {
    groupId: options.groupId,
    ...(options.groupInstanceId === undefined ? {} : { groupInstanceId: options.groupInstanceId }),
    ...(options.sessionTimeoutMs === undefined ? {} : { sessionTimeoutMs: options.sessionTimeoutMs }),
    ...(options.rebalanceTimeoutMs === undefined ? {} : { rebalanceTimeoutMs: options.rebalanceTimeoutMs }),
    ...(options.heartbeatIntervalMs === undefined ? {} : { heartbeatIntervalMs: options.heartbeatIntervalMs }),
    protocols: assignorNames.map((name) => ({
      name,
      metadata: () =>
        encodeSubscription({
          topics,
          userData: null,
          ownedPartitions: sortedPairs(owned),
          generationId: generation?.generationId ?? -1,
        }),
    })),
    assign,
    onAssign,
    async onRevoke() {
      if (isCooperative || owned.length === 0) return;
      const revoked = owned;
      owned = [];
      await giveUp(revoked, generation!);
    },
    onLost: lose,
    onFailed: options.onFailed,
  });

  /** Only the leader of the group has seen the counts. */
  async function lookForPartitions(): Promise<void> {
    const seen = seenCounts;
    try {
      if (seen === null) return;
      const names = [...new Set([...topics, ...seen.keys()])];
      const counts = await countPartitions(names);
      if (seenCounts !== seen || names.every((topic) => seen.get(topic) === counts.get(topic))) return;
      seenCounts = null; // whoever leads counts again; one that no longer does would otherwise ask for ever
      member.rejoin();
    } catch (error) {
      cluster.logger.debug({ group: options.groupId, error }, 'could not look for new partitions');
    } finally {
      if (watch !== null) watch = cluster.clock.after(options.metadataMaxAgeMs, lookForPartitions);
    }
  }

  watch = cluster.clock.after(options.metadataMaxAgeMs, lookForPartitions);
  member.start();
  return {
    get owned() {
      return owned;
    },
    get generation() {
      return generation;
    },
    async leave() {
      watch?.cancel();
      watch = null;
      await member.leave();
    },
  };
}

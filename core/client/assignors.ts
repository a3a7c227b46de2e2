// Partitions to members of a group: range and round-robin exactly as Kafka's, cooperative-sticky with the same promises.
// Pure; the group's leader runs one. Which is in use is what all members have in common.
import { partitionName, type TopicPartition } from '../kernel/ids.ts';

export interface AssignorMember {
  readonly memberId: string;
  readonly groupInstanceId: string | null;
  readonly topics: readonly string[];
  readonly owned: readonly TopicPartition[];
  /** In which it got what it owns: of two that claim a partition the newer has it. -1 where unknown. */
  readonly generationId: number;
}

export interface Assignor {
  /** As in the protocol. */
  readonly name: AssignorName;
  /** Members keep what stays theirs while the group rebalances; what moves is given up first and assigned in a second round (KIP-429). */
  readonly cooperative: boolean;
  /** @param partitionCounts of the topics that exist; every member has an entry in the answer */
  assign(
    partitionCounts: ReadonlyMap<string, number>,
    members: readonly AssignorMember[],
  ): Map<string, TopicPartition[]>;
}

export type AssignorName = 'range' | 'roundrobin' | 'cooperative-sticky';

/** Static members by their instance id, before the others by member id: so their shares stay when they restart. */
function inOrder(members: readonly AssignorMember[]): AssignorMember[] {
  const rank = (member: AssignorMember) => (member.groupInstanceId === null ? 1 : 0);
  const id = (member: AssignorMember) => member.groupInstanceId ?? member.memberId;
  return [...members].sort((a, b) => rank(a) - rank(b) || (id(a) < id(b) ? -1 : id(a) > id(b) ? 1 : 0));
}

const emptyAnswer = (members: readonly AssignorMember[]) =>
  new Map<string, TopicPartition[]>(members.map(({ memberId }) => [memberId, []]));

const subscribedTopics = (counts: ReadonlyMap<string, number>, members: readonly AssignorMember[]): string[] =>
  [...new Set(members.flatMap(({ topics }) => topics))].filter((topic) => counts.has(topic)).sort();

/** Topic by topic, consecutive partitions to each; the first members get one more. As Kafka's RangeAssignor. */
export const rangeAssignor: Assignor = {
  name: 'range',
  cooperative: false,
  assign(partitionCounts, members) {
    const answer = emptyAnswer(members);
    for (const topic of subscribedTopics(partitionCounts, members)) {
      const takers = inOrder(members.filter(({ topics }) => topics.includes(topic)));
      const count = partitionCounts.get(topic)!;
      const each = Math.floor(count / takers.length);
      const extras = count % takers.length;
      for (const [i, { memberId }] of takers.entries()) {
        const start = each * i + Math.min(i, extras);
        const length = each + (i < extras ? 1 : 0);
        for (let partition = start; partition < start + length; partition++)
          answer.get(memberId)!.push({ topic, partition });
      }
    }
    return answer;
  },
};

/** All partitions of all topics in turn around the members. As Kafka's RoundRobinAssignor. */
export const roundRobinAssignor: Assignor = {
  name: 'roundrobin',
  cooperative: false,
  assign(partitionCounts, members) {
    const answer = emptyAnswer(members);
    const circle = inOrder(members);
    let at = 0;
    for (const topic of subscribedTopics(partitionCounts, members)) {
      for (let partition = 0; partition < partitionCounts.get(topic)!; partition++) {
        while (!circle[at]!.topics.includes(topic)) at = (at + 1) % circle.length;
        answer.get(circle[at]!.memberId)!.push({ topic, partition });
        at = (at + 1) % circle.length;
      }
    }
    return answer;
  },
};

/**
 * Balanced as far as subscriptions allow (no partition could move to a member that has two fewer), and of all such
 * assignments one that leaves as much as it can where it is. What has an owner that must give it up is assigned to
 * nobody yet: the owner rejoins once it has, and then it goes to its new member.
 */
export const cooperativeStickyAssignor: Assignor = {
  name: 'cooperative-sticky',
  cooperative: true,
  assign(partitionCounts, members) {
    const owners = ownersOf(partitionCounts, members);
    const answer = balanced(partitionCounts, members, owners);
    for (const [memberId, partitions] of answer) {
      const given = partitions.filter((partition) => {
        const owner = owners.get(partitionName(partition));
        return owner === undefined || owner === memberId;
      });
      answer.set(memberId, given);
    }
    return answer;
  },
};

/** Whose each partition is, as far as that is still wanted and beyond doubt. */
function ownersOf(counts: ReadonlyMap<string, number>, members: readonly AssignorMember[]): Map<string, string> {
  const owners = new Map<string, string>();
  const generations = new Map<string, number>();
  for (const { memberId, owned, topics, generationId } of inOrder(members)) {
    for (const { topic, partition } of owned) {
      if (!topics.includes(topic) || partition >= (counts.get(topic) ?? 0)) continue;
      const name = partitionName({ topic, partition });
      const rival = generations.get(name);
      if (rival !== undefined && rival >= generationId) continue;
      owners.set(name, memberId);
      generations.set(name, generationId);
    }
  }
  return owners;
}

function balanced(
  counts: ReadonlyMap<string, number>,
  members: readonly AssignorMember[],
  owners: ReadonlyMap<string, string>,
): Map<string, TopicPartition[]> {
  const answer = emptyAnswer(members);
  const order = inOrder(members);
  const takersOf = new Map<string, AssignorMember[]>();
  const load = (member: AssignorMember) => answer.get(member.memberId)!.length;
  const lightest = (candidates: readonly AssignorMember[]) => candidates.reduce((a, b) => (load(b) < load(a) ? b : a));
  const open: TopicPartition[] = [];
  for (const topic of subscribedTopics(counts, members)) {
    const takers = order.filter(({ topics }) => topics.includes(topic));
    takersOf.set(topic, takers);
    for (let partition = 0; partition < counts.get(topic)!; partition++) {
      const owner = owners.get(partitionName({ topic, partition }));
      if (owner === undefined) open.push({ topic, partition });
      else answer.get(owner)!.push({ topic, partition });
    }
  }
  // Those that few can take go first, so that the others are left to even things out.
  open.sort((a, b) => takersOf.get(a.topic)!.length - takersOf.get(b.topic)!.length);
  for (const partition of open) answer.get(lightest(takersOf.get(partition.topic)!).memberId)!.push(partition);
  const heaviestFirst = () => [...order].sort((a, b) => load(b) - load(a));
  const moveOne = (giver: AssignorMember): boolean => {
    const held = answer.get(giver.memberId)!;
    for (let i = held.length - 1; i >= 0; i--) {
      const taker = lightest(takersOf.get(held[i]!.topic)!);
      if (load(taker) + 1 >= held.length) continue;
      answer.get(taker.memberId)!.push(...held.splice(i, 1));
      return true;
    }
    return false;
  };
  while (heaviestFirst().some(moveOne));
  for (const partitions of answer.values()) partitions.sort(inTopicOrder);
  return answer;
}

const inTopicOrder = (a: TopicPartition, b: TopicPartition) =>
  a.topic === b.topic ? a.partition - b.partition : a.topic < b.topic ? -1 : 1;

export const assignors: Readonly<Record<AssignorName, Assignor>> = {
  range: rangeAssignor,
  roundrobin: roundRobinAssignor,
  'cooperative-sticky': cooperativeStickyAssignor,
};

// Committed offsets of all groups of one shard. What a transaction commits counts once its marker is there; until then
// it is pending and readers that require stable offsets are told so. Changed by replay only.
import type { TransactionMarker, TransactionOwner } from '../shard.ts';
import { type Group, type MemberError, memberError } from './group.ts';

export interface CommittedOffset {
  readonly offset: number;
  /** -1 is unknown. */
  readonly leaderEpoch: number;
  readonly metadata: string;
  readonly committedAtMs: number;
  /** Only where an old client asked for a retention of its own; -1 otherwise. */
  readonly expiresAtMs: number;
}

export interface OffsetPlace {
  readonly groupId: string;
  readonly topic: string;
  readonly partition: number;
}

interface Entry extends CommittedOffset {
  /** Place in the log: of two commits the later one holds, also when an earlier one becomes stable after it. */
  readonly order: number;
}

type Partitions = Map<number, Entry>;
type Topics = Map<string, Partitions>;

export interface OffsetTable {
  replay(place: OffsetPlace, committed: CommittedOffset | null, transaction: TransactionOwner | null): void;
  replayMarker(marker: TransactionMarker): void;
  get(place: OffsetPlace): CommittedOffset | undefined;
  /** Whether a transaction that is open has committed here. */
  pending(place: OffsetPlace): boolean;
  anyPending(groupId: string): boolean;
  /** Where a group, or any, has committed something, or will have if a transaction that is open commits; some come twice. */
  places(groupId?: string): Iterable<OffsetPlace>;
  /** All of a group, topic by topic. */
  of(groupId: string): Iterable<readonly [topic: string, partition: number, committed: CommittedOffset]>;
  groupIds(): Iterable<string>;
  has(groupId: string): boolean;
}

export function createOffsetTable(): OffsetTable {
  const committed = new Map<string, Topics>();
  const open = new Map<number, { place: OffsetPlace; entry: Entry }[]>();
  let replayed = 0;

  function put({ groupId, topic, partition }: OffsetPlace, entry: Entry): void {
    let topics = committed.get(groupId);
    if (topics === undefined) committed.set(groupId, (topics = new Map()));
    let partitions = topics.get(topic);
    if (partitions === undefined) topics.set(topic, (partitions = new Map()));
    const before = partitions.get(partition);
    if (before === undefined || before.order < entry.order) partitions.set(partition, entry);
  }

  function remove({ groupId, topic, partition }: OffsetPlace): void {
    const topics = committed.get(groupId);
    const partitions = topics?.get(topic);
    if (topics === undefined || partitions === undefined) return;
    partitions.delete(partition);
    if (partitions.size === 0) topics.delete(topic);
    if (topics.size === 0) committed.delete(groupId);
  }

  const same = (a: OffsetPlace, b: OffsetPlace) =>
    a.groupId === b.groupId && a.topic === b.topic && a.partition === b.partition;

  return {
    replay(place, value, transaction) {
      const order = replayed++;
      if (value === null) {
        remove(place);
        for (const [producerId, entries] of open) {
          const left = entries.filter((pending) => !same(pending.place, place));
          if (left.length === 0) open.delete(producerId);
          else open.set(producerId, left);
        }
      } else if (transaction === null) put(place, { ...value, order });
      else {
        const entries = open.get(transaction.producerId) ?? [];
        entries.push({ place, entry: { ...value, order } });
        open.set(transaction.producerId, entries);
      }
    },
    replayMarker({ producerId, commit }) {
      const entries = open.get(producerId) ?? [];
      open.delete(producerId);
      if (commit) for (const { place, entry } of entries) put(place, entry);
    },
    get: ({ groupId, topic, partition }) => committed.get(groupId)?.get(topic)?.get(partition),
    pending: (place) => [...open.values()].some((entries) => entries.some((pending) => same(pending.place, place))),
    anyPending: (groupId) =>
      [...open.values()].some((entries) => entries.some(({ place }) => place.groupId === groupId)),
    *places(only) {
      for (const groupId of only === undefined ? committed.keys() : [only]) {
        for (const [topic, partitions] of committed.get(groupId) ?? [])
          for (const partition of partitions.keys()) yield { groupId, topic, partition };
      }
      for (const entries of open.values())
        for (const { place } of entries) if (only === undefined || place.groupId === only) yield place;
    },
    *of(groupId) {
      for (const [topic, partitions] of committed.get(groupId) ?? []) {
        for (const [partition, entry] of partitions) yield [topic, partition, entry];
      }
    },
    groupIds: () => committed.keys(),
    has: (groupId) => committed.has(groupId),
  };
}

export interface Committer {
  /** -1 for consumers that assign partitions themselves, and for administrators. */
  readonly generationId: number;
  readonly memberId: string;
  readonly groupInstanceId: string | null;
}

export type CommitError = 'NONE' | MemberError | 'ILLEGAL_GENERATION' | 'REBALANCE_IN_PROGRESS';

/**
 * Whether that one may commit for the group now. Kafka's ClassicGroup.validateOffsetCommit: without a generation only to
 * an empty group; within one only its members, and not between the join and the assignment.
 * @param group undefined where there is none: a commit without a generation makes it
 */
export function commitError(group: Group | undefined, committer: Committer, transactional: boolean): CommitError {
  const { generationId, memberId, groupInstanceId } = committer;
  if (group === undefined) return generationId < 0 ? 'NONE' : 'ILLEGAL_GENERATION';
  if (generationId < 0 && group.state === 'empty') return 'NONE';
  if (generationId >= 0 || memberId !== '' || groupInstanceId !== null) {
    const error = memberError(group, memberId, groupInstanceId);
    if (error !== null) return error;
    if (generationId !== group.generationId) return 'ILLEGAL_GENERATION';
  } else if (!transactional) return 'UNKNOWN_MEMBER_ID';
  return !transactional && group.state === 'completingRebalance' ? 'REBALANCE_IN_PROGRESS' : 'NONE';
}

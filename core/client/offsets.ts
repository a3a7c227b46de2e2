// Committed offsets of a group, asked for and stored at its coordinator. Whether a member may still commit is the
// coordinator's to say: an offset of a passed generation comes back as a Fault.
import { Fault } from '../kernel/fault.ts';
import { partitionName, type TopicPartition } from '../kernel/ids.ts';
import { apis, type RequestOf, type ResponseOf } from '../protocol/api-table.ts';
import { errors } from '../protocol/error-code.ts';
import type { Cluster, CoordinatorKey } from './cluster.ts';
import type { GroupGeneration } from './group-generation.ts';
import { isRetriable, refusal, refusedWith, retrying } from './retry.ts';

export interface OffsetToCommit extends TopicPartition {
  /** Where the group goes on: of the next record, not of the last. */
  readonly offset: number;
  readonly leaderEpoch?: number;
  /** Text that comes back with the offset. Default ''. */
  readonly metadata?: string;
}

export interface CommittedOffset extends TopicPartition {
  readonly offset: number;
  readonly metadata: string;
}

export interface Offsets {
  /**
   * @param generation of the member that commits; without, only an empty group takes offsets
   * @param timeoutMs how long it is tried again; default 60 s
   * @throws Fault `REBALANCED` when the group has moved on
   */
  commit(offsets: readonly OffsetToCommit[], generation?: GroupGeneration, timeoutMs?: number): Promise<void>;
  /** By partitionName; partitions without a committed offset are left out. Waits for transactions that hold one open. */
  fetch(partitions: readonly TopicPartition[] | null): Promise<Map<string, CommittedOffset>>;
}

const generationPassed = new Set([
  'ILLEGAL_GENERATION',
  'UNKNOWN_MEMBER_ID',
  'FENCED_INSTANCE_ID',
  'REBALANCE_IN_PROGRESS',
]);

/** Entries by topic, in the order of their first partition. */
export function byTopic<T extends TopicPartition>(entries: readonly T[]): [topic: string, entries: T[]][] {
  const topics = new Map<string, T[]>();
  for (const entry of entries) {
    const list = topics.get(entry.topic);
    if (list === undefined) topics.set(entry.topic, [entry]);
    else list.push(entry);
  }
  return [...topics];
}

export function createOffsets(cluster: Cluster, groupId: string, apiTimeoutMs = 60_000): Offsets {
  const { clock, random } = cluster;
  const coordinator: CoordinatorKey = { kind: 'group', key: groupId };

  function judge(errorCode: number, api: string, subject: string): void {
    if (errorCode === 0) return;
    cluster.coordinatorMoved(coordinator, errorCode);
    throw refusal(api, errorCode, subject);
  }

  async function commit(
    offsets: readonly OffsetToCommit[],
    generation?: GroupGeneration,
    timeoutMs = apiTimeoutMs,
  ): Promise<void> {
    if (offsets.length === 0) return;
    const request = apis.offsetCommit.request.create({
      groupId,
      generationIdOrMemberEpoch: generation?.generationId ?? -1,
      memberId: generation?.memberId ?? '',
      groupInstanceId: generation?.groupInstanceId ?? null,
      topics: byTopic(offsets).map(([name, list]) => ({
        name,
        partitions: list.map(({ partition, offset, leaderEpoch, metadata }) => ({
          partitionIndex: partition,
          committedOffset: offset,
          committedLeaderEpoch: leaderEpoch ?? -1,
          committedMetadata: metadata ?? '',
        })),
      })),
    });
    // A rebalance under way still takes offsets of members that have not rejoined, but one that is lost must not retry.
    const retriable = (error: unknown) => isRetriable(error) && !generationPassed.has(refusedWith(error) ?? '');
    try {
      await retrying({ clock, random, timeoutMs, retriable }, async () => {
        const answer = await cluster.callCoordinator(coordinator, 'offsetCommit', request);
        for (const { name, partitions } of answer.topics) {
          for (const { partitionIndex, errorCode } of partitions)
            judge(errorCode, 'offsetCommit', `${name}-${partitionIndex} of group '${groupId}'`);
        }
      });
    } catch (error) {
      const name = refusedWith(error);
      if (name !== undefined && generationPassed.has(name))
        throw new Fault('REBALANCED', { group: groupId, error: name }, error);
      throw error;
    }
  }

  function fetchRequest(version: number, partitions: readonly TopicPartition[] | null): RequestOf<'offsetFetch'> {
    const { create } = apis.offsetFetch.request;
    const requireStable = version >= 7;
    const topics =
      partitions === null
        ? null
        : byTopic(partitions).map(([name, list]) => ({
            name,
            partitionIndexes: list.map(({ partition }) => partition),
          }));
    return version >= 8
      ? create({ requireStable, groups: [{ groupId, topics }] })
      : create({ requireStable, groupId, topics });
  }

  return {
    commit,
    async fetch(partitions) {
      if (partitions?.length === 0) return new Map();
      const retriable = (error: unknown) =>
        isRetriable(error) || refusedWith(error) === errors.UNSTABLE_OFFSET_COMMIT.name;
      return retrying({ clock, random, timeoutMs: apiTimeoutMs, retriable }, async () => {
        const answer = await cluster.callCoordinator(coordinator, 'offsetFetch', (version) =>
          fetchRequest(version, partitions),
        );
        const group:
          | Pick<ResponseOf<'offsetFetch'>, 'topics' | 'errorCode'>
          | ResponseOf<'offsetFetch'>['groups'][number] = answer.groups[0] ?? answer;
        judge(group.errorCode, 'offsetFetch', `group '${groupId}'`);
        const found = new Map<string, CommittedOffset>();
        for (const { name: topic, partitions: list } of group.topics) {
          for (const { partitionIndex: partition, committedOffset: offset, metadata, errorCode } of list) {
            judge(errorCode, 'offsetFetch', `${topic}-${partition} of group '${groupId}'`);
            if (offset < 0) continue;
            found.set(partitionName({ topic, partition }), { topic, partition, offset, metadata: metadata ?? '' });
          }
        }
        return found;
      });
    },
  };
}

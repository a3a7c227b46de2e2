// Groups as an administrator sees and changes them: members, lag, committed offsets.
import { Fault, isFault } from '../kernel/fault.ts';
import { partitionName, type TopicPartition } from '../kernel/ids.ts';
import { apis, type ResponseOf } from '../protocol/api-table.ts';
import { errorOf } from '../protocol/error-code.ts';
import { type AdminCalls, checkGroup } from './admin-call.ts';
import { decodeAssignment, decodeSubscription } from './consumer-protocol.ts';
import { type ListedOffset, listOffsets, type OffsetSpec } from './list-offsets.ts';
import { createOffsets } from './offsets.ts';
import { refusal } from './retry.ts';

export interface GroupSummary {
  readonly groupId: string;
  readonly protocolType: string;
  /** As Kafka names it: Stable, Empty, PreparingRebalance, CompletingRebalance, Dead; '' from an old node. */
  readonly state: string;
}

export interface GroupMemberDescription {
  readonly memberId: string;
  readonly groupInstanceId: string | null;
  readonly clientId: string;
  readonly clientHost: string;
  readonly topics: readonly string[];
  readonly assignment: readonly TopicPartition[];
}

export interface GroupOffset extends TopicPartition {
  /** Null where nothing was committed. */
  readonly committed: number | null;
  readonly endOffset: number;
  /** Records after the committed offset; null where nothing was committed. */
  readonly lag: number | null;
  readonly memberId: string | null;
}

export interface GroupDescription extends GroupSummary {
  /** The assignor in use. */
  readonly protocol: string;
  readonly members: readonly GroupMemberDescription[];
  /** Of every partition that is assigned or has a committed offset. */
  readonly offsets: readonly GroupOffset[];
}

/** An end of the log, the first record at or after a time, or an offset. */
export type ResetTo = 'earliest' | 'latest' | { readonly timestampMs: number } | { readonly offset: number };

export interface GroupAdmin {
  /** Of all nodes, by id. */
  listGroups(): Promise<GroupSummary[]>;
  /** @throws Fault `GROUP_NOT_FOUND` */
  describeGroups(groupIds: readonly string[]): Promise<GroupDescription[]>;
  /** @returns those that were there. @throws Fault `GROUP_NOT_EMPTY` */
  deleteGroups(groupIds: readonly string[]): Promise<string[]>;
  /** Takes members out as if they had left; without ids all of them. For members that are known to be dead: live ones join again. */
  removeMembers(groupId: string, memberIds?: readonly string[]): Promise<void>;
  /** Sets committed offsets of a group without members; resolves with them. @throws Fault `GROUP_NOT_EMPTY` */
  resetOffsets(
    groupId: string,
    partitions: readonly TopicPartition[],
    to: ResetTo,
  ): Promise<(TopicPartition & { readonly offset: number })[]>;
}

type WireGroup = ResponseOf<'describeGroups'>['groups'][number];

export function createGroupAdmin(calls: AdminCalls): GroupAdmin {
  const { cluster, ask, askGroup } = calls;

  function wireGroup(groupId: string): Promise<WireGroup> {
    return askGroup(groupId, 'describeGroups', apis.describeGroups.request.create({ groups: [groupId] }), (answer) => {
      const group = answer.groups[0]!;
      checkGroup('describeGroups', group.errorCode, groupId, group.errorMessage);
      return group;
    });
  }

  /** Members of it, 0 for a group that isn't there. */
  async function countMembers(groupId: string): Promise<number> {
    try {
      return (await wireGroup(groupId)).members.length;
    } catch (error) {
      if (error instanceof Fault && error.code === 'GROUP_NOT_FOUND') return 0;
      throw error;
    }
  }

  async function offsetsOf(groupId: string, members: readonly GroupMemberDescription[]): Promise<GroupOffset[]> {
    const committed = await createOffsets(cluster, groupId).fetch(null);
    const holders = new Map(
      members.flatMap(({ memberId, assignment }) => assignment.map((one) => [partitionName(one), memberId] as const)),
    );
    const assigned = members.flatMap(({ assignment }) => assignment);
    const all = new Map(
      [...committed.values(), ...assigned].map(({ topic, partition }) => [
        partitionName({ topic, partition }),
        { topic, partition },
      ]),
    );
    const { topics } = await cluster.metadata([...new Set([...all.values()].map(({ topic }) => topic))]);
    const counts = new Map(topics.map(({ name, partitions }) => [name, partitions.length]));
    const known = [...all.values()]
      .filter(({ topic, partition }) => partition < (counts.get(topic) ?? 0))
      .sort((a, b) => (a.topic === b.topic ? a.partition - b.partition : a.topic < b.topic ? -1 : 1));
    const ends = known.length === 0 ? [] : await listOffsets(cluster, known, 'latest');
    return known.map(({ topic, partition }, i) => {
      const name = partitionName({ topic, partition });
      const at = committed.get(name)?.offset ?? null;
      const endOffset = ends[i]!.offset;
      return {
        topic,
        partition,
        committed: at,
        endOffset,
        lag: at === null ? null : Math.max(endOffset - at, 0),
        memberId: holders.get(name) ?? null,
      };
    });
  }

  async function describe(groupId: string): Promise<GroupDescription> {
    const group = await wireGroup(groupId);
    if (group.groupState === 'Dead') throw new Fault('GROUP_NOT_FOUND', { group: groupId });
    const isConsumer = group.protocolType === 'consumer';
    const members = group.members.map(
      ({ memberId, groupInstanceId, clientId, clientHost, memberMetadata, memberAssignment }) => ({
        memberId,
        groupInstanceId,
        clientId,
        clientHost,
        topics: isConsumer && memberMetadata.length > 0 ? decodeSubscription(memberMetadata).topics : [],
        assignment: isConsumer
          ? decodeAssignment(memberAssignment).partitions.flatMap(({ topic, partitions }) =>
              partitions.map((partition) => ({ topic, partition })),
            )
          : [],
      }),
    );
    return {
      groupId,
      protocolType: group.protocolType,
      state: group.groupState,
      protocol: group.protocolData,
      members,
      offsets: await offsetsOf(groupId, members),
    };
  }

  async function targetsOf(
    partitions: readonly TopicPartition[],
    to: ResetTo,
  ): Promise<(TopicPartition & { readonly offset: number })[]> {
    const [starts, ends] = await Promise.all([
      listOffsets(cluster, partitions, 'earliest'),
      listOffsets(cluster, partitions, 'latest'),
    ]);
    if (to === 'earliest') return starts;
    if (to === 'latest') return ends;
    if ('offset' in to) {
      return partitions.map(({ topic, partition }, i) => ({
        topic,
        partition,
        offset: Math.min(Math.max(to.offset, starts[i]!.offset), ends[i]!.offset),
      }));
    }
    const found: ListedOffset[] = await listOffsets(cluster, partitions, to.timestampMs satisfies OffsetSpec);
    return found.map((listed, i) => (listed.offset < 0 ? ends[i]! : listed));
  }

  return {
    async listGroups() {
      const { nodes } = await cluster.metadata([]);
      const lists = await Promise.all(
        nodes.map(({ nodeId }) =>
          ask(nodeId, 'listGroups', apis.listGroups.request.create({}), (answer) => {
            if (answer.errorCode !== 0) throw refusal('listGroups', answer.errorCode);
            return answer.groups;
          }),
        ),
      );
      return lists
        .flat()
        .map(({ groupId, protocolType, groupState }) => ({ groupId, protocolType, state: groupState }))
        .sort((a, b) => (a.groupId < b.groupId ? -1 : 1));
    },
    describeGroups: (groupIds) => Promise.all(groupIds.map(describe)),
    async deleteGroups(groupIds) {
      const deleted: string[] = [];
      for (const groupId of groupIds) {
        const errorCode = await askGroup(
          groupId,
          'deleteGroups',
          apis.deleteGroups.request.create({ groupsNames: [groupId] }),
          (answer) => {
            const code = answer.results[0]!.errorCode;
            const { name } = errorOf(code);
            if (name !== 'NON_EMPTY_GROUP' && name !== 'GROUP_ID_NOT_FOUND') checkGroup('deleteGroups', code, groupId);
            return code;
          },
        );
        const { name } = errorOf(errorCode);
        if (name === 'NON_EMPTY_GROUP')
          throw new Fault('GROUP_NOT_EMPTY', { group: groupId, members: await countMembers(groupId) });
        if (name === 'NONE') deleted.push(groupId);
      }
      return deleted;
    },
    async removeMembers(groupId, memberIds) {
      const present = await wireGroup(groupId).then(
        ({ members }) => members,
        (error: unknown) => {
          if (isFault(error, 'GROUP_NOT_FOUND')) return [];
          throw error;
        },
      );
      const leaving = present.filter(({ memberId }) => memberIds?.includes(memberId) ?? true);
      if (leaving.length === 0) return;
      const request = apis.leaveGroup.request.create({
        groupId,
        members: leaving.map(({ memberId, groupInstanceId }) => ({ memberId, groupInstanceId })),
      });
      await askGroup(groupId, 'leaveGroup', request, ({ errorCode }) => checkGroup('leaveGroup', errorCode, groupId));
    },
    async resetOffsets(groupId, partitions, to) {
      const members = await countMembers(groupId);
      if (members > 0) throw new Fault('GROUP_NOT_EMPTY', { group: groupId, members });
      const targets = (await targetsOf(partitions, to)).map(({ topic, partition, offset }) => ({
        topic,
        partition,
        offset,
      }));
      await createOffsets(cluster, groupId).commit(targets);
      return targets;
    },
  };
}

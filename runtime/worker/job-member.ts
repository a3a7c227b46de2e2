// A worker's membership in the job's group: Kafka's classic protocol with an assignor of ours, whose user data says which
// tasks a member has and gets. The topics and partitions in it are for the tools that show groups. Tasks that stay where
// they are go on while the group rebalances; who is to give some up does so, and asks for the next assignment (KIP-429).
import {
  type Client,
  decodeAssignment,
  decodeSubscription,
  encodeAssignment,
  encodeSubscription,
  type GroupGeneration,
  type MemberMetadata,
} from '../../core/client/index.ts';
import { Fault } from '../../core/kernel/fault.ts';
import type { Logger } from '../../core/kernel/logger.ts';
import type { Topology } from '../../dsl/compile/topology.ts';
import { parseTaskId, type TaskId } from './assignor.ts';
import type { Layout } from './layout.ts';
import {
  type AssignmentData,
  dataVersion,
  decodeAssigned,
  decodeMember,
  encodeAssigned,
  encodeMember,
  type MemberData,
} from './member-data.ts';
import { changelogsOf, sumOf } from './open-state.ts';
import { type PlanMember, planAssignment, planDefaults } from './plan-assignment.ts';

export interface JobMemberOptions {
  readonly client: Client;
  readonly topology: Topology;
  readonly layout: Layout;
  readonly logger: Logger;
  readonly tasks: readonly TaskId[];
  /** Makes the member static: a restart within the session timeout gets its tasks back without a rebalance (KIP-345). */
  readonly instanceId: string | null;
  /** `session.timeout.ms`; default Kafka's 45 s. */
  readonly sessionTimeoutMs?: number | undefined;
  readonly self: () => Omit<MemberData, 'version'>;
  /** Commit: until the next assignment nothing can be committed. Tasks go on. */
  readonly onRejoin: () => Promise<void>;
  readonly onAssign: (assignment: AssignmentData, generation: GroupGeneration) => Promise<void>;
  /** The tasks are somebody else's by now, or may be. */
  readonly onLost: (reason: string) => Promise<void>;
  readonly onFailed: (error: unknown) => void;
}

export interface JobMember {
  start(): void;
  rejoin(): void;
  leave(): Promise<void>;
}

export const protocolName = 'millrace';
/** A rebalance is noticed at the next heartbeat: more often than Kafka's 3 s, since a task that moves stands still meanwhile. */
const heartbeatIntervalMs = 300;

export function createJobMember(options: JobMemberOptions): JobMember {
  const { client, topology, layout, tasks } = options;
  const inputTopics = (id: TaskId) =>
    topology.subTopologies[parseTaskId(id).subTopology]!.inputs.flatMap((input) =>
      input.kind === 'topic' ? [input.topic.name] : [],
    );
  const topics = [...new Set(tasks.flatMap(inputTopics))].sort();
  const stateful = new Set(tasks.filter((id) => changelogsOf(topology, id).length > 0));

  const partitionsOf = (ids: readonly TaskId[]) => {
    const found = new Map<string, number[]>();
    for (const id of ids) {
      for (const topic of inputTopics(id)) found.set(topic, [...(found.get(topic) ?? []), parseTaskId(id).partition]);
    }
    return [...found].map(([topic, partitions]) => ({
      topic,
      partitions: partitions.filter((p) => p < layout.partitions.get(topic)!),
    }));
  };

  /** How far the changelogs of each task are; empty where it can't be known now, and then nobody is warm. */
  async function changelogEnds(): Promise<ReadonlyMap<TaskId, number>> {
    const wanted = [...stateful].flatMap((id) =>
      changelogsOf(topology, id).map((topic) => ({ id, topic, partition: parseTaskId(id).partition })),
    );
    try {
      const listed = await client.admin().listOffsets(wanted, 'latest', 'readUncommitted');
      const offsetsOf = (id: TaskId) => wanted.flatMap((one, i) => (one.id === id ? [listed[i]!.offset] : []));
      return new Map([...stateful].map((id) => [id, sumOf(offsetsOf(id))]));
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      options.logger.warn({ error }, 'the ends of changelogs are not known: tasks stay where they are, if they can');
      return new Map();
    }
  }

  async function assign(list: readonly MemberMetadata[]) {
    const data = new Map(
      list.map(({ memberId, metadata }) => [memberId, decodeMember(decodeSubscription(metadata).userData)]),
    );
    const members = [...data].map(
      ([memberId, { processId, tasks: owned, generation }]): PlanMember => ({
        ...{ memberId, owned, generation },
        // Of a member that doesn't say where it is.
        processId: processId === '' ? memberId : processId,
      }),
    );
    const isAlone = new Set(members.map(({ processId }) => processId)).size === 1;
    const ends = isAlone ? new Map<TaskId, number>() : await changelogEnds();
    const lagOf = (processId: string, task: TaskId): number => {
      let lag = Number.POSITIVE_INFINITY;
      for (const { memberId, processId: other, owned } of members) {
        if (other !== processId) continue;
        if (owned.includes(task)) return 0;
        const [end, position] = [ends.get(task), data.get(memberId)!.positions[task]];
        if (end !== undefined && position !== undefined) lag = Math.min(lag, Math.max(0, end - position));
      }
      return lag;
    };
    const settings = { ...planDefaults, standbys: topology.options.standbys };
    const plan = planAssignment({ tasks, stateful, members, lagOf, settings });
    const version = Math.min(dataVersion, ...[...data.values()].map((member) => member.version));
    const told = [...plan].map(([memberId, { active, standby }]) => ({
      address: data.get(memberId)!.address,
      active,
      standby,
    }));
    const answering = told.some(({ address }) => address !== null) ? told : [];
    return [...plan].map(([memberId, planned]) => ({
      memberId,
      assignment: encodeAssignment({
        partitions: partitionsOf(planned.active),
        userData: encodeAssigned({ version, ...planned, members: answering }),
      }),
    }));
  }

  return client.groupMember({
    groupId: topology.job,
    heartbeatIntervalMs,
    ...(options.sessionTimeoutMs !== undefined && { sessionTimeoutMs: options.sessionTimeoutMs }),
    ...(options.instanceId !== null && { groupInstanceId: options.instanceId }),
    protocols: [
      {
        name: protocolName,
        metadata: () =>
          encodeSubscription({
            topics,
            userData: encodeMember({ version: dataVersion, ...options.self() }),
            ownedPartitions: [],
          }),
      },
    ],
    assign,
    onRevoke: options.onRejoin,
    onAssign: (assignment, generation) =>
      options.onAssign(decodeAssigned(decodeAssignment(assignment).userData), generation),
    onLost: options.onLost,
    // A generation without this member gives its tasks to others, who wait for them, and may have processed further.
    onJoinFailed: options.onLost,
    onFailed: options.onFailed,
  });
}

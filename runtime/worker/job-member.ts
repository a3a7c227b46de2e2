// A worker's membership in the job's group: Kafka's classic protocol with an assignor of ours, whose user data says
// which tasks a member has and gets. The topics and partitions in it are for the tools that show groups.
import {
  type Client,
  decodeAssignment,
  decodeSubscription,
  encodeAssignment,
  encodeSubscription,
  type GroupGeneration,
} from '../../core/client/index.ts';
import type { Topology } from '../../dsl/compile/topology.ts';
import { assignTasks, parseTaskId, type TaskId } from './assignor.ts';
import type { Layout } from './layout.ts';

export interface JobMemberOptions {
  readonly client: Client;
  readonly topology: Topology;
  readonly layout: Layout;
  readonly tasks: readonly TaskId[];
  readonly owned: () => readonly TaskId[];
  /** Commit and stop: the tasks may be somebody else's after it. */
  readonly onRevoke: () => Promise<void>;
  readonly onAssign: (tasks: readonly TaskId[], generation: GroupGeneration) => Promise<void>;
  /** The tasks are somebody else's by now, or may be. */
  readonly onLost: (reason: string) => Promise<void>;
  readonly onFailed: (error: unknown) => void;
}

export interface JobMember {
  start(): void;
  rejoin(): void;
  leave(): Promise<void>;
}

const protocolName = 'millrace';
const userDataVersion = 1;
/** A rebalance is noticed at the next heartbeat: more often than Kafka's 3 s, since tasks stand still meanwhile. */
const heartbeatIntervalMs = 300;

interface UserData {
  readonly version: number;
  readonly tasks: readonly TaskId[];
}

const encodeTasks = (tasks: readonly TaskId[]): Uint8Array =>
  Buffer.from(JSON.stringify({ version: userDataVersion, tasks } satisfies UserData));

/** Fields that a later version adds are passed over, so members of two versions can be in one group. */
const decodeTasks = (bytes: Uint8Array | null): readonly TaskId[] =>
  bytes === null || bytes.length === 0 ? [] : (JSON.parse(Buffer.from(bytes).toString()) as UserData).tasks;

export function createJobMember(options: JobMemberOptions): JobMember {
  const { client, topology, layout } = options;
  const inputTopics = (id: TaskId) =>
    topology.subTopologies[parseTaskId(id).subTopology]!.inputs.flatMap((input) =>
      input.kind === 'topic' ? [input.topic.name] : [],
    );
  const topics = [
    ...new Set(
      topology.subTopologies.flatMap((sub) =>
        sub.inputs.flatMap((input) => (input.kind === 'topic' ? [input.topic.name] : [])),
      ),
    ),
  ].sort();

  const partitionsOf = (tasks: readonly TaskId[]) => {
    const found = new Map<string, number[]>();
    for (const id of tasks) {
      for (const topic of inputTopics(id)) found.set(topic, [...(found.get(topic) ?? []), parseTaskId(id).partition]);
    }
    return [...found].map(([topic, partitions]) => ({
      topic,
      partitions: partitions.filter((p) => p < layout.partitions.get(topic)!),
    }));
  };

  return client.groupMember({
    groupId: topology.job,
    heartbeatIntervalMs,
    protocols: [
      {
        name: protocolName,
        metadata: () => encodeSubscription({ topics, userData: encodeTasks(options.owned()), ownedPartitions: [] }),
      },
    ],
    assign: async (members) => {
      const shared = assignTasks(
        options.tasks,
        members.map(({ memberId, metadata }) => ({
          memberId,
          owned: decodeTasks(decodeSubscription(metadata).userData),
        })),
      );
      return members.map(({ memberId }) => {
        const tasks = shared.get(memberId)!;
        return {
          memberId,
          assignment: encodeAssignment({ partitions: partitionsOf(tasks), userData: encodeTasks(tasks) }),
        };
      });
    },
    onRevoke: options.onRevoke,
    onAssign: (assignment, generation) =>
      options.onAssign(decodeTasks(decodeAssignment(assignment).userData), generation),
    onLost: options.onLost,
    // A generation without this member gives its tasks to others, who wait for them, and may have processed further.
    onJoinFailed: options.onLost,
    onFailed: options.onFailed,
  });
}

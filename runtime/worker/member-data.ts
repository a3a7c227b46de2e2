// What members of a job's group tell each other in the user data of Kafka's consumer protocol, as JSON: a member what it
// has, the leader who gets what. Fields may be added; one that is there keeps its meaning, so that members of two versions
// can be in one group while a job is deployed. What a rule itself depends on is told by `version`.
import type { TaskId } from './assignor.ts';

/** Of what this code writes. The leader plans by the lowest of the group (Kafka Streams' version probing). */
export const dataVersion = 1;

export interface MemberData {
  readonly version: number;
  /** Members of one process share its state on disk. */
  readonly processId: string;
  /** Of the assignment by which it has its tasks; -1 before the first. */
  readonly generation: number;
  /** Tasks at work, which it goes on with until it is told otherwise. */
  readonly tasks: readonly TaskId[];
  /** Records of its changelogs that the state on disk of a task has taken in, over all partitions of the task. */
  readonly positions: Readonly<Record<TaskId, number>>;
  /** `host:port` where it answers queries; null where it doesn't. */
  readonly address: string | null;
}

export interface PlannedMember {
  readonly address: string | null;
  readonly active: readonly TaskId[];
  readonly standby: readonly TaskId[];
}

export interface AssignmentData {
  readonly version: number;
  readonly active: readonly TaskId[];
  /** Tasks whose state it keeps up to date without running them. */
  readonly standby: readonly TaskId[];
  /** Tasks of `standby` that it is to run once their state is warm: it asks for them then. */
  readonly warming: readonly TaskId[];
  /** All members of the group that answer queries. */
  readonly members: readonly PlannedMember[];
}

const encode = (data: MemberData | AssignmentData): Uint8Array => Buffer.from(JSON.stringify(data));

export const encodeMember: (data: MemberData) => Uint8Array = encode;
export const encodeAssigned: (data: AssignmentData) => Uint8Array = encode;

const nothing: MemberData = {
  version: dataVersion,
  processId: '',
  generation: -1,
  tasks: [],
  positions: {},
  address: null,
};

export const decodeMember = (bytes: Uint8Array | null): MemberData => ({ ...nothing, ...parsed(bytes) });

export const decodeAssigned = (bytes: Uint8Array | null): AssignmentData => ({
  ...{ version: dataVersion, active: [], standby: [], warming: [], members: [] },
  ...parsed(bytes),
});

const parsed = (bytes: Uint8Array | null): object =>
  bytes === null || bytes.length === 0 ? {} : (JSON.parse(Buffer.from(bytes).toString()) as object);

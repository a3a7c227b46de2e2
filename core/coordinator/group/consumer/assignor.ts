// What an assignor is: a pure function from members and topics to targets. The same input gives the same answer on every
// node. Which there are is in assignors.ts.
import { type Assignment, select } from './assignment.ts';

export interface AssignorMember {
  readonly memberId: string;
  readonly instanceId: string | null;
  /** Ids of the topics it reads, all of which exist, sorted. */
  readonly topicIds: readonly string[];
  /** Its target so far, to be kept as far as it can. Disjoint from those of others. */
  readonly current: Assignment;
}

export interface AssignorInput {
  readonly members: readonly AssignorMember[];
  /** Topic id → number of partitions; every topic that a member reads is there. */
  readonly partitions: ReadonlyMap<string, number>;
}

/** A target for every member; each partition of each topic that anyone reads is in exactly one. */
export type Assignor = (input: AssignorInput) => Map<string, Assignment>;

/** What of `assignment` still exists and is still read. */
export const stillThere = (
  assignment: Assignment,
  read: ReadonlySet<string>,
  partitions: ReadonlyMap<string, number>,
): Assignment =>
  select(assignment, (topicId, partition) => read.has(topicId) && partition < (partitions.get(topicId) ?? 0));

// Who a member of a group is, and since when: what its commits are checked against.

/** A member of a group at one generation, as `GroupMember` tells it; offsets of an older one are refused. */
export interface GroupGeneration {
  readonly generationId: number;
  readonly memberId: string;
  readonly groupInstanceId: string | null;
}

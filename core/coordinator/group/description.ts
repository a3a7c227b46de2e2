// How a group looks from outside: DescribeGroups and ListGroups.
import { type Group, type GroupState, metadataFor, noBytes } from './group.ts';

/** As Kafka spells them; a group that isn't there is 'Dead'. */
const stateNames = {
  empty: 'Empty',
  preparingRebalance: 'PreparingRebalance',
  completingRebalance: 'CompletingRebalance',
  stable: 'Stable',
} as const satisfies Record<GroupState, string>;

export type StateName = (typeof stateNames)[GroupState];

export interface GroupListing {
  readonly groupId: string;
  readonly protocolType: string;
  readonly state: StateName;
}

export interface GroupDescription extends GroupListing {
  /** Empty unless stable, as is what it gives to members. */
  readonly protocolName: string;
  readonly members: readonly {
    readonly memberId: string;
    readonly groupInstanceId: string | null;
    readonly clientId: string;
    readonly clientHost: string;
    readonly metadata: Uint8Array;
    readonly assignment: Uint8Array;
  }[];
}

export const listGroup = (group: Group): GroupListing => ({
  groupId: group.groupId,
  protocolType: group.protocolType ?? '',
  state: stateNames[group.state],
});

export function describeGroup(group: Group): GroupDescription {
  const stable = group.state === 'stable';
  return {
    ...listGroup(group),
    protocolName: stable ? (group.protocolName ?? '') : '',
    members: [...group.members.values()].map((member) => ({
      memberId: member.memberId,
      groupInstanceId: member.groupInstanceId,
      clientId: member.clientId,
      clientHost: member.clientHost,
      metadata: stable ? metadataFor(member, group.protocolName) : noBytes,
      assignment: stable ? member.assignment : noBytes,
    })),
  };
}

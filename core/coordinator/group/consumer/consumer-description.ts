// How a consumer group looks from outside: ConsumerGroupDescribe.
import { type Assignment, listed, nothing } from './assignment.ts';
import {
  assignorOf,
  type ConsumerGroup,
  type ConsumerGroupState,
  type ConsumerMember,
  stateOf,
} from './consumer-group.ts';
import type { TopicDirectory } from './subscription.ts';

export type NamedPartitions = readonly {
  readonly topicId: string;
  readonly topicName: string;
  readonly partitions: readonly number[];
}[];

export interface ConsumerGroupDescription {
  readonly groupId: string;
  readonly state: ConsumerGroupState;
  readonly epoch: number;
  readonly assignmentEpoch: number;
  readonly assignorName: string;
  readonly members: readonly (Pick<
    ConsumerMember,
    | 'memberId'
    | 'instanceId'
    | 'rackId'
    | 'memberEpoch'
    | 'clientId'
    | 'clientHost'
    | 'subscribedTopicNames'
    | 'subscribedTopicRegex'
  > & { readonly assignment: NamedPartitions; readonly target: NamedPartitions })[];
}

export const describeConsumerGroup = (group: ConsumerGroup, directory: TopicDirectory): ConsumerGroupDescription => ({
  groupId: group.groupId,
  state: stateOf(group),
  epoch: group.epoch,
  assignmentEpoch: group.assignmentEpoch,
  assignorName: assignorOf(group),
  members: [...group.members.values()].map(({ assigned, pendingRevocation: _, ...member }) => ({
    ...member,
    assignment: named(assigned, directory),
    target: named(group.targets.get(member.memberId) ?? nothing, directory),
  })),
});

/** Without topics that are gone: they have no name any more. */
const named = (assignment: Assignment, { topicsById }: TopicDirectory): NamedPartitions =>
  listed(assignment).flatMap(({ topicId, partitions }) => {
    const topic = topicsById.get(topicId);
    return topic === undefined ? [] : [{ topicId, topicName: topic.name, partitions }];
  });

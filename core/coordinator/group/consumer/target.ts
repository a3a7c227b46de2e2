// The target of a group: what each member is to have once all have given up what is no longer theirs.
import { type Assignment, nothing } from './assignment.ts';
import { assignors } from './assignors.ts';
import { assignorOf, type ConsumerGroup } from './consumer-group.ts';
import type { Subscriptions, TopicView } from './subscription.ts';

export function targetsFor(
  group: ConsumerGroup,
  topics: ReadonlyMap<string, TopicView>,
  subscriptions: Subscriptions,
): Map<string, Assignment> {
  const idsOf = new Map<readonly TopicView[], readonly string[]>();
  const topicIds = (found: readonly TopicView[]) => {
    let ids = idsOf.get(found);
    if (ids === undefined) idsOf.set(found, (ids = found.map(({ id }) => id)));
    return ids;
  };
  return assignors[assignorOf(group)]({
    members: [...group.members.values()].map((member) => ({
      memberId: member.memberId,
      instanceId: member.instanceId,
      topicIds: topicIds(subscriptions.topicsOf(member)),
      current: group.targets.get(member.memberId) ?? nothing,
    })),
    partitions: new Map([...topics.values()].map(({ id, partitions }) => [id, partitions])),
  });
}

// The range assignor: of each topic every reader has one run of partitions, in the same order of members for all topics,
// so that topics with as many partitions are co-partitioned. Sticky by that order: members stay in the order in which
// their runs lie and newcomers come last, static ones by their instance id (Kafka's sorts by id alone, so that a newcomer
// may shift everyone).
import { type Assignment, compare, each } from './assignment.ts';
import type { AssignorInput, AssignorMember } from './assignor.ts';

export function range({ members, partitions }: AssignorInput): Map<string, Assignment> {
  const ordered = inOrder(members, partitions);
  const readers = new Map<string, AssignorMember[]>();
  for (const member of ordered) {
    for (const topicId of member.topicIds) {
      const list = readers.get(topicId);
      if (list === undefined) readers.set(topicId, [member]);
      else list.push(member);
    }
  }
  const targets = new Map(ordered.map(({ memberId }) => [memberId, new Map<string, Set<number>>()]));
  for (const [topicId, list] of readers) {
    const count = partitions.get(topicId)!;
    const quota = Math.floor(count / list.length);
    const odd = count % list.length;
    let next = 0;
    for (const [i, { memberId }] of list.entries()) {
      const size = quota + (i < odd ? 1 : 0);
      if (size === 0) break;
      targets.get(memberId)!.set(topicId, new Set(Array.from({ length: size }, (_, k) => next + k)));
      next += size;
    }
  }
  return targets;
}

function inOrder(
  members: readonly AssignorMember[],
  partitions: ReadonlyMap<string, number>,
): readonly AssignorMember[] {
  const placed = members.map((member) => ({ member, place: placeOf(member, partitions) }));
  return placed
    .sort((a, b) => (a.place === b.place ? byId(a.member, b.member) : a.place - b.place))
    .map(({ member }) => member);
}

/** Where the runs of a member begin, as a part of a topic; infinite where it has none. */
function placeOf({ current }: AssignorMember, partitions: ReadonlyMap<string, number>): number {
  let place = Number.POSITIVE_INFINITY;
  for (const [topicId, partition] of each(current)) {
    const count = partitions.get(topicId);
    if (count !== undefined) place = Math.min(place, partition / count);
  }
  return place;
}

function byId(a: AssignorMember, b: AssignorMember): number {
  if (a.instanceId !== null && b.instanceId !== null) return compare(a.instanceId, b.instanceId);
  if (a.instanceId !== null) return -1;
  return b.instanceId !== null ? 1 : compare(a.memberId, b.memberId);
}

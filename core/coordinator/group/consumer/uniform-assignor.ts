// The uniform assignor: every member the same number of partitions, give or take one, and no partition moved that need
// not be. Where members read different topics the same holds as far as the subscriptions let it; see balance.ts.
import { type Assignment, compare, countOf, each, put } from './assignment.ts';
import { type AssignorInput, type AssignorMember, stillThere } from './assignor.ts';
import { balance } from './balance.ts';

export function uniform(input: AssignorInput): Map<string, Assignment> {
  const { partitions } = input;
  const members = [...input.members].sort((a, b) => compare(a.memberId, b.memberId));
  const first = members[0];
  if (first === undefined) return new Map();
  if (!members.every(({ topicIds }) => sameTopics(topicIds, first.topicIds))) return balance({ members, partitions });
  return even(members, first.topicIds, partitions);
}

/** All read the same topics. */
function even(
  members: readonly AssignorMember[],
  topicIds: readonly string[],
  partitions: ReadonlyMap<string, number>,
): Map<string, Assignment> {
  const read = new Set(topicIds);
  const kept = members
    .map(({ memberId, current }) => ({ memberId, kept: stillThere(current, read, partitions) }))
    // Those who have most keep the odd ones: giving them to others would move more.
    .sort((a, b) => countOf(b.kept) - countOf(a.kept) || compare(a.memberId, b.memberId));
  const total = topicIds.reduce((sum, topicId) => sum + partitions.get(topicId)!, 0);
  const quota = Math.floor(total / members.length);
  const odd = total % members.length;
  const targets = kept.map(({ memberId, kept: before }, i) => {
    const max = quota + (i < odd ? 1 : 0);
    return { memberId, max, ...firstOf(before, max) };
  });

  const taken = new Map<string, Set<number>>();
  for (const { target } of targets) for (const [topicId, partition] of each(target)) put(taken, topicId, partition);
  let open = targets.filter(({ size, max }) => size < max);
  let turn = 0;
  for (const topicId of topicIds) {
    for (let partition = 0; partition < partitions.get(topicId)!; partition++) {
      if (taken.get(topicId)?.has(partition) === true) continue;
      // In turns, so that the partitions of one topic are spread.
      if (turn >= open.length) {
        open = open.filter(({ size, max }) => size < max);
        turn = 0;
      }
      const next = open[turn++]!;
      put(next.target, topicId, partition);
      next.size++;
    }
  }
  return new Map(targets.map(({ memberId, target }) => [memberId, target]));
}

function firstOf(assignment: Assignment, max: number): { target: Map<string, Set<number>>; size: number } {
  const target = new Map<string, Set<number>>();
  let size = 0;
  for (const [topicId, partition] of each(assignment)) {
    if (size === max) break;
    put(target, topicId, partition);
    size++;
  }
  return { target, size };
}

const sameTopics = (a: readonly string[], b: readonly string[]): boolean =>
  a.length === b.length && a.every((topicId, i) => topicId === b[i]);

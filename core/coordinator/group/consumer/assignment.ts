// Sets of partitions by topic id, as targets and members' assignments are kept. Never changed once made; a topic without
// partitions isn't in it, so that equal sets look equal.

/** Topic id → partitions. */
export type Assignment = ReadonlyMap<string, ReadonlySet<number>>;

/** As requests, answers and records list it. */
export type TopicPartitions = readonly { readonly topicId: string; readonly partitions: readonly number[] }[];

export const nothing: Assignment = new Map();

export function assignmentOf(listed: TopicPartitions): Assignment {
  const assignment = new Map<string, Set<number>>();
  for (const { topicId, partitions } of listed) {
    for (const partition of partitions) put(assignment, topicId, partition);
  }
  return assignment;
}

/** For the one who makes it. */
export function put(assignment: Map<string, Set<number>>, topicId: string, partition: number): void {
  const partitions = assignment.get(topicId);
  if (partitions === undefined) assignment.set(topicId, new Set([partition]));
  else partitions.add(partition);
}

/** In the order of topic ids and partitions, so that equal assignments are equal bytes. */
export const listed = (assignment: Assignment): { topicId: string; partitions: number[] }[] =>
  [...assignment]
    .map(([topicId, partitions]) => ({ topicId, partitions: [...partitions].sort((a, b) => a - b) }))
    .sort((a, b) => compare(a.topicId, b.topicId));

export function* each(assignment: Assignment): Iterable<readonly [topicId: string, partition: number]> {
  for (const [topicId, partitions] of assignment) {
    for (const partition of partitions) yield [topicId, partition];
  }
}

export const has = (assignment: Assignment, topicId: string, partition: number): boolean =>
  assignment.get(topicId)?.has(partition) === true;

export function countOf(assignment: Assignment): number {
  let count = 0;
  for (const partitions of assignment.values()) count += partitions.size;
  return count;
}

export function subsetOf(part: Assignment, whole: Assignment): boolean {
  for (const [topicId, partition] of each(part)) if (!has(whole, topicId, partition)) return false;
  return true;
}

export const equal = (a: Assignment, b: Assignment): boolean =>
  a === b || (countOf(a) === countOf(b) && subsetOf(a, b));

export function select(from: Assignment, keep: (topicId: string, partition: number) => boolean): Assignment {
  const kept = new Map<string, Set<number>>();
  for (const [topicId, partition] of each(from)) if (keep(topicId, partition)) put(kept, topicId, partition);
  return kept;
}

export function union(a: Assignment, b: Assignment): Assignment {
  const both = new Map<string, Set<number>>();
  for (const assignment of [a, b]) for (const [topicId, partition] of each(assignment)) put(both, topicId, partition);
  return both;
}

/** By code unit, the same on every machine. */
export const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

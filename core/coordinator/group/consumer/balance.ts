// Even loads where members read different topics: which member may have which partition is a bipartite graph, and the
// best spread is reached when no partition can be handed on, from member to member, to one who has two fewer (Harvey,
// Ladner, Lovász and Tamir, "Semi-matchings for bipartite graphs and load balancing"). Kafka's builder looks at single
// hand-overs only. Work is bounded: past the bound the spread may be less even, never wrong.
import { type Assignment, countOf, each, has, put } from './assignment.ts';
import { type AssignorInput, type AssignorMember, stillThere } from './assignor.ts';

/** Looks at a neighbour; some tens of milliseconds in all. */
const looksMax = 2_000_000;

interface Loaded {
  readonly member: AssignorMember;
  readonly target: Map<string, Set<number>>;
  load: number;
}

/** @param members sorted by id */
export function balance({ members, partitions }: AssignorInput): Map<string, Assignment> {
  const loaded = members.map((member): Loaded => {
    const kept = stillThere(member.current, new Set(member.topicIds), partitions);
    const target = new Map([...kept].map(([topicId, set]) => [topicId, new Set(set)]));
    return { member, target, load: countOf(kept) };
  });
  const readers = new Map<string, Loaded[]>();
  for (const one of loaded) {
    for (const topicId of one.member.topicIds) {
      const list = readers.get(topicId);
      if (list === undefined) readers.set(topicId, [one]);
      else list.push(one);
    }
  }
  giveOutFree(loaded, readers, partitions);
  even(loaded, readers);
  return new Map(loaded.map(({ member, target }) => [member.memberId, target]));
}

/** Topics with the fewest readers first, for theirs is the least choice; each partition to the least loaded reader. */
function giveOutFree(
  loaded: readonly Loaded[],
  readers: ReadonlyMap<string, readonly Loaded[]>,
  partitions: ReadonlyMap<string, number>,
): void {
  const taken = new Map<string, Set<number>>();
  for (const { target } of loaded) for (const [topicId, partition] of each(target)) put(taken, topicId, partition);
  const topicIds = [...readers].sort(([, a], [, b]) => a.length - b.length).map(([topicId]) => topicId);
  for (const topicId of topicIds) {
    const candidates = readers.get(topicId)!;
    for (let partition = 0; partition < partitions.get(topicId)!; partition++) {
      if (taken.get(topicId)?.has(partition) === true) continue;
      let least = candidates[0]!;
      for (const candidate of candidates) if (candidate.load < least.load) least = candidate;
      put(least.target, topicId, partition);
      least.load++;
    }
  }
}

function even(loaded: readonly Loaded[], readers: ReadonlyMap<string, readonly Loaded[]>): void {
  const budget = { looks: looksMax };
  for (let moved = true; moved && budget.looks > 0; ) {
    moved = false;
    for (const from of [...loaded].sort((a, b) => b.load - a.load)) {
      while (budget.looks > 0 && handOn(from, readers, budget)) moved = true;
    }
  }
}

/** Finds the shortest chain from `from` to one with at least two fewer, and moves one partition along each link. */
function handOn(from: Loaded, readers: ReadonlyMap<string, readonly Loaded[]>, budget: { looks: number }): boolean {
  const before = new Map<Loaded, { giver: Loaded; topicId: string }>();
  const queue = [from];
  for (let i = 0; i < queue.length && budget.looks > 0; i++) {
    const giver = queue[i]!;
    for (const topicId of giver.target.keys()) {
      for (const taker of readers.get(topicId)!) {
        budget.looks--;
        if (taker === from || before.has(taker)) continue;
        before.set(taker, { giver, topicId });
        if (taker.load <= from.load - 2) {
          moveAlong(taker, from, before);
          return true;
        }
        queue.push(taker);
      }
    }
  }
  return false;
}

function moveAlong(last: Loaded, first: Loaded, before: ReadonlyMap<Loaded, { giver: Loaded; topicId: string }>): void {
  for (let taker = last; taker !== first; ) {
    const { giver, topicId } = before.get(taker)!;
    const set = giver.target.get(topicId)!;
    const given = bestToGive(set, topicId, giver, taker);
    set.delete(given);
    if (set.size === 0) giver.target.delete(topicId);
    put(taker.target, topicId, given);
    taker = giver;
  }
  first.load--;
  last.load++;
}

/** One that goes back to where it was, else one that the giver didn't have before, else any. */
function bestToGive(set: ReadonlySet<number>, topicId: string, giver: Loaded, taker: Loaded): number {
  let any = -1;
  let fresh = -1;
  for (const partition of set) {
    if (has(taker.member.current, topicId, partition)) return partition;
    if (!has(giver.member.current, topicId, partition)) fresh = partition;
    any = partition;
  }
  return fresh >= 0 ? fresh : any;
}

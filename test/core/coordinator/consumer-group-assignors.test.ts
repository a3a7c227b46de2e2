// The server-side assignors on their own: everything assigned once, evenly, and as little moved as can be.
import { describe, expect, test } from 'vitest';
import {
  type Assignment,
  assignmentOf,
  countOf,
  each,
  has,
  listed,
} from '../../../core/coordinator/group/consumer/assignment.ts';
import type { AssignorInput, AssignorMember } from '../../../core/coordinator/group/consumer/assignor.ts';
import { range } from '../../../core/coordinator/group/consumer/range-assignor.ts';
import { uniform } from '../../../core/coordinator/group/consumer/uniform-assignor.ts';
import { type Random, seededRandom } from '../../../core/kernel/random.ts';

type Current = Record<string, number[]>;

const member = (
  memberId: string,
  topicIds: string[],
  current: Current = {},
  instanceId: string | null = null,
): AssignorMember => ({
  memberId,
  instanceId,
  topicIds: topicIds.toSorted(),
  current: assignmentOf(Object.entries(current).map(([topicId, partitions]) => ({ topicId, partitions }))),
});
const show = (targets: ReadonlyMap<string, Assignment>) =>
  Object.fromEntries(
    [...targets].map(([memberId, target]) => [
      memberId,
      listed(target)
        .map(({ topicId, partitions }) => `${topicId}: ${partitions}`)
        .join('; '),
    ]),
  );
const sizes = (targets: ReadonlyMap<string, Assignment>) => [...targets.values()].map(countOf).sort((a, b) => a - b);

function checkComplete({ members, partitions }: AssignorInput, targets: ReadonlyMap<string, Assignment>): void {
  const given = new Set<string>();
  for (const { memberId, topicIds } of members) {
    for (const [topicId, partition] of each(targets.get(memberId)!)) {
      expect(topicIds).toContain(topicId);
      expect(partition).toBeLessThan(partitions.get(topicId)!);
      expect(given.has(`${topicId}/${partition}`)).toBe(false);
      given.add(`${topicId}/${partition}`);
    }
  }
  const read = new Set(members.flatMap(({ topicIds }) => topicIds));
  expect(given.size).toBe([...read].reduce((sum, topicId) => sum + partitions.get(topicId)!, 0));
}

describe('uniform', () => {
  test('spreads each topic over all', () => {
    const partitions = new Map([
      ['t', 4],
      ['u', 3],
    ]);
    const targets = uniform({ members: [member('a', ['t', 'u']), member('b', ['t', 'u'])], partitions });
    expect(show(targets)).toEqual({ a: 't: 0,2; u: 0,2', b: 't: 1,3; u: 1' });
  });

  test('takes from those who have too much, and only that', () => {
    const partitions = new Map([['t', 5]]);
    const members = [member('a', ['t'], { t: [0, 1, 2] }), member('b', ['t'], { t: [3, 4] }), member('c', ['t'])];
    expect(show(uniform({ members, partitions }))).toEqual({ a: 't: 0,1', b: 't: 3,4', c: 't: 2' });
  });

  test('lets go of what is gone', () => {
    const partitions = new Map([['t', 2]]);
    const members = [member('a', ['t'], { t: [0, 5], gone: [0] }), member('b', ['t'], { t: [1] })];
    expect(show(uniform({ members, partitions }))).toEqual({ a: 't: 0', b: 't: 1' });
  });

  test('hands on along a chain where members read different topics', () => {
    // b can only be relieved by a, who has to give to c.
    const partitions = new Map([
      ['ab', 2],
      ['ac', 3],
      ['c', 0],
    ]);
    const members = [
      member('a', ['ab', 'ac'], { ac: [0, 1] }),
      member('b', ['ab'], { ab: [0, 1] }),
      member('c', ['ac', 'c'], { ac: [2] }),
    ];
    const targets = uniform({ members, partitions });
    expect(sizes(targets)).toEqual([1, 2, 2]);
    const crowded = [
      member('a', ['ab', 'ac'], { ac: [0, 1] }),
      member('b', ['ab'], { ab: [0, 1, 2] }),
      member('c', ['ac']),
    ];
    expect(
      sizes(
        uniform({
          members: crowded,
          partitions: new Map([
            ['ab', 3],
            ['ac', 2],
          ]),
        }),
      ),
    ).toEqual([1, 2, 2]);
  });

  test('of a thousand members and ten thousand partitions is quick', () => {
    const partitions = new Map(Array.from({ length: 10 }, (_, i) => [`t${i}`, 1_000] as const));
    const topicIds = [...partitions.keys()];
    let members = Array.from({ length: 1_000 }, (_, i) => member(`m${i}`, topicIds));
    for (let round = 0; round < 2; round++) {
      const input = { members, partitions };
      const targets = uniform(input);
      expect(new Set(sizes(targets))).toEqual(new Set([10]));
      members = members.map((one) => ({ ...one, current: targets.get(one.memberId)! }));
    }
  });
});

function randomInput(random: Random, homogeneous: boolean): AssignorInput {
  const topicIds = Array.from({ length: 1 + random.integer(5) }, (_, i) => `t${i}`);
  const partitions = new Map(topicIds.map((topicId) => [topicId, random.integer(9)]));
  const members = Array.from({ length: 1 + random.integer(7) }, (_, i) =>
    member(`m${i}`, homogeneous ? topicIds : topicIds.filter(() => random.next() < 0.5)),
  );
  return { members, partitions };
}

/** The same group a little later. */
function later(
  random: Random,
  { members, partitions }: AssignorInput,
  targets: ReadonlyMap<string, Assignment>,
): AssignorInput {
  const kept = members
    .filter(() => random.next() < 0.85)
    .map((one) => ({ ...one, current: targets.get(one.memberId)! }));
  const grown = new Map([...partitions].map(([topicId, count]) => [topicId, random.next() < 0.2 ? count + 2 : count]));
  return {
    members: [...kept, member(`new${members.length}-${random.integer(1e6)}`, members[0]!.topicIds.slice())],
    partitions: grown,
  };
}

/** The least that anyone can be relieved, by brute force: no chain leads to one with two fewer. */
function improvable({ members }: AssignorInput, targets: ReadonlyMap<string, Assignment>): boolean {
  const load = new Map(members.map(({ memberId }) => [memberId, countOf(targets.get(memberId)!)]));
  return members.some((from) => {
    const reached = new Set([from]);
    for (const giver of reached) {
      for (const taker of members) {
        if (taker.topicIds.some((topicId) => targets.get(giver.memberId)!.has(topicId))) reached.add(taker);
      }
    }
    return [...reached].some((to) => load.get(to.memberId)! <= load.get(from.memberId)! - 2);
  });
}

const seeds = Array.from({ length: 100 }, (_, i) => i + 1);

test.each(seeds)('uniform and range assign everything once, and uniform evenly, seed %i', (seed) => {
  const random = seededRandom(seed);
  const homogeneous = seed % 2 === 0;
  for (const assignor of [uniform, range]) {
    let input = randomInput(random, homogeneous);
    for (let round = 0; round < 4; round++) {
      const targets = assignor(input);
      checkComplete(input, targets);
      expect(assignor(input)).toEqual(targets);
      if (assignor === uniform) {
        expect(improvable(input, targets)).toBe(false);
        const again = {
          ...input,
          members: input.members.map((one) => ({ ...one, current: targets.get(one.memberId)! })),
        };
        expect(show(uniform(again))).toEqual(show(targets));
      }
      input = later(random, input, targets);
    }
  }
});

describe('range', () => {
  const partitions = new Map([
    ['t', 7],
    ['u', 7],
  ]);

  test('gives runs, the same of topics with as many partitions', () => {
    const targets = range({ members: [member('b', ['t', 'u']), member('a', ['t', 'u'])], partitions });
    expect(show(targets)).toEqual({ a: 't: 0,1,2,3; u: 0,1,2,3', b: 't: 4,5,6; u: 4,5,6' });
  });

  test('puts newcomers last, static ones before others, and leaves the rest in their order', () => {
    const members = [
      member('b', ['t'], { t: [0, 1, 2, 3] }),
      member('c', ['t'], { t: [4, 5, 6] }),
      member('a', ['t']),
      member('z', ['t'], {}, 'one'),
    ];
    expect(show(range({ members, partitions }))).toEqual({ b: 't: 0,1', c: 't: 2,3', z: 't: 4,5', a: 't: 6' });
  });

  test('leaves out those for whom there is nothing', () => {
    const members = ['a', 'b', 'c'].map((id) => member(id, ['t']));
    const targets = range({ members, partitions: new Map([['t', 2]]) });
    expect(show(targets)).toEqual({ a: 't: 0', b: 't: 1', c: '' });
    expect(has(targets.get('c')!, 't', 0)).toBe(false);
  });
});

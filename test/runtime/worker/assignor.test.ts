import { expect, test } from 'vitest';
import { seededRandom } from '../../../core/kernel/random.ts';
import { type AssignorMember, assignTasks, parseTaskId } from '../../../runtime/worker/assignor.ts';

const tasksOf = (counts: readonly number[]) =>
  counts.flatMap((count, sub) => Array.from({ length: count }, (_, partition) => `${sub}_${partition}`));

test('one member gets every task', () => {
  expect(assignTasks(tasksOf([1, 2]), [{ memberId: 'a', owned: [] }]).get('a')).toEqual(['0_0', '1_0', '1_1']);
});

test('a second member takes half of each sub-topology, and the first keeps what it had', () => {
  const tasks = tasksOf([4, 4]);
  const shared = assignTasks(tasks, [
    { memberId: 'a', owned: tasks },
    { memberId: 'b', owned: [] },
  ]);
  expect(shared.get('a')!.toSorted()).toEqual(['0_0', '0_1', '1_0', '1_1']);
  expect(shared.get('b')!.toSorted()).toEqual(['0_2', '0_3', '1_2', '1_3']);
});

test('more members than tasks leaves some without', () => {
  const members = ['a', 'b', 'c'].map((memberId) => ({ memberId, owned: [] }));
  expect([...assignTasks(['0_0', '0_1'], members).values()].map((tasks) => tasks.length)).toEqual([1, 1, 0]);
});

test('a task that two members claim goes to one of them', () => {
  const members = ['a', 'b'].map((memberId) => ({ memberId, owned: ['0_0'] }));
  expect([...assignTasks(['0_0'], members).values()].flat()).toEqual(['0_0']);
});

test.each(Array.from({ length: 50 }, (_, seed) => seed))(
  'members come and go: each task has one member, loads differ by one, what need not move stays, seed %i',
  (seed) => {
    const random = seededRandom(seed);
    const tasks = tasksOf(Array.from({ length: 1 + random.integer(4) }, () => 1 + random.integer(8)));
    let members: AssignorMember[] = [{ memberId: 'm0', owned: [] }];
    for (let round = 1; round < 12; round++) {
      const shared = assignTasks(tasks, members);
      expect([...shared.values()].flat().toSorted()).toEqual(tasks.toSorted());
      const loads = [...shared.values()].map((owned) => owned.length);
      expect(Math.max(...loads) - Math.min(...loads)).toBeLessThanOrEqual(1);
      const again = assignTasks(
        tasks,
        members.map(({ memberId }) => ({ memberId, owned: shared.get(memberId)! })),
      );
      for (const [memberId, owned] of again) expect(new Set(owned), memberId).toEqual(new Set(shared.get(memberId)));
      members = members.map(({ memberId }) => ({ memberId, owned: shared.get(memberId)! }));
      if (random.next() < 0.5 && members.length > 1) {
        const gone = members.splice(random.integer(members.length), 1)[0]!;
        const after = assignTasks(tasks, members);
        // A member only gives up what it has when its fair share is smaller, and after a departure it never is.
        for (const member of members)
          expect(after.get(member.memberId)!, gone.memberId).toEqual(expect.arrayContaining([...member.owned]));
      } else members.push({ memberId: `m${round}`, owned: [] });
    }
  },
);

test('a task id that is none of ours is a mistake of ours', () => {
  expect(() => parseTaskId('x')).toThrow('task id');
});

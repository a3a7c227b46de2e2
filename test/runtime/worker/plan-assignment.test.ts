import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { TaskId } from '../../../runtime/worker/assignor.ts';
import {
  type PlanMember,
  type Planned,
  planAssignment,
  planDefaults,
} from '../../../runtime/worker/plan-assignment.ts';

type Lags = Readonly<Record<string, Readonly<Record<TaskId, number>>>>;

const member = (memberId: string, owned: readonly TaskId[] = [], processId = `of ${memberId}`): PlanMember => ({
  memberId,
  processId,
  owned,
  generation: 1,
});

function plan(
  tasks: readonly TaskId[],
  members: readonly PlanMember[],
  { lags = {}, stateful = tasks, ...settings }: { lags?: Lags; stateful?: readonly TaskId[]; standbys?: number } = {},
): ReadonlyMap<string, Planned> {
  const lagOf = (processId: string, task: TaskId) =>
    members.some((one) => one.processId === processId && one.owned.includes(task))
      ? 0
      : (lags[processId]?.[task] ?? Number.POSITIVE_INFINITY);
  return planAssignment({
    tasks,
    stateful: new Set(stateful),
    members,
    lagOf,
    settings: { ...planDefaults, ...settings },
  });
}

describe('a task', () => {
  const four = ['0_0', '0_1', '0_2', '0_3'];

  test('without state goes at once, when the one that has it has given it up', () => {
    const first = plan(four, [member('a', four), member('b')], { stateful: [] });
    expect(first.get('a')!.active).toEqual(['0_0', '0_1']);
    expect(first.get('b')).toEqual({ active: [], standby: [], warming: [] });
    const second = plan(four, [member('a', ['0_0', '0_1']), member('b')], { stateful: [] });
    expect(second.get('b')!.active).toEqual(['0_2', '0_3']);
  });

  test('with state stays where it is until a standby at its new place is warm', () => {
    const first = plan(four, [member('a', four), member('b')]);
    expect(first.get('a')!.active).toEqual(four);
    expect(first.get('b')).toEqual({ active: [], standby: ['0_2', '0_3'], warming: ['0_2', '0_3'] });
    const warm = { 'of b': { '0_2': 10_000, '0_3': 10_001 } };
    const second = plan(four, [member('a', four), member('b')], { lags: warm });
    expect(second.get('a')!.active).toEqual(['0_0', '0_1', '0_3']); // '0_2' is to be given up
    const third = plan(four, [member('a', ['0_0', '0_1', '0_3']), member('b')], { lags: warm });
    expect(third.get('b')).toEqual({ active: ['0_2'], standby: ['0_3'], warming: ['0_3'] });
  });

  test('of a member that is gone goes to whoever is warm', () => {
    const lags = { 'of c': { '0_3': 5 } };
    const after = plan(four, [member('a', ['0_0']), member('b', ['0_1']), member('c', ['0_2'])], { lags });
    expect(after.get('c')!.active).toEqual(['0_2', '0_3']);
  });

  test('that nobody has the state of goes where it belongs, and is restored there', () => {
    const shared = plan(four, [member('a'), member('b')]);
    expect([shared.get('a')!.active, shared.get('b')!.active]).toEqual([
      ['0_0', '0_2'],
      ['0_1', '0_3'],
    ]);
  });

  test('moves between two members of one process without being warmed up', () => {
    const shared = plan(four, [member('a', four, 'p'), member('b', [], 'p')]);
    expect(shared.get('a')!.active).toEqual(['0_0', '0_1']);
    expect(shared.get('b')!.standby).toEqual([]);
  });

  test('that two members claim is the later one’s', () => {
    const late = { ...member('b', ['0_0']), generation: 7 };
    const shared = plan(['0_0'], [member('a', ['0_0']), late]);
    expect([shared.get('a')!.active, shared.get('b')!.active]).toEqual([[], ['0_0']]);
  });
});

describe('a standby', () => {
  test('is on another process, on as many as asked for and there are', () => {
    const members = [member('a1', ['0_0'], 'a'), member('a2', [], 'a'), member('b', [], 'b'), member('c', [], 'c')];
    const keepers = (standbys: number) =>
      [...plan(['0_0'], members, { standbys })].flatMap(([id, { standby }]) => (standby.length > 0 ? [id] : []));
    expect(keepers(1)).toEqual(['b']);
    expect(keepers(2)).toEqual(['b', 'c']);
    expect(keepers(5)).toEqual(['b', 'c']);
  });

  test('stays where it was', () => {
    const members = [member('a', ['0_0']), member('b'), member('c')];
    const shared = plan(['0_0'], members, { standbys: 1, lags: { 'of c': { '0_0': 3 } } });
    expect(shared.get('c')!.standby).toEqual(['0_0']);
  });

  test('isn’t kept of tasks without state', () => {
    const shared = plan(['0_0'], [member('a', ['0_0']), member('b')], { standbys: 1, stateful: [] });
    expect(shared.get('b')!.standby).toEqual([]);
  });
});

const anyCluster = fc.record({
  counts: fc.array(fc.integer({ min: 1, max: 6 }), { minLength: 1, maxLength: 4 }),
  processes: fc.array(fc.integer({ min: 0, max: 4 }), { minLength: 1, maxLength: 7 }),
  stateless: fc.array(fc.nat(3)),
  standbys: fc.integer({ min: 0, max: 2 }),
  coming: fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 3 }),
  going: fc.integer({ min: 0, max: 2 }),
});

/** Plans, has everyone do as told and every standby become warm, until nothing changes. */
function settle(tasks: readonly TaskId[], from: readonly PlanMember[], stateful: readonly TaskId[], standbys: number) {
  const lags: Record<string, Record<TaskId, number>> = {};
  let members = from;
  for (let round = 1; ; round++) {
    const shared = plan(tasks, members, { lags, stateful, standbys });
    const active = [...shared.values()].flatMap((one) => one.active);
    expect(new Set(active).size).toBe(active.length);
    // Nobody gets what another still has.
    for (const { memberId, owned } of members)
      for (const other of members)
        if (other.memberId !== memberId)
          for (const task of shared.get(other.memberId)!.active) expect(owned).not.toContain(task);
    const before = JSON.stringify(members.map(({ owned }) => [...owned].sort()));
    for (const { processId, memberId, owned } of members) {
      for (const task of [...shared.get(memberId)!.standby, ...owned]) (lags[processId] ??= {})[task] = 0;
    }
    members = members.map((one) => ({ ...one, owned: shared.get(one.memberId)!.active, generation: round }));
    const isWarming = [...shared.values()].some(({ warming }) => warming.length > 0);
    if (before === JSON.stringify(members.map(({ owned }) => [...owned].sort())) && !isWarming)
      return { members, shared };
    expect(round, 'it must come to rest').toBeLessThan(60);
  }
}

test('any group comes to rest: every task once, loads even, standbys apart, and what need not move stays', () => {
  fc.assert(
    fc.property(anyCluster, ({ counts, processes, stateless, standbys, coming, going }) => {
      const tasks = counts.flatMap((count, sub) => Array.from({ length: count }, (_, i) => `${sub}_${i}`));
      const stateful = tasks.filter((task) => !stateless.includes(Number(task.split('_')[0])));
      const check = ({ members, shared }: ReturnType<typeof settle>) => {
        expect(members.flatMap(({ owned }) => owned).sort()).toEqual([...tasks].sort());
        const loads = members.map(({ owned }) => owned.length);
        expect(Math.max(...loads) - Math.min(...loads)).toBeLessThanOrEqual(1);
        const processCount = new Set(members.map(({ processId }) => processId)).size;
        for (const task of stateful) {
          const keepers = members.filter(({ memberId }) => shared.get(memberId)!.standby.includes(task));
          const runner = members.find(({ owned }) => owned.includes(task))!;
          const places = [runner, ...keepers].map(({ processId }) => processId);
          expect(new Set(places).size).toBe(places.length);
          expect(keepers.length).toBe(Math.min(standbys, processCount - 1));
        }
      };
      const start = processes.map((process, i) => member(`m${i}`, [], `p${process}`));
      const settled = settle(tasks, start, stateful, standbys);
      check(settled);
      // Again from there: nothing moves.
      const again = settle(tasks, settled.members, stateful, standbys);
      expect(again.members.map(({ owned }) => owned)).toEqual(settled.members.map(({ owned }) => owned));
      const left = settled.members.slice(Math.min(going, settled.members.length - 1));
      const grown = [...left, ...coming.map((process, i) => member(`n${i}`, [], `q${process}`))];
      const changed = settle(tasks, grown, stateful, standbys);
      check(changed);
      if (coming.length === 0)
        for (const { memberId, owned } of left)
          expect(changed.members.find((one) => one.memberId === memberId)!.owned).toEqual(
            expect.arrayContaining([...owned]),
          );
    }),
    { numRuns: 300 },
  );
});

import { describe, expect, test } from 'vitest';
import {
  type AssignorMember,
  assignors,
  cooperativeStickyAssignor,
  rangeAssignor,
  roundRobinAssignor,
} from '../../../core/client/assignors.ts';
import { partitionName, type TopicPartition } from '../../../core/kernel/ids.ts';
import { seededRandom } from '../../../core/kernel/random.ts';

const member = (
  memberId: string,
  topics: readonly string[],
  owned: readonly TopicPartition[] = [],
  generationId = -1,
): AssignorMember => ({
  memberId,
  groupInstanceId: null,
  topics,
  owned,
  generationId,
});

const shown = (answer: ReadonlyMap<string, readonly TopicPartition[]>) =>
  Object.fromEntries([...answer].map(([id, partitions]) => [id, partitions.map(partitionName)]));

test('range: consecutive partitions of each topic, as Kafka documents it', () => {
  const counts = new Map([
    ['t0', 3],
    ['t1', 3],
  ]);
  const members = [member('c1', ['t0', 't1']), member('c0', ['t0', 't1'])];
  expect(shown(rangeAssignor.assign(counts, members))).toEqual({
    c0: ['t0-0', 't0-1', 't1-0', 't1-1'],
    c1: ['t0-2', 't1-2'],
  });
});

test('round-robin: around the members, past those that do not want a topic, as Kafka documents it', () => {
  const counts = new Map([
    ['t0', 1],
    ['t1', 2],
    ['t2', 3],
  ]);
  const members = [member('c0', ['t0']), member('c1', ['t0', 't1']), member('c2', ['t0', 't1', 't2'])];
  expect(shown(roundRobinAssignor.assign(counts, members))).toEqual({
    c0: ['t0-0'],
    c1: ['t1-0'],
    c2: ['t1-1', 't2-0', 't2-1', 't2-2'],
  });
});

test('static members come first, by instance id, whatever member id they got', () => {
  const members = [
    { ...member('a', ['t']), groupInstanceId: null },
    { ...member('z', ['t']), groupInstanceId: 'i' },
  ];
  expect(shown(rangeAssignor.assign(new Map([['t', 1]]), members))).toEqual({ a: [], z: ['t-0'] });
});

describe('every assignor, on random groups', () => {
  const random = seededRandom(9);
  const topics = ['a', 'b', 'c'];

  function randomGroup(): { counts: Map<string, number>; members: AssignorMember[] } {
    const counts = new Map(topics.filter(() => random.next() < 0.8).map((topic) => [topic, 1 + random.integer(9)]));
    const members = Array.from({ length: 1 + random.integer(6) }, (_, i) => {
      const wanted = topics.filter(() => random.next() < 0.7);
      const owned = topics.flatMap((topic) =>
        Array.from({ length: random.integer(4) }, () => ({ topic, partition: random.integer(10) })),
      );
      return member(`m${i}`, wanted, owned, random.integer(3));
    });
    return { counts, members };
  }

  test.each(Object.values(assignors))(
    '$name gives each partition that is wanted to one member that wants it',
    (assignor) => {
      for (let round = 0; round < 300; round++) {
        const { counts, members } = randomGroup();
        let owned: ReadonlyMap<string, readonly TopicPartition[]> = assignor.assign(counts, members);
        if (assignor.cooperative) {
          // The second round, after what moves has been given up.
          owned = assignor.assign(
            counts,
            members.map((one) => ({ ...one, owned: owned.get(one.memberId)!, generationId: 9 })),
          );
        }
        const given = [...owned.values()].flat().map(partitionName).sort();
        const wanted = [...counts].flatMap(([topic, count]) =>
          members.some((one) => one.topics.includes(topic))
            ? Array.from({ length: count }, (_, partition) => partitionName({ topic, partition }))
            : [],
        );
        expect(given).toEqual(wanted.sort());
        for (const one of members)
          for (const { topic } of owned.get(one.memberId)!) expect(one.topics).toContain(topic);
      }
    },
  );

  test('cooperative-sticky is balanced, gives nothing away that still has an owner, and stays put once settled', () => {
    for (let round = 0; round < 300; round++) {
      const { counts, members } = randomGroup();
      const first = cooperativeStickyAssignor.assign(counts, members);
      const stillOwned = new Map<string, { id: string; generationId: number }[]>();
      for (const one of members) {
        for (const held of one.owned)
          stillOwned.set(partitionName(held), [
            ...(stillOwned.get(partitionName(held)) ?? []),
            { id: one.memberId, generationId: one.generationId },
          ]);
      }
      const settled = members.map((one) => ({ ...one, owned: first.get(one.memberId)!, generationId: 9 }));
      const second = cooperativeStickyAssignor.assign(counts, settled);
      for (const one of settled)
        expect(second.get(one.memberId)!.map(partitionName)).toEqual(
          expect.arrayContaining(one.owned.map(partitionName)),
        );
      const third = cooperativeStickyAssignor.assign(
        counts,
        members.map((one) => ({ ...one, owned: second.get(one.memberId)!, generationId: 10 })),
      );
      expect(shown(third)).toEqual(shown(second));
      for (const giver of members) {
        for (const { topic } of second.get(giver.memberId)!) {
          for (const taker of members.filter((one) => one.topics.includes(topic))) {
            expect(second.get(giver.memberId)!.length - second.get(taker.memberId)!.length).toBeLessThanOrEqual(1);
          }
        }
      }
    }
  });

  test('a member more moves only what it must', () => {
    const counts = new Map([['t', 12]]);
    const before = cooperativeStickyAssignor.assign(counts, [member('a', ['t']), member('b', ['t'])]);
    const members = ['a', 'b'].map((id) => member(id, ['t'], before.get(id)!, 1));
    const first = cooperativeStickyAssignor.assign(counts, [...members, member('c', ['t'])]);
    expect([...first.values()].map((list) => list.length)).toEqual([4, 4, 0]);
    for (const one of members)
      for (const { partition } of first.get(one.memberId)!) expect(one.owned).toContainEqual({ topic: 't', partition });
    const second = cooperativeStickyAssignor.assign(
      counts,
      ['a', 'b', 'c'].map((id) => member(id, ['t'], first.get(id)!, 2)),
    );
    expect([...second.values()].map((list) => list.length)).toEqual([4, 4, 4]);
  });

  test('of two that claim a partition the one of the newer generation has it', () => {
    const claim = [{ topic: 't', partition: 0 }];
    const answer = cooperativeStickyAssignor.assign(new Map([['t', 1]]), [
      member('a', ['t'], claim, 3),
      member('b', ['t'], claim, 4),
    ]);
    expect(shown(answer)).toEqual({ a: [], b: ['t-0'] });
  });
});

import { expect, test } from 'vitest';
import { utf8 } from '../../../core/schema/primitive.ts';
import {
  compile,
  foreignJoin,
  globalTable,
  job,
  join,
  joinGlobal,
  map,
  noKey,
  repartition,
  selectKey,
  table,
  topic,
  within,
} from '../../../dsl/index.ts';
import { layOut } from '../../../runtime/worker/layout.ts';

const near = within('1 minute', { grace: 0 });
const out = topic('out', utf8, { partitions: 1 });

test('topics that are joined and there with different counts are named with them (C7)', () => {
  const joined = topic('a', utf8)
    .pipe(
      join(topic('b', utf8), near, (a) => a),
      join(table('c', utf8), (a) => a),
    )
    .to(out);
  const there = new Map([
    ['a', 2],
    ['b', 2],
    ['c', 6],
    ['unrelated', 9],
  ]);
  expect(() => layOut(compile(job('j', [joined])), there)).toThrow('a has 2, b has 2, c has 6');
});

test('a topic that is not there fits those it is joined with', () => {
  const joined = topic('a', utf8)
    .pipe(join(topic('b', utf8), near, (a) => a))
    .to(out);
  const layout = layOut(compile(job('j', [joined])), new Map([['b', 7]]));
  expect(layout.tasks).toEqual([7]);
  expect(layout.create.map(({ name, partitions }) => [name, partitions])).toContainEqual(['a', 7]);
});

test('a repartition topic has as many partitions as the one it is joined with was given', () => {
  const [a, b] = ['a', 'b'].map((name) => topic(name, utf8, { partitions: 2 }).pipe(selectKey((value) => value)));
  for (const [left, right] of [
    [a!, b!.pipe(repartition({ partitions: 8 }))],
    [a!.pipe(repartition({ partitions: 8 })), b!],
  ] as const) {
    const joined = left.pipe(join(right, near, (value) => value)).to(out);
    expect(layOut(compile(job('j', [joined])), new Map()).tasks).toEqual([2, 2, 8]);
  }
});

test('the topics of a foreign join have the counts of their readers, whatever the tables have; a global table any', () => {
  const rows = table('rows', utf8, { partitions: 2 }).pipe(
    foreignJoin(
      table('others', utf8, { partitions: 5 }),
      (row) => row,
      (row) => row,
      { as: 'both' },
    ),
  );
  const rated = topic('orders', utf8, { partitions: 3 })
    .pipe(
      selectKey((order) => order),
      joinGlobal(
        globalTable('rates', utf8, { partitions: 4 }),
        (order) => order,
        (order) => order,
      ),
    )
    .to(out);
  const layout = layOut(compile(job('j', [rows, rated])), new Map());
  expect(layout.tasks).toEqual([2, 5, 3]);
  expect(layout.partitions.get('j-both-answers-repartition')).toBe(2);
  expect(layout.partitions.get('j-both-subscriptions-repartition')).toBe(5);
  expect(layout.partitions.get('rates')).toBe(4);
});

test('repartition() has as many tasks behind it as it says, or as its source has, and one topic with selectKey() before it', () => {
  const few = topic('few', utf8, { partitions: 2 });
  const spread = few
    .pipe(
      selectKey((value) => value),
      repartition({ partitions: 6, as: 'spread' }),
      map((value) => value),
    )
    .to(out);
  const layout = layOut(compile(job('j', [spread])), new Map());
  expect(layout.tasks).toEqual([2, 6]);
  expect(layout.partitions.get('j-spread-repartition')).toBe(6);
  const same = layOut(compile(job('j', [few.pipe(repartition()).to(out)])), new Map());
  expect(same.tasks).toEqual([2, 2]);
  expect(() => layOut(compile(job('j', [spread])), new Map([['j-spread-repartition', 4]]))).toThrow(
    "the job's topic 'j-spread-repartition' has 4 partitions and needs 6",
  );
});

test('what is joined behind repartition() has its count; no key and no count are refused', () => {
  const spread = topic('few', utf8, { partitions: 2 }).pipe(repartition({ partitions: 6, as: 'spread' }));
  const joined = (partitions: number) =>
    job('j', [spread.pipe(join(table('rows', utf8, { partitions }), (value) => value)).to(out)]);
  expect(layOut(compile(joined(6)), new Map()).tasks).toEqual([2, 6]);
  expect(() => layOut(compile(joined(3)), new Map())).toThrow('j-spread-repartition has 6');
  const unkeyed = topic('unkeyed', utf8, { key: noKey });
  // @ts-expect-error repartition() needs a keyed stream
  expect(() => compile(job('j', [unkeyed.pipe(repartition()).to(out)]))).toThrow('the records have no key here');
  expect(() => repartition({ partitions: 0 })).toThrow('partitions must be a whole number from 1 up');
});

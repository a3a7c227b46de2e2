// `updates: 'latest'`: at each commit one update a key, and in the end the same table as with every one.
import { expect, test } from 'vitest';
import {
  aggregate,
  count,
  countRows,
  groupByKey,
  groupRows,
  type JobSettings,
  job,
  join,
  type KStream,
  map,
  reduce,
  selectKey,
  suppress,
  table,
  topic,
  toStream,
  tumbling,
  utf8,
  window,
} from '../../../dsl/index.ts';
import { startRig } from './restart-rig.ts';

const records = topic('in', utf8);
const out = topic('out', utf8);
const latest: JobSettings = { updates: 'latest', names: 'derived' };
const joined = { as: 'joined', value: utf8 };
const appended = () =>
  records.pipe(
    groupByKey(),
    reduce((a, b) => `${a}${b}`, joined),
  );
const asText = <T>(stream: KStream<string, T>) => stream.pipe(map((value) => String(value)));

test('a key goes on once a commit, with its newest value and time; what did not change does not', async () => {
  const rig = await startRig(job('latest', [appended().pipe(toStream()).to(out)], latest), 'database');
  rig.send('in', 'a', '1', 10);
  rig.send('in', 'b', '2', 11);
  rig.send('in', 'a', '3', 9);
  expect(rig.take()).toEqual([]);
  await rig.restart();
  expect(rig.take()).toEqual(['a=13@10', 'b=2@11']);
  rig.send('in', 'b', '4', 12);
  await rig.restart();
  expect(rig.take()).toEqual(['b=24@12']);
});

test('what was not committed goes on after a crash', async () => {
  const rig = await startRig(job('latest', [appended().pipe(toStream()).to(out)], latest), 'database');
  rig.send('in', 'a', '1', 10);
  await rig.crash();
  rig.send('in', 'a', '2', 11);
  await rig.restart();
  expect(rig.take()).toEqual(['a=12@11']);
});

test('a key that is gone by then is a tombstone', async () => {
  const kept = records.pipe(
    groupByKey(),
    aggregate(
      () => '',
      (all, value) => (value === 'x' ? null! : all + value),
      joined,
    ),
    toStream(),
  );
  const rig = await startRig(job('latest', [kept.to(out)], latest), 'database');
  rig.send('in', 'a', '1', 10);
  await rig.restart();
  rig.send('in', 'a', 'x', 11);
  await rig.restart();
  expect(rig.take()).toEqual(['a=1@10', 'a=null@11']);
});

test('a window that is dropped before the commit goes on when it is', async () => {
  const counted = records.pipe(
    groupByKey(),
    window(tumbling(10, { grace: 0 })),
    count({ as: 'counts' }),
    toStream(),
    map((value, { key }) => `${value} from ${key.startMs}`),
    selectKey((_, { key }) => key.key),
  );
  const rig = await startRig(job('latest', [counted.to(out)], latest), 'database');
  for (const atMs of [1, 2, 11, 12, 13]) rig.send('in', 'a', 'v', atMs);
  rig.send('in', 'b', 'v', 1_000);
  expect(rig.take()).toEqual(['a=2 from 0@2', 'a=3 from 10@13']);
  await rig.restart();
  expect(rig.take()).toEqual(['b=1 from 1000@1000']);
});

test('an aggregation of what another passes on has it in the same commit', async () => {
  const twice = appended().pipe(toStream(), groupByKey(), count({ as: 'counts' }), toStream());
  const rig = await startRig(job('latest', [asText(twice).to(out)], latest), 'database');
  for (const value of ['1', '2', '3']) rig.send('in', 'a', value, 10);
  await rig.settle();
  expect(rig.take()).toEqual(['a=1@10']);
});

const others = table('others', utf8);

async function played(stream: KStream<string, unknown>, updates: 'every' | 'latest'): Promise<string[]> {
  const settings = { ...latest, updates } as const;
  const rig = await startRig(job('latest', [asText(stream).to(out)], settings), 'database');
  rig.send('others', 'a', 'o', 1);
  for (const [i, value] of ['1', '2', '3'].entries()) rig.send('in', 'a', value, 10 * i);
  await rig.restart();
  rig.send('others', 'a', 'p', 40);
  rig.send('in', 'b', '4', 50);
  await rig.restart();
  return rig.take();
}

test.each([
  [
    'joins tables',
    appended().pipe(
      join(others, (value, other) => `${value}${other}`),
      toStream(),
    ),
  ],
  ['suppresses', appended().pipe(suppress({ until: 5 }), toStream())],
])('what %s gets every update', async (_, stream) => {
  const every = await played(stream, 'every');
  expect(every.length).toBeGreaterThan(1);
  expect(await played(stream, 'latest')).toEqual(every);
});

test('what subtracts gets every update, and what it comes to goes on once a commit', async () => {
  const groups = appended().pipe(
    groupRows((value) => String(value.length % 2)),
    countRows({ as: 'groups' }),
    toStream(),
  );
  expect(await played(groups, 'every')).toEqual(['1=1@0', '1=0@10', '0=1@10', '0=0@20', '1=1@20', '1=2@50']);
  expect(await played(groups, 'latest')).toEqual(['1=1@20', '0=0@20', '1=2@50']);
});

// What a change of a job does to what it has: by the name of each store and topic.
import { expect, test } from 'vitest';
import type { Serde } from '../../../core/schema/serde.ts';
import { compareTopologies } from '../../../dsl/compile/compare-topologies.ts';
import { compile } from '../../../dsl/compile/compile.ts';
import { topologyData } from '../../../dsl/compile/topology-data.ts';
import {
  count,
  filter,
  groupBy,
  groupByKey,
  type Job,
  job,
  json,
  reduce,
  safeInt64,
  session,
  topic,
  toStream,
  tumbling,
  utf8,
  window,
} from '../../../dsl/index.ts';

const words = topic('words', utf8);
const out = topic('out', safeInt64);
const counted = words.pipe(groupByKey(), count({ as: 'counts' }), toStream());
const before = job('j', [counted.to(out)]);

const changes = (after: Job, from = before) =>
  compareTopologies(...([from, after].map((each) => topologyData(compile(each))) as [never, never])).map(
    ({ kind, what }) => `${kind} ${what}`,
  );

test('operators without state come and go, and nothing else changes', () => {
  const filtered = words.pipe(
    filter((word) => word !== ''),
    groupByKey(),
    count({ as: 'counts' }),
    toStream(),
    filter((n) => n !== null && n > 1),
  );
  expect(changes(job('j', [filtered.to(out)]))).toEqual(['kept state counts']);
});

test('a store under another name is another store', () => {
  const renamed = words.pipe(groupByKey(), count({ as: 'totals' }), toStream());
  expect(changes(job('j', [renamed.to(out)]))).toEqual(['new state totals', 'gone state counts']);
});

test('repartition topics, outputs and inputs that come and go are told', () => {
  const repartitioned = words.pipe(
    groupBy((word) => word),
    count({ as: 'counts' }),
    toStream(),
  );
  const more = job('j', [repartitioned.to(topic('elsewhere', safeInt64)), topic('more', utf8).to(topic('copy', utf8))]);
  expect(changes(more)).toEqual([
    'kept state counts',
    'new topic more',
    'new output elsewhere',
    'new output copy',
    'gone output out',
    'new repartition topic j-counts-repartition',
  ]);
  expect(changes(before, more)).toContain('gone repartition topic j-counts-repartition');
});

test('what would be misread is refused: another kind of window, another serde of values', () => {
  const windows = (spec: Parameters<typeof window>[0]) =>
    job('j', [
      words
        .pipe(
          groupByKey(),
          window(spec),
          reduce((a, b) => a + b, { as: 'joined', value: utf8 }),
          toStream(),
        )
        .pipe(filter(() => false))
        .to(topic('out', utf8, { key: json() })),
    ]);
  const minute = windows(tumbling('1 minute', { grace: 0 }));
  expect(changes(windows(tumbling('2 minutes', { grace: 0 })), minute)).toEqual(['refused state joined']);
  expect(changes(windows(session({ gap: '1 minute', grace: 0 })), minute)).toEqual(['refused state joined']);
  expect(changes(windows(tumbling('1 minute', { grace: '1 hour' })), minute)).toEqual(['kept state joined']);
  const values = (value: Serde<string>) =>
    job('j', [
      words
        .pipe(
          groupByKey(),
          reduce((a, b) => a + b, { as: 'r', value }),
          toStream(),
        )
        .to(topic('out', utf8)),
    ]);
  expect(changes(values(json<string>()), values(utf8))).toEqual(['refused state r']);
});

test('another name is another job; other serdes and partitions of a topic are told', () => {
  expect(changes(job('k', [counted.to(out)]))).toEqual(['changed job k']);
  const wide = (partitions: number) => job('j', [topic('words', utf8).to(topic('out', utf8, { partitions }))]);
  expect(changes(wide(3), wide(2))).toEqual(['refused topic out']);
  expect(changes(job('j', [topic('words', json<string>()).to(topic('out', json<string>()))]), wide(2))).toEqual([
    'changed topic words',
    'changed topic out',
  ]);
  expect(changes(job('j', [counted.to(out)], { guarantee: 'exactlyOnce' }))).toContain('changed guarantee');
});

// The jobs that are simulated, each with what feeds it and what must be true of its topics in the end, whatever happened
// on the way. Records carry numbers that tell them apart, so that nothing has to be assumed about what was written when.

import { type MemorySource, memorySource } from '../../connectors/memory/index.ts';
import type { Random } from '../../core/kernel/random.ts';
import type { Job } from '../../dsl/index.ts';
import * as dsl from '../../dsl/index.ts';
import { json, safeInt64, utf8 } from '../../dsl/index.ts';
import type { JobOptions } from '../../dsl/plan.ts';
import { randomProgram } from './random-program.ts';

export interface Seen {
  readonly key: string;
  readonly value: unknown;
  readonly partition: number;
  readonly offset: number;
}

/** All records of a topic that a read-committed reader gets, each partition in its order. */
export type ReadTopic = (name: string) => readonly Seen[];

export interface Feed {
  write(topic: string, key: string, value: unknown): void;
}

export interface Program {
  readonly job: Job;
  /** Partition counts of topics that the tester fills, made before the job starts. */
  readonly inputs: ReadonlyMap<string, number>;
  /** Topics that are read in the end. */
  readonly reads: readonly string[];
  /** Before the job runs. */
  prepare?(feed: Feed): void;
  feed(feed: Feed, random: Random): void;
  /** Whether everything has come out that must, for a source of which the log doesn't know the end. */
  isDone?(read: ReadTopic): boolean;
  /** What is wrong, in words. */
  check(read: ReadTopic): string[];
}

export type ProgramName = 'copy' | 'count' | 'join' | 'repartition' | 'source' | 'bootstrap' | 'random';
export const programNames: readonly ProgramName[] = [
  'copy',
  'count',
  'join',
  'repartition',
  'source',
  'bootstrap',
  'random',
];

type Guarantee = JobOptions['guarantee'];

const keys = ['a', 'b', 'c', 'd', 'e', 'f', 'g'];
const anyKey = (random: Random): string => keys[random.integer(keys.length)]!;

export function makeProgram(name: ProgramName, guarantee: Guarantee, random: Random): Program {
  const partitions = 1 + random.integer(3);
  if (name === 'random') return randomProgram(random, partitions, guarantee);
  return makers[name]({ guarantee, partitions, settings: { guarantee, names: 'derived' } });
}

interface Making {
  readonly guarantee: Guarantee;
  readonly partitions: number;
  readonly settings: dsl.JobSettings;
}

const makers: Readonly<Record<Exclude<ProgramName, 'random'>, (making: Making) => Program>> = {
  copy: ({ guarantee, partitions, settings }) => {
    const input = dsl.topic('in', safeInt64);
    const output = dsl.topic('out', safeInt64, { partitions, retention: 'forever' });
    const next = counter();
    return {
      job: dsl.job('copy', [input.pipe(dsl.map((n) => n * 2)).to(output)], settings),
      inputs: new Map([['in', partitions]]),
      reads: ['in', 'out'],
      feed: (feed, random) => feed.write('in', anyKey(random), next()),
      check: (read) =>
        compareSequences(
          byKey(read('in'), (n) => (n as number) * 2),
          byKey(read('out')),
          guarantee,
        ),
    };
  },
  count: ({ guarantee, partitions, settings }) => {
    const input = dsl.topic('in', safeInt64);
    const output = dsl.topic('out', safeInt64, { partitions, retention: 'forever' });
    const counts = input.pipe(dsl.groupByKey(), dsl.count({ as: 'counts' }), dsl.toStream());
    const next = counter();
    return {
      job: dsl.job('count', [counts.to(output)], settings),
      inputs: new Map([['in', partitions]]),
      reads: ['in', 'out'],
      feed: (feed, random) => feed.write('in', anyKey(random), next()),
      check: (read) =>
        compareCounts(
          read('in').map(({ key }) => key),
          read('out'),
          guarantee,
        ),
    };
  },
  repartition: ({ guarantee, partitions, settings }) => {
    const input = dsl.topic('in', utf8);
    const output = dsl.topic('out', safeInt64, { partitions, retention: 'forever' });
    const counts = input.pipe(
      dsl.groupBy((value) => value),
      dsl.count({ as: 'counts' }),
      dsl.toStream(),
    );
    return {
      job: dsl.job('repartition', [counts.to(output)], settings),
      inputs: new Map([['in', partitions]]),
      reads: ['in', 'out'],
      feed: (feed, random) => feed.write('in', anyKey(random), anyKey(random)),
      check: (read) =>
        compareCounts(
          read('in').map(({ value }) => value as string),
          read('out'),
          guarantee,
        ),
    };
  },
  join: ({ guarantee, partitions, settings }) => {
    const input = dsl.topic('in', safeInt64);
    const names = dsl.table('names', safeInt64);
    const output = dsl.topic('out', json<Joined>(), { partitions, retention: 'forever' });
    const joined = input.pipe(dsl.leftJoin(names, (n, version): Joined => ({ n, version: version ?? null })));
    const next = counter();
    const version = counter();
    return {
      job: dsl.job('join', [joined.to(output)], settings),
      inputs: new Map([
        ['in', partitions],
        ['names', partitions],
      ]),
      reads: ['in', 'out'],
      prepare: (feed) => {
        for (const key of keys) feed.write('names', key, version());
      },
      feed: (feed, random) => {
        if (random.next() < 0.2) feed.write('names', anyKey(random), version());
        else feed.write('in', anyKey(random), next());
      },
      check: (read) => [
        ...compareSequences(
          byKey(read('in')),
          byKey(read('out'), (value) => (value as Joined).n),
          guarantee,
        ),
        ...checkVersions(read('out'), guarantee),
      ],
    };
  },
  source: ({ guarantee, partitions, settings }) => {
    const numbers = dsl.topic('numbers', safeInt64, { partitions, retention: 'forever', key: utf8 });
    const output = dsl.topic('out', safeInt64, { partitions, retention: 'forever' });
    const connector: MemorySource<Numbered> = memorySource<Numbered>([], { name: 'memory', bounded: false });
    const counts = numbers.pipe(dsl.groupByKey(), dsl.count({ as: 'counts' }), dsl.toStream());
    const given: Numbered[] = [];
    return {
      job: dsl.job(
        'source',
        [
          dsl
            .source(connector)
            .pipe(
              dsl.selectKey(({ key }) => key),
              dsl.map(({ n }) => n),
            )
            .to(numbers),
          counts.to(output),
        ],
        settings,
      ),
      inputs: new Map(),
      reads: ['numbers', 'out'],
      feed: (_feed, random) => {
        const one = { key: anyKey(random), n: given.length + 1 };
        given.push(one);
        connector.push(one);
      },
      isDone: (read) => read('numbers').length >= given.length,
      check: (read) => {
        const wanted = new Map<string, number[]>();
        for (const { key, n } of given) wanted.set(key, [...(wanted.get(key) ?? []), n]);
        return [
          ...compareSequences(wanted, byKey(read('numbers')), 'exactlyOnce'),
          ...compareCounts(
            read('numbers').map(({ key }) => key),
            read('out'),
            guarantee,
          ),
        ];
      },
    };
  },
  bootstrap: ({ guarantee, partitions, settings }) => {
    const input = dsl.topic('in', safeInt64);
    const names = dsl.table('names', safeInt64, { partitions, retention: 'forever' });
    const output = dsl.topic('out', json<Joined>(), { partitions, retention: 'forever' });
    const connector = memorySource<Numbered>(
      keys.map((key, i) => ({ key, n: i + 1 })),
      { name: 'names' },
    );
    connector.end();
    const filled = dsl
      .source(connector)
      .pipe(
        dsl.selectKey(({ key }) => key),
        dsl.map(({ n }) => n),
      )
      .to(names);
    const joined = input.pipe(dsl.leftJoin(names, (n, version): Joined => ({ n, version: version ?? null })));
    const next = counter();
    return {
      job: dsl.job('bootstrap', [filled, joined.to(output)], settings),
      inputs: new Map([['in', partitions]]),
      reads: ['in', 'out', 'names'],
      prepare: (feed) => {
        for (const key of keys) feed.write('in', key, next());
      },
      feed: (feed, random) => feed.write('in', anyKey(random), next()),
      check: (read) => [
        ...compareSequences(
          byKey(read('in')),
          byKey(read('out'), (value) => (value as Joined).n),
          guarantee,
        ),
        ...checkVersions(read('out'), guarantee),
        ...compareSequences(new Map(keys.map((key, i) => [key, [i + 1]])), byKey(read('names')), 'exactlyOnce'),
      ],
    };
  },
};

interface Joined {
  readonly n: number;
  readonly version: number | null;
}

interface Numbered {
  readonly key: string;
  readonly n: number;
}

function counter(): () => number {
  let last = 0;
  return () => ++last;
}

function byKey(records: readonly Seen[], read: (value: unknown) => unknown = (value) => value): Map<string, unknown[]> {
  const found = new Map<string, unknown[]>();
  for (const { key, value } of records) {
    const values = found.get(key);
    if (values === undefined) found.set(key, [read(value)]);
    else values.push(read(value));
  }
  return found;
}

/** Exactly once: the same values in the same order. At least once: the same after what is repeated is taken out. */
function compareSequences(
  wanted: ReadonlyMap<string, readonly unknown[]>,
  found: ReadonlyMap<string, readonly unknown[]>,
  guarantee: Guarantee,
): string[] {
  const wrong: string[] = [];
  for (const key of new Set([...wanted.keys(), ...found.keys()])) {
    const want = wanted.get(key) ?? [];
    const all = found.get(key) ?? [];
    const have = guarantee === 'exactlyOnce' ? all : [...new Set(all)];
    const at = Array.from({ length: Math.max(want.length, have.length) }).findIndex((_, i) => want[i] !== have[i]);
    if (at >= 0)
      wrong.push(
        `key ${key}: ${have.length} values where ${want.length} are due, other from the ${at}th: ${have.slice(at, at + 8)} instead of ${want.slice(at, at + 8)}`,
      );
  }
  return wrong;
}

function compareCounts(counted: readonly string[], outputs: readonly Seen[], guarantee: Guarantee): string[] {
  const found = byKey(outputs) as Map<string, number[]>;
  const totals = new Map<string, number>();
  for (const key of counted) totals.set(key, (totals.get(key) ?? 0) + 1);
  const wrong: string[] = [];
  for (const key of new Set([...totals.keys(), ...found.keys()])) {
    const total = totals.get(key) ?? 0;
    const counts = found.get(key) ?? [];
    if (guarantee === 'exactlyOnce') {
      const gap = counts.findIndex((count, i) => count !== i + 1);
      if (gap >= 0 || counts.length !== total)
        wrong.push(
          `count of ${key}: ${counts.length} outputs of ${total}${gap < 0 ? '' : `, the ${gap + 1}th is ${counts[gap]} after ${counts[gap - 1]}`}`,
        );
    } else if ((counts.at(-1) ?? 0) < total) wrong.push(`count of ${key} ends at ${counts.at(-1)} of ${total}`);
  }
  return wrong;
}

/** Every record met a table that was there, and no older one than a record before it. */
function checkVersions(outputs: readonly Seen[], guarantee: Guarantee): string[] {
  const wrong: string[] = [];
  for (const [key, all] of byKey(outputs) as Map<string, Joined[]>) {
    let last = 0;
    for (const { n, version } of all) {
      if (version === null) wrong.push(`record ${n} of ${key} was joined with nothing`);
      else if (version < last && guarantee === 'exactlyOnce')
        wrong.push(`record ${n} of ${key} was joined with version ${version} after ${last}`);
      last = Math.max(last, version ?? 0);
    }
  }
  return wrong;
}

// What Kafka Streams itself answered (streams.json; README.md there says how it was recorded), against the same programs
// in our DSL, through the test driver. Each vector is run, or listed below with the reason why not yet.
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { murmur2, partitionForKey } from '../../core/kernel/murmur2.ts';
import { utf8 } from '../../core/schema/primitive.ts';
import { windowedKey } from '../../core/schema/windowed-key.ts';
import {
  aggregate,
  count,
  groupByKey,
  hopping,
  type Job as JobSpec,
  job,
  map,
  reduce,
  table,
  topic,
  toStream,
  tumbling,
  type WindowSpec,
  window,
} from '../../dsl/index.ts';
import { windowsFor } from '../../runtime/steps/windows.ts';
import { createDriver } from '../../runtime/testing/index.ts';
import { foreignKeyJoin, streamGlobalTableJoin, streamStreamJoin, streamTableJoin, tableTableJoin } from './joins.ts';

interface VectorRecord {
  readonly topic?: string;
  readonly key: string | null;
  readonly value: string | null;
  readonly ts: number;
  readonly window?: readonly [number, number];
}

interface TopologyVector {
  readonly id: string;
  readonly title: string;
  readonly kind?: undefined;
  // biome-ignore lint/suspicious/noExplicitAny: data of many shapes, read by `op`
  readonly topology: any;
  readonly steps: readonly {
    readonly in: readonly VectorRecord[];
    readonly out: readonly VectorRecord[];
    readonly unordered?: boolean;
  }[];
  readonly droppedRecords?: number;
}

interface FunctionVector {
  readonly id: string;
  readonly title: string;
  readonly kind: 'function';
  readonly function: string;
  // biome-ignore lint/suspicious/noExplicitAny: data of many shapes, read by `function`
  readonly cases: readonly any[];
}

const { vectors } = JSON.parse(readFileSync(new URL('streams.json', import.meta.url), 'utf8')) as {
  vectors: readonly (TopologyVector | FunctionVector)[];
};

/** The operators are not there yet; each line goes when its operator comes. */
const notYet: Readonly<Record<string, readonly string[]>> = {
  'no session or sliding windows': [
    'sliding-small-update',
    'sliding-small-on-close',
    'sliding-reduce-small-update',
    'suppress-sliding-final',
    'session-on-close-many',
    'session-bridge-merge',
    'session-late-zero-grace',
    'session-late-grace-1',
  ],
  'no results at the close of a window, no suppress': [
    'hopping-on-close-nothing-within-grace',
    'hopping-on-close-grace5',
    'on-close-not-enough-progress',
    'suppress-tumbling-final',
    'suppress-tumbling-large-jump',
    'suppress-zero-time',
    'suppress-time-limit',
    'suppress-max-records-1',
    'suppress-before-outer-join',
    'suppress-before-groupby',
    'x-tumbling-boundary',
  ],
  'no operators on tables, no cogroup': [
    'table-agg-regroup',
    'table-agg-regroup-versioned',
    'table-filter-tombstones',
    'cogroup-null-values',
    'cogroup-two',
  ],
};

const waiting = new Set(Object.values(notYet).flat());

const input = (name: string) => topic(name, utf8, { tombstones: 'pass' });
const output = topic('out', utf8);

function windowOf({
  type,
  sizeMs,
  advanceMs,
  graceMs,
}: {
  type: string;
  sizeMs: number;
  advanceMs: number;
  graceMs: number;
}): WindowSpec {
  return type === 'tumbling'
    ? tumbling(sizeMs, { grace: graceMs })
    : hopping(sizeMs, { every: advanceMs, grace: graceMs });
}

function windowedAggregate(topology: TopologyVector['topology']): JobSpec {
  const grouped = input('in').pipe(groupByKey(), window(windowOf(topology.window)));
  const windowedOutput = topic('out', utf8, { key: windowedKey(utf8, topology.window.sizeMs) });
  const concat = (start: string) =>
    grouped.pipe(
      aggregate(
        () => start,
        (acc, value) => `${acc}+${value}`,
        { as: 'agg', value: utf8 },
      ),
      toStream(),
    );
  switch (topology.agg) {
    case 'concat':
      return job('v', [concat('0').to(windowedOutput)]);
    case 'concat-empty':
      return job('v', [concat('').to(windowedOutput)]);
    case 'reduce':
      return job('v', [
        grouped
          .pipe(
            reduce((a, b) => `${a}+${b}`, { as: 'agg', value: utf8 }),
            toStream(),
          )
          .to(windowedOutput),
      ]);
    default:
      return job('v', [grouped.pipe(count({ as: 'agg' }), toStream(), map(String)).to(windowedOutput)]);
  }
}

function programOf({ topology }: TopologyVector): JobSpec {
  switch (topology.op) {
    case 'windowed-aggregate':
      return windowedAggregate(topology);
    case 'stream-aggregate': {
      const grouped = input('in').pipe(groupByKey());
      const counted = () => grouped.pipe(count({ as: 'agg' }), toStream(), map(String));
      const reduced = () =>
        grouped.pipe(
          reduce((a, b) => `${a}+${b}`, { as: 'agg', value: utf8 }),
          toStream(),
        );
      return job('v', [(topology.agg === 'count' ? counted() : reduced()).to(output)]);
    }
    case 'stream-stream-join':
      return streamStreamJoin(topology);
    case 'stream-table-join':
      return streamTableJoin(topology);
    case 'stream-globaltable-join':
      return streamGlobalTableJoin(topology);
    case 'table-table-join':
      return tableTableJoin(topology);
    case 'table-table-fk-join':
      return foreignKeyJoin(topology);
    case 'table-source':
      return job('v', [table('in', utf8).pipe(toStream()).to(output)]);
    default:
      throw new Error(`no program for ${topology.op}`);
  }
}

function run(vector: TopologyVector): void {
  const driver = createDriver(programOf(vector));
  const out = driver.out('out');
  const keySerde = driver.topology.topics.find(({ name }) => name === 'out')!.key;
  const shown = (bytes: Uint8Array | null) => (bytes === null ? null : utf8.decode(bytes));
  for (const step of vector.steps) {
    for (const { topic: name = 'in', key, value, ts } of step.in) {
      driver.in(input(name)).send(key, value, { timestampMs: ts });
    }
    const got = out.readAll().map(({ key, value, timestampMs: ts }) => {
      const decoded = key === null ? null : keySerde.decode(key);
      if (decoded === null || typeof decoded === 'string') return { key: decoded, value: shown(value), ts };
      return { key: decoded.key, window: [decoded.startMs, decoded.endMs], value: shown(value), ts };
    });
    if (step.unordered) expect(new Set(got)).toEqual(new Set(step.out));
    else expect(got).toEqual(step.out);
  }
  if (vector.droppedRecords !== undefined) expect(driver.metrics.dropped.late).toBe(vector.droppedRecords);
}

const functions: Readonly<Record<string, (given: FunctionVector['cases'][number]) => unknown>> = {
  murmur2: ({ utf8: text }) => murmur2(utf8.encode(text)),
  partitionForKey: ({ utf8: text, partitions }) => partitionForKey(utf8.encode(text), partitions),
  windowsFor: ({ sizeMs, advanceMs, ts }) =>
    windowsFor(
      ts,
      advanceMs === undefined
        ? { kind: 'tumbling', sizeMs, graceMs: 0 }
        : { kind: 'hopping', sizeMs, advanceMs, graceMs: 0 },
    ),
};

describe('as Kafka Streams answers', () => {
  const topologies = vectors.filter((vector): vector is TopologyVector => vector.kind !== 'function');
  test.each(topologies.filter(({ id }) => !waiting.has(id)).map((vector) => [vector.id, vector] as const))(
    '%s',
    (_, vector) => run(vector),
  );
});

describe('as Kafka computes', () => {
  const calls = vectors.filter((vector): vector is FunctionVector => vector.kind === 'function');
  test.each(calls.map((vector) => [vector.id, vector] as const))('%s', (_, vector) => {
    for (const given of vector.cases) expect(functions[vector.function]!(given)).toEqual(given.expected);
  });
});

test('what waits is there, and each only once', () => {
  const ids = new Set(vectors.map(({ id }) => id));
  expect([...waiting].filter((id) => !ids.has(id))).toEqual([]);
  expect(Object.values(notYet).flat().length).toBe(waiting.size);
});

// What Kafka Streams itself answered (streams.json; README.md there says how it was recorded), against the same programs
// in our DSL, through the test driver. Every vector is run.
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { murmur2, partitionForKey } from '../../core/kernel/murmur2.ts';
import { utf8 } from '../../core/schema/primitive.ts';
import { windowedKey } from '../../core/schema/windowed-key.ts';
import {
  aggregate,
  aggregateRows,
  cogroup,
  count,
  countRows,
  filterRows,
  groupByKey,
  groupRows,
  hopping,
  type Job as JobSpec,
  job,
  map,
  mapRows,
  reduce,
  session,
  sliding,
  suppress,
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

const input = (name: string) => topic(name, utf8, { tombstones: 'pass' });
const output = topic('out', utf8);

function windowOf({
  type,
  graceMs: grace,
  ...given
}: {
  readonly type: string;
  readonly graceMs: number;
  readonly sizeMs: number;
  readonly advanceMs: number;
  readonly timeDifferenceMs: number;
  readonly gapMs: number;
}): WindowSpec {
  switch (type) {
    case 'tumbling':
      return tumbling(given.sizeMs, { grace });
    case 'hopping':
      return hopping(given.sizeMs, { every: given.advanceMs, grace });
    case 'sliding':
      return sliding({ difference: given.timeDifferenceMs, grace });
    default:
      return session({ gap: given.gapMs, grace });
  }
}

function windowedAggregate(topology: TopologyVector['topology']): JobSpec {
  const spec = windowOf(topology.window);
  const emit = topology.emit === 'on-window-close' ? 'windowCloses' : 'update';
  const grouped = input('in').pipe(groupByKey(), window(spec, { emit }));
  const windowedTopic = (name: string) => topic(name, utf8, { key: windowedKey(utf8, spec) });
  const text = <K>() => map<K, number | null, string | null>((n) => (n === null ? null : String(n)));
  if (topology.emit === 'suppress') {
    const counts = grouped.pipe(count({ as: 'agg' }));
    return job('v', [
      counts.pipe(suppress('windowCloses', { as: 'final' }), toStream(), text()).to(windowedTopic('out')),
      ...(topology.rawTopic ? [counts.pipe(toStream(), text()).to(windowedTopic('raw'))] : []),
    ]);
  }
  const concat = (start: string) =>
    grouped.pipe(
      aggregate(
        () => start,
        (acc, value) => `${acc}+${value}`,
        { as: 'agg', value: utf8, merge: (a, b) => `${a}+${b}` },
      ),
      toStream(),
    );
  switch (topology.agg) {
    case 'concat':
      return job('v', [concat('0').to(windowedTopic('out'))]);
    case 'concat-empty':
      return job('v', [concat('').to(windowedTopic('out'))]);
    case 'reduce':
      return job('v', [
        grouped
          .pipe(
            reduce((a, b) => `${a}+${b}`, { as: 'agg', value: utf8 }),
            toStream(),
          )
          .to(windowedTopic('out')),
      ]);
    default:
      return job('v', [grouped.pipe(count({ as: 'agg' }), toStream(), text()).to(windowedTopic('out'))]);
  }
}

/** The rows of `in` by what `groupBy` says, each with the value that is aggregated. */
function regrouped({ groupBy, preSuppressMs, versionedMs }: TopologyVector['topology']) {
  const rows = table('in', utf8, versionedMs === undefined ? {} : { versioned: versionedMs });
  const held = preSuppressMs === undefined ? rows : rows.pipe(suppress({ until: preSuppressMs, as: 'held' }));
  switch (groupBy) {
    case 'key':
      return held.pipe(groupRows((_, { key }) => key));
    case 'value->key':
      return held.pipe(groupRows((value) => value));
    default:
      // A row without a pair, or in no group.
      return held.pipe(groupRows((value, { key }) => (key === 'null' || key === 'NULL' ? null : value)));
  }
}

function tableAggregate(topology: TopologyVector['topology']): JobSpec {
  const { agg, suppress: held, rawTopic } = topology;
  const grouped = regrouped(topology);
  const result =
    agg === 'count'
      ? grouped.pipe(countRows({ as: 'agg' }), mapRows(String))
      : grouped.pipe(
          aggregateRows(
            {
              initial: () => '0',
              add: (acc, value) => `${acc}+${value}`,
              subtract: (acc, value) => `${acc}-${value}`,
            },
            { as: 'agg', value: utf8 },
          ),
        );
  if (held === undefined) return job('v', [result.pipe(toStream()).to(output)]);
  const until = held.timeLimitMs === 'max' ? Number.MAX_SAFE_INTEGER : held.timeLimitMs;
  const bound = held.maxRecords === undefined ? {} : { recordsMax: held.maxRecords, whenFull: 'emitEarly' as const };
  return job('v', [
    result.pipe(suppress({ until, ...bound, as: 'result' }), toStream()).to(output),
    ...(rawTopic ? [result.pipe(toStream()).to(topic('raw', utf8))] : []),
  ]);
}

function programOf({ topology }: TopologyVector): JobSpec {
  switch (topology.op) {
    case 'windowed-aggregate':
      return windowedAggregate(topology);
    case 'cogroup': {
      const groups = (topology.inputs as string[]).map((name) => [name, input(name).pipe(groupByKey())] as const);
      return job('v', [
        cogroup(Object.fromEntries(groups))
          .pipe(
            aggregate(
              () => '',
              (acc, { value }) => acc + value,
              { as: 'agg', value: utf8 },
            ),
            toStream(),
          )
          .to(output),
      ]);
    }
    case 'table-groupby-aggregate':
      return tableAggregate(topology);
    case 'table-filter': {
      const rows = table('in', utf8);
      const even = (value: string) => Number(value) % 2 === 0;
      return job('v', [
        rows.pipe(filterRows(even), toStream()).to(output),
        rows
          .pipe(
            filterRows((value) => !even(value)),
            toStream(),
          )
          .to(topic('out-not', utf8)),
      ]);
    }
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

/** A multiset: each as often as it is there. */
const sorted = (records: readonly object[]) =>
  records.map((record) => JSON.stringify(Object.entries(record).sort())).sort();

function run(vector: TopologyVector): void {
  const driver = createDriver(programOf(vector));
  const shown = (bytes: Uint8Array | null) => (bytes === null ? null : utf8.decode(bytes));
  const outputs = [...new Set(['out', ...vector.steps.flatMap(({ out }) => out.flatMap((r) => r.topic ?? []))])];
  const taken = (name: string) => {
    const keySerde = driver.topology.topics.find((each) => each.name === name)!.key;
    return driver
      .out(name)
      .readAll()
      .map(({ key, value, timestampMs: ts }) => {
        const decoded = key === null ? null : keySerde.decode(key);
        if (decoded === null || typeof decoded === 'string') return { key: decoded, value: shown(value), ts };
        return { key: decoded.key, window: [decoded.startMs, decoded.endMs], value: shown(value), ts };
      });
  };
  for (const step of vector.steps) {
    for (const { topic: name = 'in', key, value, ts } of step.in) {
      driver.in(input(name)).send(key, value, { timestampMs: ts });
    }
    for (const name of outputs) {
      const wanted = step.out.filter(({ topic: to = 'out' }) => to === name).map(({ topic: _, ...record }) => record);
      const got = taken(name);
      if (step.unordered) expect(sorted(got)).toEqual(sorted(wanted));
      else expect(got).toEqual(wanted);
    }
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
  test.each(topologies.map((vector) => [vector.id, vector] as const))('%s', (_, vector) => run(vector));
});

describe('as Kafka computes', () => {
  const calls = vectors.filter((vector): vector is FunctionVector => vector.kind === 'function');
  test.each(calls.map((vector) => [vector.id, vector] as const))('%s', (_, vector) => {
    for (const given of vector.cases) expect(functions[vector.function]!(given)).toEqual(given.expected);
  });
});

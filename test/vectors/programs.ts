// The programs that the vectors describe, in our DSL.
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
import { foreignKeyJoin, streamGlobalTableJoin, streamStreamJoin, streamTableJoin, tableTableJoin } from './joins.ts';
import type { TopologyVector } from './vector.ts';

export const input = (name: string) => topic(name, utf8, { tombstones: 'pass' });
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

export function programOf({ topology }: TopologyVector): JobSpec {
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

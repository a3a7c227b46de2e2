// What each operator took and passed on, counted or worked out: the sums are those of a person who counts along.
import { expect, test } from 'vitest';
import { systemClock } from '../../../core/kernel/clock.ts';
import { silentLogger } from '../../../core/kernel/logger.ts';
import { seededRandom } from '../../../core/kernel/random.ts';
import { BatchBuilder } from '../../../core/protocol/batch-builder.ts';
import {
  compile,
  count,
  filter,
  flatMap,
  groupByKey,
  type Job,
  job,
  join,
  map,
  merge,
  safeInt64,
  split,
  table,
  topic,
  toStream,
  utf8,
} from '../../../dsl/index.ts';
import { operatorRecords } from '../../../runtime/task/operator-records.ts';
import { createTask } from '../../../runtime/task/task.ts';
import { createTaskMetrics } from '../../../runtime/task/task-metrics.ts';
import { createMemoryStores } from '../../../runtime/testing/memory-stores.ts';

/** Operator → in, out, after those values have come to each of its inputs. */
function countsOf(program: Job, values: readonly string[]): Record<string, [number, number]> {
  const topology = compile(program, { environment: 'development' });
  const subTopology = topology.subTopologies[0]!;
  const metrics = createTaskMetrics({ countOperators: true });
  const task = createTask({
    ...{ topology, subTopology, partition: 0, metrics },
    ...{ stores: createMemoryStores(subTopology.stores), output: { write() {} } },
    ...{ clock: systemClock, random: seededRandom(1), logger: silentLogger },
    openSink: () => {
      throw new Error('no sink');
    },
  });
  const builder = new BatchBuilder();
  for (const [i, value] of values.entries()) builder.append(1_000 + i, utf8.encode('k'), utf8.encode(value));
  const batch = builder.build({ baseOffset: 0 });
  for (const input of subTopology.inputs.keys()) {
    task.enqueue(input, { fetchOffset: 0, batches: [batch], nextOffset: values.length });
    task.setEnd(input, values.length);
  }
  while (task.process(100) > 0);
  const found = operatorRecords(subTopology, metrics);
  return Object.fromEntries(found.map(({ operator, recordsIn, recordsOut }) => [operator, [recordsIn, recordsOut]]));
}

const input = topic('in', utf8);

test('steps that drop, multiply and fail, and two of one name', () => {
  const program = job(
    'plain',
    [
      input
        .pipe(
          filter((value) => value !== 'drop'),
          map((value) => {
            if (value === 'fail') throw new Error('as asked');
            return value;
          }),
          flatMap((value) => [value, value, value]),
          filter(() => true),
        )
        .to(topic('out', utf8)),
    ],
    { onError: { kind: 'skip' } },
  );
  expect(countsOf(program, ['a', 'drop', 'fail', 'b'])).toMatchObject({
    filter: [4, 3],
    map: [3, 2],
    flatMap: [2, 6],
    'filter 2': [6, 6],
    'to out': [6, 6],
  });
});

test('branches, a merge, an aggregation and a join with a table', () => {
  const { short, long } = input.pipe(split({ short: (value) => value.length === 1, long: () => true }));
  const rows = table('rows', utf8);
  const program = job('parts', [
    short.pipe(merge(long), groupByKey(), count({ as: 'n' }), toStream()).to(topic('counts', safeInt64)),
    long.pipe(join(rows, (value, row) => value + row)).to(topic('joined', utf8)),
  ]);
  expect(countsOf(program, ['a', 'bb', 'cc'])).toMatchObject({
    split: [3, 3],
    merge: [3, 3],
    'count n': [3, 3],
    toStream: [3, 3],
    'to counts': [3, 3],
    'join rows': [2, 2],
    'to joined': [2, 2],
  });
});

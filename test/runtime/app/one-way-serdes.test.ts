// Tables of topics whose serde doesn't write what it reads: their rows are kept as the topic has them.
import type { StandardSchemaV1 } from '@standard-schema/spec';
import { generate } from 'millrace/connectors/generate';
import { memorySink } from 'millrace/connectors/memory';
import { runJob } from 'millrace/run';
import { expect, test } from 'vitest';
import {
  avro,
  int32,
  type Job,
  job,
  join,
  json,
  map,
  type Serde,
  selectKey,
  sink,
  source,
  table,
  topic,
} from '../../../dsl/index.ts';
import { tempFolder } from '../../support/millrace.ts';

const one = { partitions: 1 };
const asked = topic('asked', int32, one);
const count = 3;

/** The rows of the topic that is read by `read`, looked up in two runs: the second has them from the disk. */
async function lookUp<V, W>(write: Serde<V>, row: (n: number) => V, read: Serde<W>): Promise<readonly W[]> {
  await using folder = await tempFolder();
  const run = async (program: Job) => await (await runJob(program, { data: folder.data, until: 'end' })).done;
  const numbers = (name: string, timestampMs: number) =>
    source(generate({ name, value: (n) => n, count, timestampMs: () => timestampMs })).pipe(
      selectKey((n) => String(n)),
    );
  const ask = (name: string) => job(name, [numbers(name, 2).to(asked)]);
  const fill = numbers('rows', 1)
    .pipe(map(row))
    .to(topic('rows', write, { ...one, cleanup: 'compact' }));
  const found = memorySink<string, W>();
  const look = job('look', [asked.pipe(join(table('rows', read, one), (_, row) => row)).pipe(sink(found))]);
  for (const program of [job('fill', [fill]), ask('first'), look, ask('second'), look]) await run(program);
  return found.values;
}

test('a validator that makes other values is applied once', async () => {
  const parsed: StandardSchemaV1<unknown, { readonly n: number }> = {
    '~standard': {
      version: 1,
      vendor: 'test',
      validate: (value) => ({ value: { n: (value as { n: number }).n + 1 } }),
    },
  };
  const rows = [{ n: 1 }, { n: 2 }, { n: 3 }];
  expect(await lookUp(json<{ n: number }>(), (n) => ({ n }), json(parsed))).toEqual([...rows, ...rows]);
});

test('what another Avro schema wrote is read as a table', async () => {
  const writer = { type: 'record', name: 'Row', fields: [{ name: 'n', type: 'int' }] } as const;
  const more = { name: 'more', type: 'string', default: '-' } as const;
  const reader = { type: 'record', name: 'Row', fields: [...writer.fields, more] } as const;
  const rows = [0, 1, 2].map((n) => ({ n, more: '-' }));
  expect(await lookUp(avro(writer), (n) => ({ n }), avro(reader, { writer }))).toEqual([...rows, ...rows]);
});

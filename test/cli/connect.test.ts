import { int32, job, topic } from 'millrace';
import { connect, runJob } from 'millrace/run';
import { consume, produceTo } from 'millrace/rx';
import { from, lastValueFrom, toArray } from 'rxjs';
import { expect, test } from 'vitest';
import { tempFolder } from '../support/millrace.ts';

const numbers = topic('numbers', int32, { partitions: 1 });
const copies = topic('copies', int32, { partitions: 1 });
const copy = job('copy', [numbers.to(copies)]);

async function valuesOf(data: string): Promise<readonly (number | null)[]> {
  await using connection = await connect({ data });
  const values: (number | null)[] = [];
  for await (const { value } of consume(connection.client, copies, { until: 'end' })) values.push(value);
  return values;
}

test('a log is written and read without a job, before it runs and after', async () => {
  await using folder = await tempFolder();
  {
    await using connection = await connect({ data: folder.data });
    await connection.client.admin().createTopics([{ name: 'numbers', partitions: 1 }]);
    const records = [1, 2, 3].map((value) => ({ key: 'all', value }));
    const sent = await lastValueFrom(from(records).pipe(produceTo(connection.client, numbers), toArray()));
    expect(sent.map(({ offset }) => offset)).toEqual([0, 1, 2]);
  }
  await using run = await runJob(copy, { data: folder.data, until: 'end' });
  await run.done;

  expect(await valuesOf(folder.data)).toEqual([1, 2, 3]);
});

test('a job hands out the client of its log, which nobody else can open while it runs', async () => {
  await using folder = await tempFolder();
  await using run = await runJob(copy, { data: folder.data, until: 'stopped' });
  const [sent] = await lastValueFrom(from([{ key: 'all', value: 7 }]).pipe(produceTo(run.client, numbers), toArray()));
  expect(sent).toMatchObject({ topic: 'numbers', offset: 0 });
  const next = await consume(run.client, copies).next();
  expect(next.value).toMatchObject({ key: 'all', value: 7 });

  await expect(connect({ data: folder.data })).rejects.toMatchObject({ code: 'STORAGE_IN_USE' });
  await run.stop();
  expect(await valuesOf(folder.data)).toEqual([7]);
});

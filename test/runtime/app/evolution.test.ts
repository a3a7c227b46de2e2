// A job whose program has changed since it last ran, on the log and the state that the older one has left.
import { expect, test } from 'vitest';
import { safeInt64, utf8 } from '../../../core/schema/primitive.ts';
import { count, filter, groupByKey, type Job, job, type KStream, topic, toStream } from '../../../dsl/index.ts';
import { connect, runJob } from '../../../runtime/cli/index.ts';
import { consume } from '../../../runtime/rx/index.ts';
import { tempFolder } from '../../support/millrace.ts';

const words: KStream<string, string> = topic('words', utf8);
const counts = topic('counts', safeInt64);
const counting = (from: KStream<string, string>): Job =>
  job('evolving', [from.pipe(groupByKey(), count({ as: 'totals' }), toStream()).to(counts)]);

async function send(data: string, times: number): Promise<void> {
  await using connection = await connect({ data });
  await using producer = connection.client.producer();
  const record = { topic: 'words', key: utf8.encode('k'), value: utf8.encode('v') };
  await Promise.all(Array.from({ length: times }, () => producer.send(record)));
}

async function makeTopic(data: string): Promise<void> {
  await using connection = await connect({ data });
  await connection.client.admin().createTopics([{ name: 'words', partitions: 1 }]);
}

async function runToEnd(program: Job, data: string): Promise<void> {
  await using run = await runJob(program, { data, until: 'end' });
  await run.done;
}

async function lastCount(data: string): Promise<number | null | undefined> {
  await using connection = await connect({ data });
  const values: (number | null)[] = [];
  for await (const { value } of consume(connection.client, counts, { until: 'end' })) values.push(value);
  return values.at(-1);
}

test('a count to 6 is 7 after one more, with a filter put in between (C36)', async () => {
  await using folder = await tempFolder();
  await makeTopic(folder.data);
  await send(folder.data, 6);
  await runToEnd(counting(words), folder.data);
  expect(await lastCount(folder.data)).toBe(6);
  await send(folder.data, 1);
  await runToEnd(counting(words.pipe(filter((word) => word !== ''))), folder.data);
  expect(await lastCount(folder.data)).toBe(7);
});

test('another number of input partitions is refused with both counts and what to do, and nothing is written (C35)', async () => {
  await using folder = await tempFolder();
  await makeTopic(folder.data);
  await send(folder.data, 2);
  await runToEnd(counting(words), folder.data);
  {
    await using connection = await connect({ data: folder.data });
    await connection.client.admin().createPartitions('words', 3);
  }
  await expect(runToEnd(counting(words), folder.data)).rejects.toThrow(
    "'evolving-totals-changelog' has 1 partitions and needs 3, because an input has changed; start afresh with --fresh",
  );
  expect(await lastCount(folder.data)).toBe(2);
});

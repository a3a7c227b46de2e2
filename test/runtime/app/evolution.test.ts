// A job whose program has changed since it last ran, on the log and the state that the older one has left.
import { expect, test } from 'vitest';
import { safeInt64, utf8 } from '../../../core/schema/primitive.ts';
import {
  count,
  type Duration,
  filter,
  groupByKey,
  type Job,
  job,
  type KStream,
  selectKey,
  topic,
  toStream,
  tumbling,
  window,
} from '../../../dsl/index.ts';
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

const windowed = (keep: Duration, emit: 'update' | 'windowCloses' = 'update'): Job =>
  job('evolving', [
    words
      .pipe(
        groupByKey(),
        window(tumbling('1 minute', { grace: 0 }), { keep, emit }),
        count({ as: 'totals' }),
        toStream(),
        selectKey((_, { key }) => key.key),
      )
      .to(counts),
  ]);

const changelog = { kind: 'topic', name: 'evolving-totals-changelog' } as const;

async function settingOf(data: string, setting: string): Promise<string | null | undefined> {
  await using connection = await connect({ data });
  const entries = await connection.client.admin().describeConfigs(changelog);
  return entries.find(({ name }) => name === setting)?.value;
}

test('results that are kept for longer are kept in the changelog that is there, and never for less', async () => {
  await using folder = await tempFolder();
  await makeTopic(folder.data);
  const dayMs = 86_400_000;
  const kept = async () => Number(await settingOf(folder.data, 'retention.ms')) - dayMs;
  await runToEnd(windowed('1 hour'), folder.data);
  const before = await kept();
  await runToEnd(windowed('10 hours'), folder.data);
  expect([before < 2 * 3_600_000, (await kept()) >= 10 * 3_600_000]).toEqual([true, true]);
  const longest = await kept();
  await runToEnd(windowed('1 hour'), folder.data);
  expect(await kept()).toBe(longest);
  expect(await settingOf(folder.data, 'cleanup.policy')).toBe('compact,delete');
  await runToEnd(windowed('1 hour', 'windowCloses'), folder.data);
  expect(await settingOf(folder.data, 'cleanup.policy')).toBe('compact');
});

test('a changelog that someone lets delete is refused, with what to do', async () => {
  await using folder = await tempFolder();
  await makeTopic(folder.data);
  await runToEnd(counting(words), folder.data);
  {
    await using connection = await connect({ data: folder.data });
    await connection.client.admin().alterConfigs(changelog, { 'cleanup.policy': 'delete' });
  }
  await expect(runToEnd(counting(words), folder.data)).rejects.toThrow(
    "'evolving-totals-changelog' has cleanup.policy=delete and needs compact, or it would lose what the job must find there; set it with 'millrace topic alter evolving-totals-changelog --config cleanup.policy=compact'",
  );
});

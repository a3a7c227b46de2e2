// A program that changes between two runs: what its state is after that, or why it is refused.
import { runJob } from 'millrace/run';
import { consume } from 'millrace/rx';
import { expect, test } from 'vitest';
import {
  count,
  filter,
  groupByKey,
  type Job,
  job,
  type KStream,
  map,
  safeInt64,
  topic,
  toStream,
  tumbling,
  utf8,
  window,
} from '../../../dsl/index.ts';
import { tempFolder } from '../../support/millrace.ts';

const events = topic('events', utf8, { partitions: 1 });
const counts = topic('counts', safeInt64, { partitions: 1 });

async function send(data: string, program: Job, times: number, wanted: number): Promise<void> {
  await using run = await runJob(program, { data, until: 'stopped' });
  await run.ready;
  const producer = run.client.producer();
  for (let i = 0; i < times; i++) {
    await producer.send({ topic: 'events', key: utf8.encode('k'), value: utf8.encode('v'), timestampMs: i });
  }
  await producer.close();
  for await (const { value } of consume(run.client, counts)) if (value === wanted) return;
}

test('an operator that is put in leaves the state of the others: six, and one more is seven (C36)', async () => {
  await using folder = await tempFolder();
  const counting = (before: (stream: KStream<string, string>) => KStream<string, string>) =>
    job('counting', [before(events).pipe(groupByKey(), count(), toStream()).to(counts)]);
  await send(
    folder.data,
    counting((stream) => stream),
    6,
    6,
  );
  await send(
    folder.data,
    counting((stream) => stream.pipe(filter((value) => value !== ''))),
    1,
    7,
  );
  await send(
    folder.data,
    counting((stream) => stream.pipe(map((value) => `${value}!`))),
    1,
    8,
  );
});

test('a change that would misread state is refused before anything runs, with what to do (C35)', async () => {
  await using folder = await tempFolder();
  const perWindow = (size: '1 minute' | '2 minutes') =>
    job('windows', [
      events.pipe(groupByKey(), window(tumbling(size, { grace: 0 })), count({ as: 'n' })),
      events.pipe(groupByKey(), count({ as: 'all' }), toStream()).to(counts),
    ]);
  await send(folder.data, perWindow('1 minute'), 3, 3);
  await expect(send(folder.data, perWindow('2 minutes'), 0, 3)).rejects.toMatchObject({
    code: 'STATE_CHANGED',
    message: expect.stringMatching(
      /^store 'n' in the state of task 0_0 was kept by tumbling windows of 60000 ms and the job wants it by tumbling windows of 120000 ms/,
    ),
  });
  await send(folder.data, perWindow('1 minute'), 1, 4);
});

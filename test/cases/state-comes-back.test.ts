// Cases about a job's state on a real log: a disk that is gone, aborted transactions in a changelog, old records that are
// read anew, another process that joins.
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import {
  count,
  groupByKey,
  type Job,
  job,
  leftJoin,
  safeInt64,
  table,
  topic,
  toStream,
  tumbling,
  utf8,
  window,
  windowedKey,
} from '../../dsl/index.ts';
import { connect, runJob } from '../../runtime/cli/index.ts';
import { consume } from '../../runtime/rx/index.ts';
import { startListeningNode } from '../support/listening-node.ts';
import { tempFolder } from '../support/millrace.ts';

const words = topic('words', utf8, { partitions: 1 });
const counts = topic('counts', safeInt64, { partitions: 1 });
const counting = (guarantee: 'atLeastOnce' | 'exactlyOnce' = 'atLeastOnce'): Job =>
  job('counting', [words.pipe(groupByKey(), count({ as: 'totals' }), toStream()).to(counts)], { guarantee });

interface Sent {
  readonly topic: string;
  readonly key: string;
  readonly value: string | null;
  readonly timestampMs?: number;
}

async function send(data: string, records: readonly Sent[], transaction: 'aborted' | 'none' = 'none'): Promise<void> {
  await using connection = await connect({ data });
  const options = transaction === 'none' ? {} : { transactionalId: 'someone-else' };
  await using producer = connection.client.producer(options);
  if (transaction === 'aborted') {
    await producer.initTransactions();
    producer.begin();
  }
  await Promise.all(
    records.map(({ key, value, ...record }) =>
      producer.send({ ...record, key: utf8.encode(key), value: value === null ? null : utf8.encode(value) }),
    ),
  );
  if (transaction === 'aborted') await producer.abort();
}

async function runToEnd(program: Job, data: string): Promise<void> {
  await using run = await runJob(program, { data, until: 'end' });
  await run.done;
}

async function valuesOf<K, V>(data: string, of: Parameters<typeof consume<K, V>>[1]): Promise<[K | null, V | null][]> {
  await using connection = await connect({ data });
  const found: [K | null, V | null][] = [];
  for await (const { key, value } of consume(connection.client, of, { until: 'end' })) found.push([key, value]);
  return found;
}

const six = Array.from({ length: 6 }, (): Sent => ({ topic: 'words', key: 'k', value: 'v' }));

test.each(['atLeastOnce', 'exactlyOnce'] as const)(
  'a named state comes back from its changelog alone, past transactions that were aborted in it (C30, C31, C37), %s',
  async (guarantee) => {
    await using folder = await tempFolder();
    await runToEnd(counting(guarantee), folder.data);
    await send(folder.data, six);
    await runToEnd(counting(guarantee), folder.data);
    const changelog = 'counting-totals-changelog';
    await send(folder.data, [{ topic: changelog, key: 'k', value: 'not a count at all' }], 'aborted');
    await rm(join(folder.data, 'state'), { recursive: true });
    await send(folder.data, six.slice(0, 1));
    await runToEnd(counting(guarantee), folder.data);
    expect((await valuesOf(folder.data, counts)).at(-1)).toEqual(['k', 7]);
  },
);

test('a table that is joined has its rows after a restart, with its state and without (C37)', async () => {
  await using folder = await tempFolder();
  const people = table('people', utf8, { partitions: 1 });
  const joined = topic('joined', utf8, { partitions: 1 });
  const program = job('joining', [words.pipe(leftJoin(people, (word, name) => `${word} ${name}`)).to(joined)]);
  const word = (value: string): Sent => ({ topic: 'words', key: 'k', value });
  await runToEnd(program, folder.data);
  await send(folder.data, [{ topic: 'people', key: 'k', value: 'ann' }, word('hello')]);
  await runToEnd(program, folder.data);
  await send(folder.data, [word('again')]);
  await runToEnd(program, folder.data);
  await rm(join(folder.data, 'state'), { recursive: true });
  await send(folder.data, [word('still')]);
  await runToEnd(program, folder.data);
  expect((await valuesOf(folder.data, joined)).map(([, value]) => value).slice(-2)).toEqual(['again ann', 'still ann']);
});

test('records of long ago are in the windows of their times, whenever they are read (C22)', async () => {
  await using folder = await tempFolder();
  const perMinute = tumbling('1 minute', { grace: 0 });
  const old = topic('old', utf8, { partitions: 1, retention: 'forever' });
  const out = topic('per-minute', safeInt64, {
    partitions: 1,
    key: windowedKey(utf8, perMinute),
    retention: 'forever',
  });
  const program = job('history', [
    old.pipe(groupByKey(), window(perMinute, { emit: 'windowCloses' }), count({ as: 'n' }), toStream()).to(out),
  ]);
  await runToEnd(program, folder.data);
  const startMs = Date.UTC(1999, 11, 31, 23, 59);
  const at = [0, 59_999, 60_000, 200_000].map((ms) => startMs + ms);
  await send(
    folder.data,
    at.map((timestampMs) => ({ topic: 'old', key: 'k', value: 'v', timestampMs })),
  );
  await runToEnd(program, folder.data);
  const found = await valuesOf(folder.data, out);
  expect(found.map(([key, n]) => [key!.startMs - startMs, n])).toEqual([
    [0, 2],
    [60_000, 1],
  ]);
});

test('another process takes half, both go on, and nothing is processed again or left out (C39, C44)', async () => {
  await using node = await startListeningNode();
  const { bootstrap, client } = node;
  await using one = await tempFolder();
  await using two = await tempFolder();
  const four = { partitions: 4 };
  const events = topic('events', utf8, four);
  const copies = topic('copies', utf8, four);
  const program = job('copying', [events.to(copies)]);
  const keys = Array.from({ length: 200 }, (_, i) => `k${i}`);
  const produce = async (value: string) => {
    await using producer = client.producer();
    await Promise.all(
      keys.map((key) => producer.send({ topic: 'events', key: utf8.encode(key), value: utf8.encode(value) })),
    );
  };
  const copied = async () => {
    const found: string[] = [];
    for await (const { key, value } of consume(client, copies, { until: 'end' })) found.push(`${key} ${value}`);
    return found.sort();
  };
  const wanted = (values: readonly string[]) => keys.flatMap((key) => values.map((value) => `${key} ${value}`)).sort();

  await using first = await runJob(program, { bootstrap, data: one.data, until: 'stopped' });
  await first.ready;
  await produce('before');
  await expect.poll(copied, { timeout: 10_000 }).toEqual(wanted(['before']));
  await using second = await runJob(program, { bootstrap, data: two.data, until: 'stopped' });
  await second.ready;
  const tasksOf = (run: typeof first) => run.progress().workers.flatMap(({ tasks }) => tasks);
  await expect.poll(() => [tasksOf(first).length, tasksOf(second).length], { timeout: 10_000 }).toEqual([2, 2]);
  const readBefore = first.progress().recordsIn;
  await produce('after');
  await expect.poll(copied, { timeout: 10_000 }).toEqual(wanted(['after', 'before']));
  const readAfter = [first.progress().recordsIn - readBefore, second.progress().recordsIn];
  expect(readAfter.every((count) => count > 0)).toBe(true);
  expect(readAfter[0]! + readAfter[1]!).toBe(keys.length);
});

// What a running job answers over HTTP: queries of its state, wherever in the job that is, and its figures.
import { runJob } from 'millrace/run';
import { expect, test } from 'vitest';
import {
  aggregateAll,
  count,
  filter,
  globalTable,
  groupByKey,
  int64,
  job,
  joinGlobal,
  json,
  sum,
  topic,
  toStream,
  tumbling,
  utf8,
  window,
} from '../../../dsl/index.ts';
import { startListeningNode } from '../../support/listening-node.ts';
import { tempFolder } from '../../support/millrace.ts';

const partitions = { partitions: 4 };
const events = topic('events', utf8, partitions);
const names = globalTable('names', utf8, partitions);
const counted = job(
  'counted',
  [
    events
      .pipe(
        filter((value) => value !== 'no'),
        groupByKey(),
        count({ as: 'n' }),
        toStream(),
      )
      .to(topic('counts', json<number>(), partitions)),
    events.pipe(groupByKey(), window(tumbling(10, { grace: 100 })), count({ as: 'windows' })),
    events
      .pipe(
        joinGlobal(
          names,
          (value) => value,
          (value, name) => value + name,
        ),
      )
      .to(topic('named', utf8, partitions)),
  ],
  { commitInterval: '20 ms' },
);

async function ask(address: string | null, path: string) {
  const response = await fetch(`http://${address}${path}`);
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

test('a question that would hold a task up is refused', async () => {
  await using folder = await tempFolder();
  const perSecond = window(tumbling('1 second', { grace: '10 days' }));
  const long = job('long', [events.pipe(groupByKey(), perSecond, count({ as: 'seconds' }))], {
    commitInterval: '20 ms',
  });
  await using run = await runJob(long, { data: folder.data, until: 'stopped', metrics: ':0' });
  await run.ready;
  const producer = run.client.producer();
  const key = utf8.encode('k');
  const startsMs = [0, 86_400_000];
  for (const timestampMs of startsMs) await producer.send({ topic: 'events', key, value: key, timestampMs });
  await producer.close();
  await expect.poll(async () => (await ask(run.address, '/stores/seconds/k?start=86400000')).status).toBe(200);
  expect(await ask(run.address, '/stores/seconds/k')).toMatchObject({
    status: 400,
    body: { error: { message: expect.stringContaining('86401 windows may lie between') } },
  });
  const rows = async (query: string) => (await ask(run.address, `/stores/seconds/k?${query}`)).body['rows'];
  expect(await rows('from=1970-01-01T23:59:00Z')).toHaveLength(1);
});

const keys = Array.from({ length: 12 }, (_, i) => `k${i}`);

async function send(client: Awaited<ReturnType<typeof runJob>>['client']): Promise<void> {
  const producer = client.producer();
  const say = (to: string, key: string, value: string, timestampMs: number) =>
    producer.send({ topic: to, key: utf8.encode(key), value: utf8.encode(value), timestampMs });
  await say('names', 'x', '!', 0);
  for (const key of keys) {
    await say('events', key, 'x', 5);
    await say('events', key, 'x', 25);
    await say('events', key, 'no', 26);
  }
  await producer.close();
}

test('a job answers for its rows, ranges and windows, and says what it does not have', async () => {
  await using folder = await tempFolder();
  await using run = await runJob(counted, { data: folder.data, until: 'stopped', metrics: ':0' });
  await run.ready;
  await send(run.client);
  const { address } = run;
  await expect.poll(async () => (await ask(address, '/stores/n?limit=100')).body['rows']).toHaveLength(12);
  await expect.poll(async () => (await ask(address, '/stores/n/k3')).body['value']).toBe(2);
  expect(await ask(address, '/stores/n/k3')).toMatchObject({
    status: 200,
    body: { store: 'n', key: 'k3', value: 2, timestampMs: 25 },
  });
  const range = await ask(address, '/stores/n?from=k10&to=k2');
  expect((range.body['rows'] as { key: string }[]).map(({ key }) => key).sort()).toEqual(['k10', 'k11', 'k2']);
  expect((await ask(address, '/stores/n?limit=5')).body).toMatchObject({ more: true, rows: { length: 5 } });
  await expect
    .poll(async () => (await ask(address, '/stores/windows/k3?from=0&to=100')).body['rows'])
    .toEqual([
      { key: 'k3', startMs: 0, value: 1, timestampMs: 5 },
      { key: 'k3', startMs: 20, value: 2, timestampMs: 26 },
    ]);
  const far = await ask(address, '/stores/windows/k3?to=1970-01-01T00:01:40Z');
  expect(far).toMatchObject({ status: 200, body: { rows: { length: 2 } } });
  expect((await ask(address, '/stores/windows/k3?start=20')).body).toMatchObject({ startMs: 20, value: 2 });
  expect((await ask(address, '/stores/names/x')).body).toMatchObject({ key: 'x', value: '!' });

  const refused = async (path: string) => {
    const { status, body } = await ask(address, path);
    return [status, (body['error'] as { message: string }).message];
  };
  expect(await refused('/stores/n/nobody')).toEqual([404, "store 'n' has nothing for key 'nobody'"]);
  expect(await refused('/stores/nothing/k1')).toEqual([
    404,
    "job 'counted' has no state store 'nothing'; it has n, windows, names",
  ]);
  expect(await refused('/stores/n?from=a')).toEqual([
    400,
    "the query can't be answered: a range takes both 'from' and 'to'",
  ]);
  expect(await refused('/stores/windows/k1?start=soon')).toEqual([
    400,
    "the query can't be answered: 'start' is a time in milliseconds or as 2026-01-31T12:00:00Z, not 'soon'",
  ]);
  expect(await refused('/stores/n?partition=x')).toEqual([
    400,
    "the query can't be answered: store 'n' has partitions from 0 to 3, not 'x'",
  ]);
  expect((await refused('/stores/n/k1?start=5'))[0]).toBe(400);
  expect((await refused('/stores/n/k1/k2'))[0]).toBe(400);
  expect((await refused('/stores/n?limit=0'))[0]).toBe(400);
  expect((await refused('/elsewhere'))[0]).toBe(404);
  expect((await fetch(`http://${address}/stores`, { method: 'DELETE' })).status).toBe(405);
});

test('keys and values come as JSON has them, whatever their serde', async () => {
  await using folder = await tempFolder();
  const cents = topic('cents', json<{ cents: number }>(), { ...partitions, key: int64 });
  const sums = job('sums', [
    cents.pipe(groupByKey(), aggregateAll({ total: sum((value: { cents: number }) => value.cents) }, { as: 'sums' })),
  ]);
  await using run = await runJob(sums, { data: folder.data, until: 'stopped', metrics: '0' });
  await run.ready;
  const producer = run.client.producer();
  await producer.send({ topic: 'cents', key: int64.encode(9_007_199_254_740_993n), value: Buffer.from('{"cents":3}') });
  await producer.close();
  const path = '/stores/sums/9007199254740993';
  await expect.poll(async () => (await ask(run.address, path)).status).toBe(200);
  expect((await ask(run.address, path)).body).toMatchObject({ key: '9007199254740993', value: { total: 3 } });
  expect(await ask(run.address, '/stores/sums/many')).toMatchObject({
    status: 400,
    body: { error: { code: 'BAD_QUERY' } },
  });
});

test('any process of a job answers for all of it', async () => {
  await using node = await startListeningNode();
  await using folders = await tempFolder();
  const start = (name: string) =>
    runJob(counted, { data: `${folders.data}-${name}`, bootstrap: node.bootstrap, until: 'stopped', metrics: ':0' });
  await using one = await start('one');
  await one.ready;
  await send(one.client);
  await expect.poll(async () => (await ask(one.address, '/stores/n/k3')).body['value']).toBe(2);
  await using other = await start('other');
  await other.ready;
  const tasksOf = (run: typeof one) =>
    run.progress().workers.flatMap(({ tasks, restoring }) => [...tasks, ...restoring]);
  await expect.poll(() => tasksOf(other).length, { timeout: 20_000 }).toBeGreaterThan(0);
  for (const run of [one, other]) {
    await expect
      .poll(async () => (await ask(run.address, '/stores/n')).body['rows'], { timeout: 20_000 })
      .toHaveLength(12);
    for (const key of keys) {
      await expect.poll(async () => (await ask(run.address, `/stores/n/${key}`)).body['value']).toBe(2);
      expect((await ask(run.address, `/stores/windows/${key}`)).body['rows']).toHaveLength(2);
    }
  }
  const parts = await Promise.all([0, 1, 2, 3].map((n) => ask(one.address, `/stores/n?partition=${n}`)));
  expect(parts.map(({ body }) => (body['rows'] as unknown[]).length).reduce((a, b) => a + b)).toBe(keys.length);
  expect((await ask(other.address, '/stores/n?limit=3')).body).toMatchObject({ rows: { length: 3 }, more: true });
  const { body } = await ask(other.address, '/stores');
  const [store] = body['stores'] as { partitions: { kind: string; address: string }[] }[];
  expect(new Set(store!.partitions.map(({ address }) => address))).toEqual(new Set([one.address, other.address]));
});

test('a process that is not reached where it says it is, is named', async () => {
  await using node = await startListeningNode();
  await using folders = await tempFolder();
  const shared = { bootstrap: node.bootstrap, until: 'stopped', metrics: ':0' } as const;
  await using lost = await runJob(counted, { ...shared, data: `${folders.data}-lost`, advertise: '127.0.0.1:1' });
  await lost.ready;
  await using other = await runJob(counted, { ...shared, data: `${folders.data}-other` });
  const answers = () => Promise.all(keys.map((key) => ask(other.address, `/stores/n/${key}`)));
  await expect
    .poll(async () => (await answers()).map(({ body }) => body['error']), { timeout: 20_000 })
    .toContainEqual(expect.objectContaining({ code: 'STORE_OUT_OF_REACH', address: '127.0.0.1:1', retriable: true }));
});

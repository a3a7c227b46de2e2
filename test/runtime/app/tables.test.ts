// Tables of a running job from outside: their changes as an Observable, and global tables in queries.
import { connect, runJob } from 'millrace/run';
import { observeTable, type TableChange } from 'millrace/rx';
import { firstValueFrom, lastValueFrom, toArray } from 'rxjs';
import { filter as rxFilter } from 'rxjs/operators';
import { expect, test } from 'vitest';
import {
  compile,
  count,
  filterRows,
  globalTable,
  groupByKey,
  job,
  joinGlobal,
  session,
  table,
  topic,
  toStream,
  tumbling,
  utf8,
  type Windowed,
  window,
} from '../../../dsl/index.ts';
import { tempFolder } from '../../support/millrace.ts';

const partitions = { partitions: 2 };
const events = topic('events', utf8, partitions);
const names = globalTable('names', utf8, partitions);
const rows = table('rows', utf8, partitions);
const history = table('history', utf8, { ...partitions, versioned: '1 day' });
const observed = job('observed', [
  events.pipe(groupByKey(), count({ as: 'n' })),
  events.pipe(groupByKey(), window(tumbling(10, { grace: 100 })), count({ as: 'windows' })),
  events.pipe(groupByKey(), window(session({ gap: 10, grace: 0 })), count({ as: 'sessions' })),
  rows
    .pipe(
      filterRows((row) => row !== 'hidden', { as: 'shown', value: utf8 }),
      toStream(),
    )
    .to(topic('out', utf8, partitions)),
  history,
  events
    .pipe(
      joinGlobal(
        names,
        (value) => value,
        (value, name) => value + name,
      ),
    )
    .to(topic('named', utf8, partitions)),
]);

type Sent = readonly [topic: string, key: string, value: string | null, timestampMs: number];

async function send(client: Awaited<ReturnType<typeof runJob>>['client'], records: readonly Sent[]): Promise<void> {
  const producer = client.producer();
  for (const [to, key, value, timestampMs] of records) {
    await producer.send({
      topic: to,
      key: utf8.encode(key),
      value: value === null ? null : utf8.encode(value),
      timestampMs,
    });
  }
  await producer.close();
}

const shown = ({ key, value, timestampMs }: TableChange<unknown, unknown>) => [key, value, timestampMs];

test('the rows of a table come first, then its changes, of this run and of one before', async () => {
  await using folder = await tempFolder();
  const data = { data: folder.data, until: 'stopped' } as const;
  {
    await using run = await runJob(observed, data);
    await run.ready;
    await send(run.client, [
      ['events', 'a', '1', 5],
      ['events', 'a', '2', 9],
      ['events', 'a', '3', 40],
      ['rows', 'r', 'seen', 1],
      ['rows', 'gone', 'seen', 2],
      ['rows', 'gone', 'hidden', 3],
      ['history', 'h', 'old', 10],
      ['history', 'h', 'new', 20],
      ['history', 'h', 'between', 15],
    ]);
    const counted = observeTable<string, number>(run, 'n').pipe(rxFilter(({ value }) => value === 3));
    expect(shown(await firstValueFrom(counted))).toEqual(['a', 3, 40]);
    expect(() => observeTable(run, 'nothing')).toThrow(
      "job 'observed' has no state store 'nothing'; it has n, windows",
    );
  }
  await using run = await runJob(observed, data);
  await run.ready;
  const all = async (store: string) => {
    const changes = await lastValueFrom(observeTable(run, store, { until: 'end' }).pipe(toArray()));
    return changes.map(shown);
  };
  const last = (changes: unknown[][]) => [...new Map(changes.map((change) => [JSON.stringify(change[0]), change]))];
  const newest = async (store: string) => last(await all(store)).map(([, change]) => change);
  const window10 = (startMs: number): Windowed<string> => ({ key: 'a', startMs, endMs: startMs + 10 });
  expect(await newest('windows')).toEqual([
    [window10(0), 2, 9],
    [window10(40), 1, 40],
  ]);
  // The first session has left the store, closed by the second.
  expect((await all('sessions')).at(-1)).toEqual([{ key: 'a', startMs: 40, endMs: 40 }, 1, 40]);
  expect(await newest('rows')).toEqual(
    expect.arrayContaining([
      ['r', 'seen', 1],
      ['gone', 'hidden', 3],
    ]),
  );
  expect(Object.fromEntries((await newest('shown')).map(([key, value]) => [key, value]))).toEqual(
    expect.objectContaining({ r: 'seen' }),
  );
  // Stopped before it came to these, the job takes them in now.
  await expect.poll(() => newest('history'), { timeout: 10_000 }).toEqual([['h', 'new', 20]]);
  await send(run.client, [['events', 'b', 'x', 50]]);
  const next = observeTable<string, number>(run, 'n').pipe(rxFilter(({ key }) => key === 'b'));
  expect(shown(await firstValueFrom(next))).toEqual(['b', 1, 50]);
});

test('what has run is observed by its topology alone', async () => {
  await using folder = await tempFolder();
  {
    await using run = await runJob(observed, { data: folder.data, until: 'stopped' });
    await run.ready;
    await send(run.client, [['events', 'a', '1', 5]]);
    await firstValueFrom(observeTable(run, 'n'));
  }
  await using connection = await connect({ data: folder.data });
  const was = { client: connection.client, topology: compile(observed) };
  const changes = observeTable(was, 'n', { until: 'end' }).pipe(toArray());
  expect((await lastValueFrom(changes)).map(shown)).toEqual([['a', 1, 5]]);
});

test('a global table is queried by its topic, whichever partition a key is in', async () => {
  await using folder = await tempFolder();
  await using run = await runJob(observed, { data: folder.data, until: 'stopped' });
  await run.ready;
  const keys = ['a', 'b', 'c', 'd', 'e'];
  await send(run.client, [
    ...keys.map((key): Sent => ['names', key, `name of ${key}`, 1]),
    ['names', 'a', null, 2],
    ['names', 'z', 'last', 3],
  ]);
  const changes = observeTable<string, string>(run, 'names').pipe(rxFilter(({ key }) => key === 'z'));
  await firstValueFrom(changes);
  const query = run.query<string, string>('names');
  // It follows its topic by itself.
  while (query.get('z') === undefined || query.get('e') === undefined) await new Promise((r) => setImmediate(r));
  const found = new Map<string, string>();
  for await (const [key, { value }] of query.all()) found.set(key, value);
  expect(Object.fromEntries(found)).toEqual({
    b: 'name of b',
    c: 'name of c',
    d: 'name of d',
    e: 'name of e',
    z: 'last',
  });
  expect(query.get('a')).toBeUndefined();
  expect(() => run.query('nothing')).toThrow('has no state store');
});

// Windows end to end on the embedded log: several partitions, a stop in the middle, and the last windows at the end.
import { rm } from 'node:fs/promises';
import { generate } from 'millrace/connectors/generate';
import { connect, runJob } from 'millrace/run';
import { consume } from 'millrace/rx';
import { expect, test } from 'vitest';
import {
  count,
  filter,
  groupByKey,
  groupRows,
  job,
  leftJoin,
  mapRows,
  reduceRows,
  safeInt64,
  selectKey,
  session,
  source,
  suppress,
  type Topic,
  table,
  topic,
  toStream,
  tumbling,
  utf8,
  type Windowed,
  window,
  windowedKey,
  within,
} from '../../../dsl/index.ts';
import { stateFolder } from '../../../runtime/cli/state-folder.ts';
import { tempFolder } from '../../support/millrace.ts';

const records = 900;
/** Times run forwards with some disorder; keys pause at times, so that there are sessions. */
const timeOf = (n: number) => n * 100 + ((n * 7) % 11) * 50;
const keyOf = (n: number) => `k${Math.floor(n / 30) % 7}`;
const perTen = tumbling('10 seconds', { grace: '2 seconds' });
const visits = session({ gap: '1 second', grace: '2 seconds' });
const partitions = { partitions: 3 };

function program(rate: number | null) {
  const events = topic('events', safeInt64, { ...partitions, timestamp: timeOf });
  const finals = topic('finals', safeInt64, { ...partitions, key: windowedKey(utf8, perTen) });
  const sessions = topic('sessions', safeInt64, { ...partitions, key: windowedKey(utf8, visits) });
  const perWindow = topic('per-window', safeInt64, partitions);
  const totals = topic('totals', safeInt64, partitions);
  const alone = topic('alone', safeInt64, partitions);
  const latest = table('latest', safeInt64, partitions);
  const made = source(generate({ value: (n) => n, count: records, ...(rate === null ? {} : { rate }) }));
  const grouped = events.pipe(groupByKey());
  const program = job(
    'windows',
    [
      made.pipe(selectKey(keyOf)).to(events),
      grouped.pipe(window(perTen, { emit: 'windowCloses' }), count({ as: 'final' }), toStream()).to(finals),
      grouped
        .pipe(window(visits), count({ as: 'session' }), suppress('windowCloses', { as: 'held' }), toStream())
        .to(sessions),
      // Results of windows, in windows again behind a repartition topic: the end has to come upstream first.
      grouped
        .pipe(
          window(perTen, { emit: 'windowCloses' }),
          count({ as: 'first' }),
          toStream(),
          selectKey((_, { key }) => String(key.startMs)),
          groupByKey(),
          window(session({ gap: '1 hour', grace: 0 }), { emit: 'windowCloses' }),
          count({ as: 'second' }),
          toStream(),
          selectKey((_, { key }) => key.key),
        )
        .to(perWindow),
      // The last ones have no partner, which only the end tells.
      events
        .pipe(
          leftJoin(
            events.pipe(filter((n) => n < records - 20)),
            within({ before: 0, after: 0, grace: '2 seconds' }),
            (n, other) => (other === null ? n : -1),
            { as: 'partners', left: safeInt64, right: safeInt64 },
          ),
          filter((n) => n >= 0),
        )
        .to(alone),
      events.to(latest),
      latest
        .pipe(
          mapRows((n) => n),
          groupRows((n) => `row ${n % 2}`),
          reduceRows({ add: (a, b) => a + b, subtract: (a, b) => a - b }, { as: 'sum', value: safeInt64 }),
          toStream(),
        )
        .to(totals),
    ],
    { guarantee: 'exactlyOnce' },
  );
  return { program, finals, sessions, perWindow, totals, alone };
}

async function read<K>(data: string, from: Topic<K, number>): Promise<(readonly [K, number | null])[]> {
  await using connection = await connect({ data });
  const found: (readonly [K, number | null])[] = [];
  for await (const { key, value } of consume(connection.client, from, { until: 'end' })) found.push([key as K, value]);
  return found;
}

const shown = (found: readonly (readonly [Windowed<string>, number | null])[]) =>
  found.map(([{ key, startMs, endMs }, n]) => `${key}[${startMs},${endMs}]=${n}`).sort();

function wantedFinals(): string[] {
  const counts = new Map<string, number>();
  for (let n = 0; n < records; n++) {
    const start = Math.floor(timeOf(n) / 10_000) * 10_000;
    const id = `${keyOf(n)}[${start},${start + 10_000}]`;
    counts.set(id, (counts.get(id) ?? 0) + 1);
  }
  return [...counts].map(([id, n]) => `${id}=${n}`).sort();
}

function wantedSessions(): string[] {
  const wanted: string[] = [];
  for (const key of new Set(Array.from({ length: records }, (_, n) => keyOf(n)))) {
    const times = Array.from({ length: records }, (_, n) => n)
      .filter((n) => keyOf(n) === key)
      .map(timeOf)
      .sort((a, b) => a - b);
    let first = 0;
    times.forEach((at, i) => {
      const next = times[i + 1];
      if (next !== undefined && next - at <= 1_000) return;
      wanted.push(`${key}[${times[first]},${at}]=${i - first + 1}`);
      first = i + 1;
    });
  }
  return wanted.sort();
}

function wantedAlone(): number[] {
  const all = Array.from({ length: records }, (_, n) => n);
  const meet = (a: number, b: number) => keyOf(a) === keyOf(b) && timeOf(a) === timeOf(b);
  const kept = all.slice(0, records - 20);
  return all.filter((n) => !kept.some((other) => meet(n, other)));
}

test.each([
  ['in one run', null, false],
  ['with a stop in the middle', 600, false],
  ['with a stop after which its state comes from the changelogs', 600, true],
] as const)('every window gives one result, the last ones at the end of the job: %s', async (_, rate, lost) => {
  await using folder = await tempFolder();
  const { program: windows, finals, sessions, perWindow, totals, alone } = program(rate);
  if (rate !== null) {
    await using run = await runJob(windows, { data: folder.data });
    await run.ready;
    while (run.progress().recordsIn < records / 2) await new Promise((resolve) => setImmediate(resolve));
    await run.stop();
    if (lost) await rm(stateFolder(folder.data, 'windows'), { recursive: true });
  }
  const { dropped } = await (await runJob(windows, { data: folder.data })).done;
  expect(dropped).toEqual({});
  expect(shown(await read(folder.data, finals))).toEqual(wantedFinals());
  expect(shown(await read(folder.data, sessions))).toEqual(wantedSessions());
  const withoutPartner = (await read(folder.data, alone)).map(([, n]) => n!);
  expect(withoutPartner.sort((a, b) => a - b)).toEqual(wantedAlone());
  const windowsPerKey = new Map((await read(folder.data, perWindow)).map(([key, n]) => [key, n]));
  for (const [start, n] of windowsPerKey)
    expect(n).toBe(wantedFinals().filter((line) => line.includes(`[${start},`)).length);
  const lasts = new Map(Array.from({ length: records }, (_, n) => [keyOf(n), n] as const));
  const sums = new Map(await read(folder.data, totals));
  for (const parity of [0, 1]) {
    const wanted = [...lasts.values()].filter((n) => n % 2 === parity).reduce((a, b) => a + b, 0);
    expect(sums.get(`row ${parity}`) ?? 0).toBe(wanted);
  }
});

test('where nothing comes any more, the wall clock closes windows and what they give is committed', async () => {
  await using folder = await tempFolder();
  const spec = tumbling('300 ms', { grace: 0 });
  const events = topic('events', utf8, { partitions: 1 });
  const finals = topic('finals', safeInt64, { partitions: 1, key: windowedKey(utf8, spec) });
  const idling = job(
    'idling',
    [
      events
        .pipe(groupByKey(), window(spec, { emit: 'windowCloses', idle: '100 ms' }), count({ as: 'n' }), toStream())
        .to(finals),
    ],
    { guarantee: 'exactlyOnce' },
  );
  await using run = await runJob(idling, { data: folder.data, until: 'stopped' });
  await run.ready;
  const producer = run.client.producer();
  for (const timestampMs of [1_000, 1_100]) {
    await producer.send({ topic: 'events', key: utf8.encode('k'), value: utf8.encode(''), timestampMs });
  }
  await producer.close();
  const first = await consume(run.client, finals).next();
  expect(first.value).toMatchObject({ key: { key: 'k', startMs: 900, endMs: 1_200 }, value: 2 });
});

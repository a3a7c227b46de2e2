// The flights, killed with SIGKILL at random moments: what is in the log afterwards is what an undisturbed run leaves, to
// the record. Expected results are counted here from the CSV files by a plain loop.
import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { inProject, millrace, startMillrace, tempFolder } from '../support/millrace.ts';
import { between, crashRandom, killUntilDone, scaled } from './kill-loop.ts';
import { byKey, readTopic } from './read.ts';

const flightsJob = inProject('examples/flight-delays.ts');

async function rows(file: string): Promise<readonly Record<string, string>[]> {
  const [head, ...lines] = (await readFile(inProject(`examples/data/${file}`), 'utf8')).trimEnd().split('\n');
  const columns = head!.split(',');
  return lines.map((line) => {
    const fields = [...line.matchAll(/("(?:[^"]|"")*"|[^,]*)(?:,|$)/g)].map((m) => m[1]!.replace(/^"|"$/g, ''));
    return Object.fromEntries(columns.map((column, i) => [column, fields[i] ?? '']));
  });
}

async function expected() {
  const airports = await rows('airports.csv');
  const flights = await rows('flights.csv');
  const cities = new Map(airports.map(({ iata, city }) => [iata!, city!]));
  const seen = new Map<string, { flights: number; sum: number }>();
  const days = new Map<string, number>();
  const delays: { key: string; city: string; flights: number; meanDelay: number }[] = [];
  for (const { origin, delay, date } of flights) {
    const day = `${origin}@${date!.slice(0, 10)}T00:00:00.000Z`;
    days.set(day, (days.get(day) ?? 0) + 1);
    const city = cities.get(origin!);
    if (city === undefined) continue;
    const state = seen.get(origin!) ?? { flights: 0, sum: 0 };
    state.flights += 1;
    state.sum += Number(delay);
    seen.set(origin!, state);
    delays.push({ key: origin!, city, flights: state.flights, meanDelay: state.sum / state.flights });
  }
  return {
    airports: byKey(airports.map(({ iata, city }) => ({ key: iata!, value: `${city}` }))),
    flights: byKey(
      flights.map(({ date, delay, origin }) => ({ key: origin!, value: `${Number(delay)} ${Date.parse(`${date}Z`)}` })),
    ),
    delays,
    days: byKey([...days].map(([key, value]) => ({ key, value: String(value) }))),
  };
}

/** Every row once and in order; every update of every airport once, counting up from 1; the answers of the issue. */
async function check(data: string): Promise<void> {
  const right = await expected();
  const rowsOf = async <T>(topic: string, show: (row: T) => string) =>
    byKey((await readTopic(topic, data)).map(({ key, value }) => ({ key, value: show(JSON.parse(value) as T) })));
  expect(await rowsOf<{ city: string }>('airports', ({ city }) => city)).toEqual(right.airports);
  expect(await rowsOf<{ delay: number; atMs: number }>('flights', ({ delay, atMs }) => `${delay} ${atMs}`)).toEqual(
    right.flights,
  );

  const updates = (await readTopic('delays', data)).map(({ key, value }) => ({
    key,
    ...(JSON.parse(value) as { city: string; flights: number; meanDelay: number }),
  }));
  const counts = byKey(updates.map(({ key, flights }) => ({ key, value: String(flights) })));
  expect(counts).toEqual(byKey(right.delays.map(({ key, flights }) => ({ key, value: String(flights) }))));
  const last = new Map(updates.map((update) => [update.key, update]));
  for (const { key, ...wanted } of new Map(right.delays.map((update) => [update.key, update])).values()) {
    const found = last.get(key)!;
    expect({ key, city: found.city, flights: found.flights }).toEqual({
      key,
      city: wanted.city,
      flights: wanted.flights,
    });
    expect(found.meanDelay).toBeCloseTo(wanted.meanDelay, 9);
  }
  const top = [...last.values()].sort((a, b) => b.flights - a.flights).slice(0, 5);
  expect(top.map(({ key, flights, meanDelay }) => `${key} ${flights} ${meanDelay.toFixed(4)}`)).toEqual([
    'DFW 1103 9.4850',
    'ORD 1095 7.4712',
    'ATL 846 7.8144',
    'LAX 777 9.3810',
    'PHX 633 12.0490',
  ]);

  const perDay = byKey(await readTopic('flights-per-day', data, '--key-as', 'windowed', '--value-as', 'int64'));
  const finals = Object.fromEntries(Object.entries(perDay).map(([key, values]) => [key, [values.at(-1)!]]));
  expect(finals).toEqual(right.days);
}

test.each([
  { named: '1 thread', threadsMin: 1, threadsMax: 1 },
  { named: '2 threads', threadsMin: 2, threadsMax: 2 },
  { named: '1 to 3 threads, as many as it happens', threadsMin: 1, threadsMax: 3 },
])('flights with $named come out right after every kill', async ({ named, threadsMin, threadsMax }) => {
  const random = crashRandom(`flights with ${named}`);
  const threads = () => String(threadsMin + random.integer(threadsMax - threadsMin + 1));
  const args = (data: string) => ['run', flightsJob, '--data', data, '--threads', threads()];
  await using first = await tempFolder();
  const undisturbed = await millrace(args(first.data));
  expect(undisturbed.code).toBe(0);
  await check(first.data);

  const wanted = scaled(8);
  let kills = 0;
  let slowestMs = 0;
  while (kills < wanted) {
    await using folder = await tempFolder();
    let left = Math.min(wanted - kills, 6);
    const delay = () => (left-- > 0 ? between(random, undisturbed.elapsedMs * 0.2, undisturbed.elapsedMs * 1.1) : null);
    const done = await killUntilDone(() => startMillrace(args(folder.data)), delay);
    kills += done.kills;
    // The session timeout is 45 s, that of a transaction 60 s: a restart waits for neither.
    expect(done.last.elapsedMs).toBeLessThan(undisturbed.elapsedMs * 3 + 8_000);
    slowestMs = Math.max(slowestMs, done.last.elapsedMs);
    await check(folder.data);
    const again = await millrace(args(folder.data));
    expect(again.stderr).toContain('caught up');
  }
  process.stderr.write(
    `flights with ${named}: ${kills} kills; undisturbed ${Math.round(undisturbed.elapsedMs)} ms, slowest last run ${Math.round(slowestMs)} ms\n`,
  );
});

test('a --fresh that is killed is finished by the next run', async () => {
  const random = crashRandom('fresh');
  await using folder = await tempFolder();
  const args = ['run', flightsJob, '--data', folder.data];
  const first = await millrace(args);
  expect(first.code).toBe(0);
  let kills = 0;
  for (let round = 0; round < scaled(4); round++) {
    const running = startMillrace([...args, '--fresh']);
    const timer = setTimeout(
      () => running.kill('SIGKILL'),
      between(random, first.elapsedMs * 0.15, first.elapsedMs * 0.7),
    );
    if ((await running.finished).signal === 'SIGKILL') kills += 1;
    clearTimeout(timer);
    const last = await millrace(args);
    expect(last.code).toBe(0);
    await check(folder.data);
  }
  process.stderr.write(`fresh: ${kills} kills\n`);
});

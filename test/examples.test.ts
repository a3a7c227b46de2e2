// Every example, run as a person runs it, against answers worked out here from the same data in another way.
import { readdirSync, readFileSync } from 'node:fs';
import { expect, test, vi } from 'vitest';
import { type Finished, inProject, millrace, startNode, tempFolder } from './support/millrace.ts';

// Several processes a test, on a machine that may be busy with other tests.
vi.setConfig({ testTimeout: 60_000 });

const read = (path: string): string => readFileSync(inProject(path), 'utf8');

const run = (example: string, data: string, ...flags: readonly string[]): Promise<Finished> =>
  millrace(['run', `examples/${example}.ts`, '--data', data, ...flags]);

/** Runs an example that is a program as well, with its data in `cwd`. */
const runProgram = (example: string, cwd: string): Promise<Finished> =>
  startNode(inProject('node_modules/tsx/dist/cli.mjs'), [inProject(`examples/${example}.ts`)], { cwd }).finished;

interface Line {
  readonly key: string;
  readonly value: string;
  readonly headers: Readonly<Record<string, string>>;
}

async function consume(topic: string, data: string, ...flags: readonly string[]): Promise<readonly Line[]> {
  const { code, stdout, stderr } = await millrace([
    'consume',
    topic,
    '--until',
    'end',
    '--json',
    '--data',
    data,
    ...flags,
  ]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return stdout
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Line);
}

/** What a reader of the topic knows in the end. */
const newest = (lines: readonly Line[]) => Object.fromEntries(lines.map(({ key, value }) => [key, value]));

/** The cells of what `consoleTable` draws, without its head. */
const tableRows = (text: string): readonly (readonly string[])[] =>
  text
    .split('\n')
    .filter((line) => line.startsWith('│'))
    .slice(1)
    .map((line) =>
      line
        .slice(1, -1)
        .split('│')
        .map((cell) => cell.trim()),
    );

function groupBy<T>(items: readonly T[], keyOf: (item: T) => string): ReadonlyMap<string, readonly T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) groups.set(keyOf(item), [...(groups.get(keyOf(item)) ?? []), item]);
  return groups;
}

const countsBy = <T>(items: readonly T[], keyOf: (item: T) => string): Readonly<Record<string, number>> =>
  Object.fromEntries([...groupBy(items, keyOf)].map(([key, group]) => [key, group.length]));

/** Values may be quoted, and have commas then. */
const csv = (path: string): readonly (readonly string[])[] =>
  read(path)
    .trim()
    .split('\n')
    .slice(1)
    .map((line) => line.split(/,(?=(?:[^"]*"[^"]*")*[^"]*$)/));

const tested = [
  'dead-letters',
  'earthquakes',
  'flight-delays',
  'hello',
  'own-operator',
  'query-state',
  'rx-interop',
  'word-count',
];

test('every example is short, says how it is run, and is tested here', () => {
  const files = readdirSync(inProject('examples')).filter((file) => file.endsWith('.ts'));
  expect(files.sort()).toEqual(tested.map((name) => `${name}.ts`));
  for (const file of files) {
    const text = read(`examples/${file}`);
    expect(text.trimEnd().split('\n').length, file).toBeLessThanOrEqual(60);
    expect(text, file).toMatch(
      file === 'flight-delays.ts' ? /^\/\/ .*\n\/\/ .*`npm start`/ : `\`npx millrace run examples/${file}\``,
    );
  }
});

test('hello: greets, knows that it is done, and starts over when told to', async () => {
  await using folder = await tempFolder();
  const greetings = [1, 2, 3, 4, 5].map((n) => `HELLO, WORLD NUMBER ${n}\n`).join('');

  expect(await run('hello', folder.data)).toMatchObject({ code: 0, stdout: greetings });
  const again = await run('hello', folder.data);
  expect(again).toMatchObject({ code: 0, stdout: '' });
  expect(again.stderr).toContain('caught up');
  expect(await run('hello', folder.data, '--fresh')).toMatchObject({ code: 0, stdout: greetings });
});

test('flight-delays: the five airports to the digit, all 220 from the file, the same after further runs', async () => {
  await using folder = await tempFolder();
  const first = await run('flight-delays', folder.data);

  expect(first.code).toBe(0);
  expect(
    tableRows(first.stdout)
      .slice(0, 5)
      .map(([iata, , flights, mean]) => [iata, flights, mean]),
  ).toEqual([
    ['DFW', '1103', '9.4850'],
    ['ORD', '1095', '7.4712'],
    ['ATL', '846', '7.8144'],
    ['LAX', '777', '9.3810'],
    ['PHX', '633', '12.0490'],
  ]);

  const cities = new Map(csv('examples/data/airports.csv').map(([iata, , city]) => [iata!, city!]));
  const expected: Record<string, unknown> = {};
  for (const [origin, flights] of groupBy(csv('examples/data/flights.csv'), ([, , , origin]) => origin!)) {
    const delays = flights.map(([, delay]) => Number(delay));
    expected[origin] = {
      city: cities.get(origin),
      flights: delays.length,
      meanDelay: delays.reduce((sum, delay) => sum + delay, 0) / delays.length,
      worst: Math.max(...delays),
    };
  }
  const delays = Object.entries(newest(await consume('delays', folder.data, '--value-as', 'utf8')));
  expect(Object.fromEntries(delays.map(([iata, row]) => [iata, JSON.parse(row)]))).toEqual(expected);

  const days = await consume('flights-per-day', folder.data, '--key-as', 'windowed', '--value-as', 'int64');
  const dayOf = ([date, , , origin]: readonly string[]) => `${origin}@${date!.slice(0, 10)}T00:00:00.000Z`;
  expect(numbers(newest(days))).toEqual(countsBy(csv('examples/data/flights.csv'), dayOf));

  const second = await run('flight-delays', folder.data);
  expect(second).toMatchObject({ code: 0, stdout: first.stdout });
  expect(second.stderr).toContain('caught up');
  const afresh = await run('flight-delays', folder.data, '--fresh', '--threads', '2');
  expect(afresh).toMatchObject({ code: 0, stdout: first.stdout });
});

const numbers = (texts: Readonly<Record<string, string>>) =>
  Object.fromEntries(Object.entries(texts).map(([key, text]) => [key, Number(text)]));

test('earthquakes: nothing is late, whatever the order', async () => {
  await using folder = await tempFolder();
  const ended = await run('earthquakes', folder.data);
  const quakes = read('examples/data/earthquakes.jsonl')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { net: string; time: number; mag: number | null });
  expect(quakes.every(({ time }, i) => i === 0 || time <= quakes[i - 1]!.time)).toBe(true);

  expect(ended.code).toBe(0);
  expect(ended.stderr).not.toContain('dropped');
  const networks = [...groupBy(quakes, ({ net }) => net)].map(([net, group]) => {
    const magnitudes = group.flatMap(({ mag }) => (mag === null ? [] : [mag])).sort((a, b) => b - a);
    return { net, quakes: group.length, strongest: magnitudes[0]! };
  });
  expect(tableRows(ended.stdout)).toEqual(
    networks
      .sort((a, b) => b.strongest - a.strongest)
      .map(({ net, quakes, strongest }) => [net, String(quakes), String(strongest)]),
  );

  const days = await consume('quakes-per-day', folder.data, '--key-as', 'windowed', '--value-as', 'int64');
  const dayOf = ({ net, time }: { net: string; time: number }) =>
    `${net}@${new Date(time).toISOString().slice(0, 10)}T00:00:00.000Z`;
  expect(numbers(newest(days))).toEqual(countsBy(quakes, dayOf));
});

test('word-count: every word of the text', async () => {
  await using folder = await tempFolder();
  const ended = await run('word-count', folder.data);
  const words = read('examples/data/mill-race.txt')
    .toLowerCase()
    .split(/[^a-z]+/)
    .filter((word) => word !== '');
  const expected = countsBy(words, (word) => word);

  expect(ended.code).toBe(0);
  expect(numbers(newest(await consume('word-counts', folder.data, '--value-as', 'int64')))).toEqual(expected);
  const most = Object.values(expected)
    .sort((a, b) => b - a)
    .slice(0, 10);
  const shown = tableRows(ended.stdout);
  expect(shown.map(([, count]) => Number(count))).toEqual(most);
  for (const [word, count] of shown) expect(Number(count)).toBe(expected[word!]);
});

test('dead-letters: the good are counted, the others kept as they came, with the cause', async () => {
  await using folder = await tempFolder();
  const ended = await run('dead-letters', folder.data);

  expect(ended.code).toBe(0);
  // Of 34, 33 and 33 payments: 9 39 69 99, 19 49 79 and 29 59 89 are torn, and 55 is an inn's that is negative.
  expect(tableRows(ended.stdout)).toEqual([
    ['bakery', '30'],
    ['inn', '29'],
    ['mill', '30'],
  ]);
  expect(ended.stderr).toContain('dropped: 11 sent to a dead-letter topic');

  const dead = await consume('payments-dead', folder.data, '--value-as', 'utf8');
  expect(dead.map(({ headers }) => Number(headers['millrace.error.offset']))).toEqual([
    9, 19, 29, 39, 49, 55, 59, 69, 79, 89, 99,
  ]);
  const negative = dead.find(({ headers }) => headers['millrace.error.class'] === 'RangeError')!;
  expect(JSON.parse(negative.value)).toEqual({ shop: 'inn', cents: -1 });
  expect(negative.headers).toMatchObject({
    'millrace.error.message': "a payment can't be negative: -1",
    'millrace.error.topic': 'payment-lines',
    'millrace.error.stage': 'process',
  });
  const torn = dead.filter((line) => line !== negative);
  expect(new Set(torn.map(({ headers }) => headers['millrace.error.class']))).toEqual(new Set(['SyntaxError']));
  for (const { value } of torn) expect(value).toMatch(/^\{"shop":"(bakery|inn|mill)","c/);
});

test('own-operator: a mean for each reading, of its room and hour', async () => {
  await using folder = await tempFolder();
  const { code, stdout } = await run('own-operator', folder.data);

  // Readings 0 to 5 are of the first hour; those of the study have 17, 19, 21 degrees, then 23, 25, 27.
  const mean = { first: [17, 18, 19], second: [23, 24, 25] };
  const lines = (hour: string, means: readonly number[]) =>
    means.flatMap((study) => [
      `2025-01-01T${hour}:00:00.000Z cellar: 12 °C`,
      `2025-01-01T${hour}:00:00.000Z study: ${study} °C`,
    ]);
  const expected = [...lines('00', mean.first), ...lines('01', mean.second)];
  expect(code).toBe(0);
  // Rooms may be in different partitions, so only the order of each room's is certain.
  for (const room of ['cellar', 'study']) {
    const ofRoom = (all: readonly string[]) => all.filter((line) => line.includes(room));
    expect(ofRoom(stdout.split('\n'))).toEqual(ofRoom(expected));
  }
});

test('rx-interop: as a job, and as a program around it', async () => {
  await using folder = await tempFolder();
  expect(await run('rx-interop', folder.data)).toMatchObject({ code: 0, stdout: 'river\nweir\n' });

  const program = await runProgram('rx-interop', folder.path);
  expect(program).toMatchObject({ code: 0, stderr: '' });
  const found = ['river', 'weir', 'wheel', 'mill', 'race'];
  const letters = ['mill', 'race', 'end'].join('').length;
  const said = program.stdout.trim().split('\n');
  // The program ends once it has seen the fifth, whatever the job has printed by then.
  const printed = said.filter((line) => found.includes(line));
  expect(found.slice(0, printed.length)).toEqual(printed);
  expect(said).toContain(`typed ${letters} letters more; found ${found.join(', ')}`);
});

test('query-state: as a job, and asked while it runs', async () => {
  await using folder = await tempFolder();
  const job = await run('query-state', folder.data);
  expect(job.code).toBe(0);
  expect(await consume('visits', folder.data)).toHaveLength(1_000);

  const program = await runProgram('query-state', folder.path);
  expect(program).toMatchObject({ code: 0, stderr: '' });
  const lines = program.stdout.trim().split('\n');
  const soFar = lines.flatMap(
    (line) =>
      line
        .match(/^visits of \/ so far: (\d+)$/)
        ?.slice(1)
        .map(Number) ?? [],
  );
  expect(soFar.length).toBeGreaterThan(0);
  expect(soFar).toEqual([...soFar].sort((a, b) => a - b));
  expect(soFar.every((count) => count < 500)).toBe(true);
  expect(lines.slice(soFar.length).sort()).toEqual(
    [
      'visits of /: 500',
      'visits of /about: 250',
      'visits of /prices: 250',
      // One visit a second, every fourth of /prices.
      ...[12, 13, 14, 15].map((minute) => `visits of /prices from 2025-01-01T00:${minute}:00.000Z: 15`),
    ].sort(),
  );
});

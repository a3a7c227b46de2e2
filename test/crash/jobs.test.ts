// A job that is killed at random moments, under both guarantees: nothing is lost; under exactlyOnce nothing is repeated;
// state comes back from the end of its changelog; a restart doesn't wait for anybody's timeout.
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { built, type Folder, millrace, startMillrace, startNode, tempFolder } from '../support/millrace.ts';
import type { Order } from './children/run-file.ts';
import { jobDefaults, writeJob } from './jobs.ts';
import { between, crashRandom, killUntilDone, scaled } from './kill-loop.ts';
import { byKey, numbersByKey, readTopic } from './read.ts';

const { count, keys } = jobDefaults;
/** More than a loaded machine needs, and less than a session (45 s) or a transaction (60 s) takes to time out. */
const timeoutMs = 40_000;

const copiedNumbers = async (folder: Folder) =>
  (await readTopic('copied', folder.data)).map(({ key, value }) => ({ key, value: value.split(' ')[0]! }));

/** Each number once and in order, each count of a key once and in order. */
async function checkExactlyOnce(folder: Folder): Promise<void> {
  const expected = numbersByKey(count, keys);
  expect(byKey(await readTopic('ids', folder.data, '--value-as', 'int64'))).toEqual(expected);
  expect(byKey(await copiedNumbers(folder))).toEqual(expected);
  const counts = byKey(await readTopic('counts', folder.data, '--value-as', 'int64'));
  const right = Object.entries(expected).map(([key, values]) => [key, values.map((_, i) => String(i + 1))]);
  expect(counts).toEqual(Object.fromEntries(right));
}

test('at least once: every number is in the output after kills, and in the count', async () => {
  const random = crashRandom('at least once');
  await using folder = await tempFolder();
  const file = await writeJob(folder, { guarantee: 'atLeastOnce' });
  let left = scaled(10);
  const { kills } = await killUntilDone(
    () =>
      startMillrace(['run', file, '--data', folder.data, '--threads', String(1 + random.integer(2))], { timeoutMs }),
    () => (left-- > 0 ? between(random, 300, 2_500) : null),
  );
  const expected = numbersByKey(count, keys);
  expect(byKey(await readTopic('ids', folder.data, '--value-as', 'int64'))).toEqual(expected);
  const copied = await copiedNumbers(folder);
  expect([...new Set(copied.map(({ value }) => Number(value)))].sort((a, b) => a - b)).toEqual(
    Array.from({ length: count }, (_, n) => n),
  );
  const counts = byKey(await readTopic('counts', folder.data, '--value-as', 'int64'));
  for (const [key, values] of Object.entries(expected))
    expect(Number(counts[key]!.at(-1))).toBeGreaterThanOrEqual(values.length);
  process.stderr.write(`at least once: ${kills} kills, ${copied.length - count} of ${count} numbers copied again\n`);
});

test.each([0, 2_000])('exactly once, %i bytes of output a record, commits seldom and often', async (padding) => {
  const random = crashRandom(`exactly once, ${padding} bytes`);
  for (const commitInterval of ['20 ms', '1 second']) {
    await using folder = await tempFolder();
    const file = await writeJob(folder, { padding, commitInterval });
    let left = scaled(4);
    const { kills, last } = await killUntilDone(
      () =>
        startMillrace(['run', file, '--data', folder.data, '--threads', String(1 + random.integer(3))], { timeoutMs }),
      () => (left-- > 0 ? between(random, 400, 2_500) : null),
    );
    await checkExactlyOnce(folder);
    process.stderr.write(
      `exactly once, ${padding} bytes, ${commitInterval}: ${kills} kills, last run ${Math.round(last.elapsedMs)} ms\n`,
    );
  }
});

interface Restored {
  readonly task: string;
  readonly records: number;
}

const restoredIn = (stderr: string): Restored[] =>
  stderr
    .split('\n')
    .filter((line) => line.includes('"state restored"'))
    .map((line) => JSON.parse(line) as Restored);

test.each(['atLeastOnce', 'exactlyOnce'] as const)(
  '%s: state comes back from the end of its changelog',
  async (guarantee) => {
    const random = crashRandom(`state, ${guarantee}`);
    await using folder = await tempFolder();
    const file = await writeJob(folder, { guarantee, keys: 5_000 });
    const run = () => startMillrace(['run', file, '--data', folder.data], { env: { MILLRACE_LOG: 'info' } });
    const changelog = 'numbers-counts-changelog';
    const tails: string[] = [];
    for (let kill = 0; kill < 3; kill++) {
      const running = run();
      // One that is at its end before it gets there ends by itself.
      await running.said('stderr', 'under way').catch(() => {});
      const timer = setTimeout(() => running.kill('SIGKILL'), between(random, 0, 400));
      const { stderr } = await running.finished;
      clearTimeout(timer);
      const described = await millrace(['topic', 'describe', changelog, '--json', '--data', folder.data]);
      const { partitions } = JSON.parse(described.stdout) as { partitions: { endOffset: number }[] };
      const total = partitions.reduce((sum, { endOffset }) => sum + endOffset, 0);
      const restored = restoredIn(stderr).reduce((sum, { records }) => sum + records, 0);
      tails.push(`${restored} before ${total} were there`);
    }
    const last = await run().finished;
    expect(last.code).toBe(0);
    const ends = (await readTopic(changelog, folder.data)).length;
    const restored = restoredIn(last.stderr);
    const records = restored.reduce((sum, one) => sum + one.records, 0);
    // At least once may lose what lies between a flush and the write of the state: a commit's worth, a tenth of a second.
    expect(records).toBeLessThan(ends * 0.25);
    const finals = byKey(await readTopic('counts', folder.data, '--value-as', 'int64'));
    for (const key of Object.keys(numbersByKey(5_000, 5_000))) {
      const value = Number(finals[key]!.at(-1));
      if (guarantee === 'exactlyOnce') expect({ key, value }).toEqual({ key, value: count / 5_000 });
      else expect(value).toBeGreaterThanOrEqual(count / 5_000);
    }

    await rm(join(folder.data, 'state'), { recursive: true });
    const afresh = await run().finished;
    expect(afresh).toMatchObject({ code: 0 });
    expect(afresh.stderr).toContain('caught up');
    const all = restoredIn(afresh.stderr).reduce((sum, one) => sum + one.records, 0);
    expect(all).toBeGreaterThanOrEqual(5_000);
    process.stderr.write(
      `state, ${guarantee}: ${tails.join('; ')}; at last ${records} of ${ends}; without state ${all}\n`,
    );
  },
);

async function runWithKills(order: Order) {
  const { code, stdout, stderr } = await startNode(built('test/crash/children/run-file.js'), [JSON.stringify(order)], {
    timeoutMs: 60_000,
  }).finished;
  // Who is about to get tasks of the dead one may have to join again, and says so.
  const expected =
    /under way\n|.*"(a worker thread died; the others take its tasks over|tasks lost; they start again from what is committed)".*\n/g;
  expect({ code, stderr: stderr.replace(expected, '') }).toEqual({ code: 0, stderr: '' });
  return stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, number>);
}

test.each([
  { guarantee: 'exactlyOnce', padding: 0 },
  { guarantee: 'exactlyOnce', padding: 2_000 },
  { guarantee: 'atLeastOnce', padding: 0 },
] as const)(
  'a thread that dies is replaced by the others: $guarantee, $padding bytes',
  async ({ guarantee, padding }) => {
    const random = crashRandom(`threads, ${guarantee}, ${padding} bytes`);
    for (let round = 0; round < scaled(2); round++) {
      await using folder = await tempFolder();
      const file = await writeJob(folder, { guarantee, padding, commitInterval: '500 ms' });
      const [first, second] = random.next() < 0.5 ? [0, 2] : [2, 1];
      const kills = [
        { thread: first!, afterMs: between(random, 0, 1_500) },
        ...(round % 2 === 1 ? [{ thread: second!, afterMs: between(random, 0, 1_500) }] : []),
      ];
      const events = await runWithKills({ file, data: folder.data, threads: 3, kills });
      if (guarantee === 'exactlyOnce') await checkExactlyOnce(folder);
      else {
        const found = new Set((await copiedNumbers(folder)).map(({ value }) => value));
        expect(found.size).toBe(count);
      }
      const { elapsedMs } = events.find((event) => 'elapsedMs' in event)!;
      // The session timeout is 45 s, that of a transaction 60 s.
      expect(elapsedMs).toBeLessThan(20_000);
      process.stderr.write(`threads: killed ${JSON.stringify(kills)}, ended after ${Math.round(elapsedMs!)} ms\n`);
    }
  },
);

test('a restart is ready as soon as a first start, whatever the dead one had open', async () => {
  const random = crashRandom('restart');
  await using folder = await tempFolder();
  const file = await writeJob(folder, { padding: 2_000, commitInterval: '2 seconds', count: 200_000, rate: 5_000 });
  const times: { readonly threads: number; readonly readyMs: number }[] = [];
  for (const threads of [3, 1, 3, 2, 1]) {
    const order: Order = { file, data: folder.data, threads, kills: [] };
    const running = startNode(built('test/crash/children/run-file.js'), [JSON.stringify(order)], { timeoutMs: 40_000 });
    await running.said('stdout', 'readyMs');
    times.push({ threads, ...(JSON.parse(running.stdout().split('\n')[0]!) as { readyMs: number }) });
    // Long enough that output of an open transaction is in the log.
    await new Promise((resolve) => setTimeout(resolve, between(random, 500, 1_500)));
    running.kill('SIGKILL');
    await running.finished;
  }
  const lines = await readTopic('copied', folder.data);
  expect(new Set(lines.map(({ value }) => value.split(' ')[0])).size).toBe(lines.length);
  process.stderr.write(
    `restart: ${times.map(({ threads, readyMs }) => `${threads} threads ${Math.round(readyMs)} ms`).join(', ')}\n`,
  );
  // The session timeout is 45 s, that of a transaction 60 s.
  const [undisturbed, ...restarts] = times;
  for (const { readyMs } of restarts) expect(readyMs).toBeLessThan(undisturbed!.readyMs * 3 + 5_000);
});

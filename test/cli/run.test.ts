// run, describe and reset: a job from its first start over stops and restarts to its reset.
import { spawnSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { built, type Folder, millrace, startMillrace, tempFolder } from '../support/millrace.ts';

// Each takes a second or two; on a machine with much else to do, many times that.
vi.setConfig({ testTimeout: 90_000, hookTimeout: 60_000 });

let folder: Folder;
beforeAll(async () => {
  folder = await tempFolder();
  await folder.file(
    'steady.mjs',
    `import { count, groupByKey, job, safeInt64, selectKey, source, tap, toStream, topic } from 'millrace';
     import { generate } from 'millrace/connectors/generate';
     let taken = 0;
     const tell = tap(() => { if (++taken === 400) process.stderr.write('under way\\n'); });
     const numbers = topic('numbers', safeInt64, { partitions: 2 });
     export default job('steady', [
       source(generate({ value: (n) => n, rate: 2_000 })).pipe(selectKey((n) => String(n % 10))).to(numbers),
       numbers.pipe(tell, groupByKey(), count({ as: 'seen' }), toStream()).to(topic('seen', safeInt64, { partitions: 2 })),
     ], { guarantee: 'exactlyOnce' });`,
  );
  await folder.file(
    'words.mjs',
    `import { count, flatMap, groupBy, job, safeInt64, source, toStream, topic, utf8 } from 'millrace';
     import { generate } from 'millrace/connectors/generate';
     const lines = topic('lines', utf8, { partitions: 2 });
     export default job('words', [
       source(generate({ value: (n) => 'a b' + n % 3, count: 300 })).to(lines),
       lines.pipe(flatMap((line) => line.split(' ')), groupBy((word) => word), count({ as: 'words' }), toStream()).to(topic('counts', safeInt64, { partitions: 2 })),
     ]);`,
  );
  await folder.file(
    'visits.mjs',
    `import { count, groupByKey, job, safeInt64, selectKey, session, source, topic, toStream, tumbling, utf8, window, windowedKey } from 'millrace';
     import { generate } from 'millrace/connectors/generate';
     const startMs = Date.UTC(2001, 0, 1);
     const times = [0, 5, 100, 103];
     const spec = session({ gap: '10 seconds', grace: 0 });
     const minute = tumbling('1 minute', { grace: 0 });
     const visits = topic('visits', utf8, { partitions: 1 });
     const kept = { partitions: 1, retention: 'forever' };
     export default job('visits', [
       source(generate({ value: () => 'x', count: 4, timestampMs: (n) => startMs + times[n] * 1_000 })).pipe(selectKey(() => 'k')).to(visits),
       visits.pipe(groupByKey(), window(minute, { emit: 'windowCloses' }), count({ as: 'minutes' }), toStream())
         .to(topic('minutes', safeInt64, { ...kept, key: windowedKey(utf8, minute) })),
       visits.pipe(groupByKey(), window(spec, { emit: 'windowCloses' }), count({ as: 'sessions' }), toStream())
         .to(topic('sessions', safeInt64, { ...kept, key: windowedKey(utf8, spec) })),
     ]);`,
  );
  await folder.file(
    'copy.mjs',
    `import { job, topic, utf8 } from 'millrace';
     export default job('copy', [topic('from', utf8).to(topic('to', utf8, { partitions: 1 }))]);`,
  );
  await folder.file(
    'stuck.mjs',
    `import { job, mapAsync, source, topic, utf8 } from 'millrace';
     import { generate } from 'millrace/connectors/generate';
     export default job('stuck', [
       source(generate({ value: () => 'x', rate: 100 })).pipe(mapAsync(() => { process.stderr.write('under way\\n'); return new Promise(() => {}); })).to(topic('never', utf8)),
     ]);`,
  );
});
afterAll(() => folder[Symbol.asyncDispose]());

const command = (args: readonly string[], input?: string) =>
  millrace(args, { cwd: folder.path, ...(input === undefined ? {} : { input }) });
const at = (name: string) => ['--data', `data-${name}`];

async function lines(topic: string, data: readonly string[], ...flags: readonly string[]): Promise<string[]> {
  const { code, stdout, stderr } = await command(['consume', topic, '--until', 'end', ...data, ...flags]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return stdout.split('\n').filter((line) => line !== '');
}

/** What the question of `reset` looks like at a terminal, answered so; null where no terminal can be made (util-linux's script). */
function askedOnTerminal(answer: string): string | null {
  if (!/util-linux/.test(spawnSync('script', ['--version'], { encoding: 'utf8' }).stdout ?? '')) return null;
  const asked = `'${process.execPath}' '${built('runtime/cli/main.js')}' reset words.mjs --data data-words`;
  const options = { cwd: folder.path, input: `${answer}\n`, encoding: 'utf8', timeout: 20_000 } as const;
  return spawnSync('script', ['-qec', asked, '/dev/null'], options).stdout;
}

/** Of the keys 0 to 9 as many as there are numbers, in order and without a gap. */
async function checkSteady(data: readonly string[]): Promise<number> {
  const numbers = (await lines('numbers', data, '--value-as', 'int64')).map(Number);
  expect([...numbers].sort((a, b) => a - b)).toEqual(Array.from({ length: numbers.length }, (_, n) => n));
  const seen = new Map<string, number[]>();
  for (const line of await lines('seen', data, '--value-as', 'int64', '--keys')) {
    const [key, count] = line.split('\t');
    seen.set(key!, [...(seen.get(key!) ?? []), Number(count)]);
  }
  for (const [key, counts] of seen) {
    expect({ key, counts }).toEqual({ key, counts: counts.map((_, i) => i + 1) });
    expect(counts.length).toBeLessThanOrEqual(numbers.filter((n) => String(n % 10) === key).length);
  }
  return numbers.length;
}

describe('Ctrl-C', () => {
  test.each([1, 2])(
    'stops cleanly with %i threads, and the next run goes on without loss or repeat',
    async (threads) => {
      const data = at(`steady-${threads}`);
      let before = 0;
      for (const signal of ['SIGINT', 'SIGTERM'] as const) {
        const running = startMillrace(['run', 'steady.mjs', ...data, '--threads', `${threads}`], { cwd: folder.path });
        await running.said('stderr', 'under way');
        running.kill(signal);
        const { code, stdout, stderr } = await running.finished;
        expect({ code, stdout }).toEqual({ code: 0, stdout: '' });
        expect(stderr).toMatch(
          /^(running until Ctrl-C\n|under way\n)+stopping: what is processed is committed; press Ctrl-C again to stop at once\n/,
        );
        expect(stderr).not.toContain('error');
        const count = await checkSteady(data);
        expect(count).toBeGreaterThan(before);
        before = count;
      }
    },
  );

  test('a second one stops it at once', async () => {
    const running = startMillrace(['run', 'stuck.mjs', ...at('stuck')], { cwd: folder.path });
    await running.said('stderr', 'under way');
    running.kill('SIGINT');
    await running.said('stderr', 'press Ctrl-C again');
    running.kill('SIGINT');
    expect((await running.finished).code).toBe(130);
  });
});

describe('a job that ends', () => {
  const data = at('words');

  test('says what it did and what to try next, and what it names works', async () => {
    const { code, stdout, stderr } = await command(['run', 'words.mjs', ...data]);
    expect({ code, stdout }).toEqual({ code: 0, stdout: '' });
    expect(stderr).toMatch(/^done: words took in 1,200 records and wrote [\d,]+ in [\d.]+ s, [\d,]+ records\/s\n/);
    const tips = [...stderr.matchAll(/ {2}npx millrace (.*)/g)].map((match) => match[1]!.split(' '));
    expect(tips.map((tip) => tip.slice(0, 2).join(' '))).toEqual([
      'consume counts',
      'topic list',
      'describe words.mjs',
    ]);
    for (const tip of tips) expect((await command(tip)).code).toBe(0);
    const counts = await lines('counts', data, '--keys', '--value-as', 'int64');
    expect(counts.filter((line) => /^(a\t300|b[012]\t100)$/.test(line))).toHaveLength(4);
    expect(counts).toHaveLength(600);
  });

  test('is caught up at the second run, with other threads too, and counts nothing twice', async () => {
    for (const threads of ['1', '2']) {
      const again = await command(['run', 'words.mjs', ...data, '--threads', threads]);
      expect(again).toMatchObject({ code: 0, stdout: '' });
      expect(again.stderr).toContain('caught up: words has already processed all of its input; --fresh starts it');
    }
    expect(await lines('counts', data)).toHaveLength(600);
  });

  test('starts afresh with --fresh', async () => {
    const { code, stdout } = await command(['run', 'words.mjs', ...data, '--fresh', '--json']);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ job: 'words', recordsIn: 1_200, dropped: {} });
    expect(await lines('counts', data)).toHaveLength(600);
  });

  test('starts afresh where a kill left a reset half done: offsets that are gone and state that is not count twice', async () => {
    await writeFile(join(folder.path, data[1]!, 'state', 'words', 'reset-under-way'), '');
    expect((await command(['run', 'words.mjs', ...data, '--json'])).stdout).toContain('"recordsIn":1200,');
    expect(await lines('counts', data)).toHaveLength(600);
    expect((await command(['run', 'words.mjs', ...data])).stderr).toContain('caught up');
  });

  test('is reset after a question, which --yes answers', async () => {
    const asked = await command(['reset', 'words.mjs', ...data], 'y\n');
    expect({ code: asked.code, stdout: asked.stdout }).toEqual({ code: 1, stdout: '' });
    expect(asked.stderr).toContain('resetting job words will\n');
    expect(asked.stderr).toContain('  delete topic counts and its records\n');
    expect(asked.stderr).toContain('error: standard input is no terminal to ask at; add --yes to go ahead\n');
    expect(await lines('counts', data)).toHaveLength(600);
    const terminal = askedOnTerminal('n');
    if (terminal !== null) expect(terminal).toMatch(/go on\? \[y\/N\][\s\S]*nothing was changed/);
    expect(await lines('counts', data)).toHaveLength(600);
    const done = await command(['reset', 'words.mjs', ...data, '--yes']);
    expect(done).toMatchObject({ code: 0, stdout: '' });
    expect(done.stderr).toMatch(/\ndone\n$/);
    expect((await command(['topic', 'list', ...data])).stderr).toBe('there are no topics yet\n');
    expect((await command(['group', 'list', ...data])).stderr).toBe('there are no groups yet\n');
  });
});

describe('a job that does not end by itself', () => {
  const data = at('copy');

  test('ends with --until end at what is there when it starts; --from latest passes over it', async () => {
    await command(['topic', 'create', 'from', '--partitions', '2', ...data]);
    await command(['produce', 'from', ...data], 'one\ntwo\nthree\n');
    const latest = await command(['run', 'copy.mjs', '--from', 'latest', '--until', 'end', ...data]);
    expect(latest.code).toBe(0);
    expect(latest.stderr).toContain('caught up');
    await command(['produce', 'from', ...data], 'four\nfive\n');
    const next = await command(['run', 'copy.mjs', '--until', 'end', '--threads', '2', ...data]);
    expect(next.stderr).toContain('done: copy took in 2 records and wrote 2 in ');
    expect((await lines('to', data)).sort()).toEqual(['five', 'four']);
  });
});

describe('describe', () => {
  test('shows the parts of a job as text, as Mermaid and as JSON, and makes nothing', async () => {
    const text = await command(['describe', 'words.mjs']);
    expect(text).toMatchObject({ code: 0, stderr: '' });
    for (const part of ['lines', 'counts', 'words', 'flatMap']) expect(text.stdout).toContain(part);
    const mermaid = await command(['describe', 'words.mjs', '--mermaid']);
    expect(mermaid.stdout).toMatch(/^flowchart /);
    const json = await command(['describe', 'words.mjs', '--json']);
    expect(JSON.parse(json.stdout)).toMatchObject({
      job: 'words',
      guarantee: 'atLeastOnce',
      bounded: true,
      subTopologies: [{ id: 0 }, { id: 1 }, { id: 2 }],
    });
  });

  test('says what a new version does to state and topics, and fails where it would be refused', async () => {
    const { stdout } = await command(['describe', 'words.mjs', '--json']);
    await using folder = await tempFolder();
    const before = join(folder.path, 'before.json');
    await writeFile(before, stdout);
    const same = await command(['describe', 'words.mjs', '--diff', before]);
    expect(same).toMatchObject({ code: 0, stderr: '' });
    expect(same.stdout).toMatch(/^kept {4}state words: by its name; words-words-changelog\n$/);
    const changed = stdout.replace('values of int64', 'values of utf8');
    expect(changed).not.toBe(stdout);
    await writeFile(before, changed);
    const refused = await command(['describe', 'words.mjs', '--diff', before]);
    expect(refused.code).toBe(1);
    expect(refused.stdout).toBe(
      "refused state words: it is kept with values of utf8 and the job wants it with values of int64: give it another name with 'as', or forget it with 'millrace reset'\n",
    );
    for (const [text, sentence] of [
      ['{}', `error: can't use the file ${before}: it isn't what 'millrace describe --json' prints`],
      [null, "error: can't use the file nothere.json: there is no such file"],
    ] as const) {
      if (text !== null) await writeFile(before, text);
      const failed = await command(['describe', 'words.mjs', '--diff', text === null ? 'nothere.json' : before]);
      expect(failed.code).toBe(1);
      expect(failed.stderr.trim()).toBe(sentence);
    }
  });
});

test('records that their topic would let go at once are spoken of once, and keys of windows and sessions are read', async () => {
  const data = at('visits');
  const { code, stderr } = await command(['run', 'visits.mjs', ...data]);
  expect(code).toBe(0);
  const warnings = stderr.split('\n').filter((line) => line.includes('retention'));
  expect(warnings).toHaveLength(1);
  expect(warnings[0]).toMatch(/event times for 'visits' are past its retention.*retention: 'forever'/);
  expect(stderr).toContain('millrace consume sessions --until end --keys --key-as windowed --value-as int64');
  const shown = (topic: string) => lines(topic, data, '--keys', '--key-as', 'windowed', '--value-as', 'int64');
  expect(await shown('sessions')).toEqual([
    'k@2001-01-01T00:00:00.000Z/2001-01-01T00:00:05.000Z\t2',
    'k@2001-01-01T00:01:40.000Z/2001-01-01T00:01:43.000Z\t2',
  ]);
  expect(await shown('minutes')).toEqual(['k@2001-01-01T00:00:00.000Z\t2', 'k@2001-01-01T00:01:00.000Z\t2']);
});

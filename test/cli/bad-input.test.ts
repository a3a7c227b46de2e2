// Input that can't be used as it is: told with its place, or dealt with as the job's policy says; nothing is lost.
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { type Folder, millrace, tempFolder } from '../support/millrace.ts';

// Each takes a second or two; on a machine with much else to do, many times that.
vi.setConfig({ testTimeout: 90_000, hookTimeout: 60_000 });

let folder: Folder;
beforeAll(async () => {
  folder = await tempFolder();
  await folder.file(
    'csv.mjs',
    `import { job, json, source, topic } from 'millrace';
     import { csvFile } from 'millrace/connectors/files';
     export default job('csv', [source(csvFile('in.csv', { columns: ['id', 'name'] })).to(topic('rows', json(), { partitions: 1 }))]);`,
  );
  await folder.file(
    'lines.mjs',
    `import { job, json, source, topic } from 'millrace';
     import { jsonLinesFile } from 'millrace/connectors/files';
     export default job('lines', [source(jsonLinesFile('in.jsonl')).to(topic('lines', json(), { partitions: 1 }))]);`,
  );
  await folder.file(
    'poison.mjs',
    `import { deadLetter, fail, job, json, map, skip, topic } from 'millrace';
     const onError = { fail: fail(), skip: skip(), deadLetter: deadLetter('dead') }[process.env.POLICY];
     const check = map((v) => { if (v.n === 3) throw new RangeError('three is too many'); return v; });
     const odd = topic('odd', json(), { partitions: 1 });
     export default job('poison', [odd.pipe(check).to(topic(process.env.POLICY, json(), { partitions: 1 }))], { onError });`,
  );
  await folder.file(
    'times.mjs',
    `import { job, json, topic } from 'millrace';
     const dated = topic('dated', json(), { partitions: 1, timestamp: (v) => Date.parse(v.at) });
     export default job('times', [dated.to(topic('timed', json(), { partitions: 1 }))], { negativeTimestamp: process.env.NEGATIVE });`,
  );
});
afterAll(() => folder[Symbol.asyncDispose]());

const command = (args: readonly string[], options: { input?: string; env?: Record<string, string> } = {}) =>
  millrace([...args, '--data', folder.data], { cwd: folder.path, ...options });

const values = async (topic: string) =>
  (await command(['consume', topic, '--until', 'end'])).stdout.split('\n').filter((line) => line !== '');

const failure = async (job: string, env: Record<string, string> = {}) => {
  const { code, stdout, stderr } = await command(['run', job, '--until', 'end'], { env });
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  expect(stderr.trimEnd().split('\n')).toHaveLength(1);
  return stderr;
};

describe('a CSV file', () => {
  test('that is not there', async () => {
    expect(await failure('csv.mjs')).toBe("error: can't use the file in.csv: there is none\n");
  });

  test('without a column that the job names', async () => {
    await folder.file('in.csv', 'id,nome\n1,a\n');
    expect(await failure('csv.mjs')).toBe(
      "error: in.csv line 1 has no column 'name' (it has id, nome); correct the name in 'columns', or correct the file\n",
    );
  });

  test('whose last line is torn, goes on from there once it is whole', async () => {
    await folder.file('in.csv', 'id,name\n1,a\n2,b\n3');
    expect(await failure('csv.mjs')).toContain(
      'error: in.csv line 4 has 1 values where the first line names 2 columns',
    );
    await folder.file('in.csv', 'id,name\n1,a\n2,b\n3,c\n');
    expect((await command(['run', 'csv.mjs'])).code).toBe(0);
    expect(await values('rows')).toEqual(['{"id":"1","name":"a"}', '{"id":"2","name":"b"}', '{"id":"3","name":"c"}']);
  });
});

describe('a file of JSON lines', () => {
  test('with a line that is no JSON, is told with its number and goes on once it is corrected', async () => {
    await folder.file('in.jsonl', '{"n":1}\n{"n":2}\nn=3\n{"n":4}\n');
    expect(await failure('lines.mjs')).toMatch(/^error: in\.jsonl line 3 is not JSON \(.*\); correct it, or leave/);
    await folder.file('in.jsonl', '{"n":1}\n{"n":2}\n{"n":3}\n{"n":4}\n');
    expect((await command(['run', 'lines.mjs'])).code).toBe(0);
    expect(await values('lines')).toEqual(['{"n":1}', '{"n":2}', '{"n":3}', '{"n":4}']);
  });
});

describe('a poison record', () => {
  beforeAll(async () => {
    await command(['topic', 'create', 'odd', '--partitions', '1']);
    const input = '{"n":1}\nnot json\n{"n":3}\n{"n":4}\n';
    await command(['produce', 'odd', '--key', 'k', '--header', 'from=test'], { input });
  });

  test('stops the job under fail, and stops it again: it is not passed over', async () => {
    const sentence =
      /^error: 'read odd' could not decode the record at odd-0 offset 1: .*not valid JSON; correct it, or choose onError\.decode 'skip' or 'deadLetter'\n$/;
    expect(await failure('poison.mjs', { POLICY: 'fail' })).toMatch(sentence);
    expect(await failure('poison.mjs', { POLICY: 'fail' })).toMatch(sentence);
  });

  test('is counted under skip', async () => {
    const { code, stderr } = await command(['run', 'poison.mjs', '--until', 'end', '--fresh'], {
      env: { POLICY: 'skip' },
    });
    expect(code).toBe(0);
    expect(stderr).toContain('dropped: 1 skipped: could not be decoded\n');
    expect(stderr).toContain('dropped: 1 skipped: a function failed on them\n');
    expect(await values('skip')).toEqual(['{"n":1}', '{"n":4}']);
  });

  test('goes to the dead letters as it was, with cause and origin in headers', async () => {
    const env = { POLICY: 'deadLetter', MILLRACE_LOG: 'error' };
    const done = await command(['run', 'poison.mjs', '--until', 'end', '--fresh', '--json'], { env });
    expect(done).toMatchObject({ code: 0, stderr: '' });
    expect(JSON.parse(done.stdout)).toMatchObject({ recordsIn: 4, dropped: { 'sent to a dead-letter topic': 2 } });
    expect(await values('deadLetter')).toEqual(['{"n":1}', '{"n":4}']);
    const { stdout } = await command(['consume', 'dead', '--until', 'end', '--json']);
    const [first, second] = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, object>);
    expect(first).toMatchObject({
      key: 'k',
      value: 'not json',
      headers: {
        from: 'test',
        'millrace.error.stage': 'decode',
        'millrace.error.topic': 'odd',
        'millrace.error.partition': '0',
        'millrace.error.offset': '1',
        'millrace.error.operator': 'read odd',
      },
    });
    expect(second).toMatchObject({
      key: 'k',
      value: { n: 3 },
      headers: {
        from: 'test',
        'millrace.error.stage': 'process',
        'millrace.error.message': 'three is too many',
        'millrace.error.class': 'RangeError',
        'millrace.error.offset': '2',
      },
    });
  });
});

describe('a record', () => {
  beforeAll(async () => {
    await command(['topic', 'create', 'plain', '--partitions', '1']);
  });

  test('with a time before 1970, or none where one was expected', async () => {
    await command(['topic', 'create', 'dated', '--partitions', '1']);
    const input = '{"at":"1950-01-01"}\n{"at":"tomorrow"}\n{"at":"2020-01-01"}\n';
    await command(['produce', 'dated'], { input });
    expect(await failure('times.mjs', { NEGATIVE: 'fail' })).toBe(
      'error: timestamp -631152000000 at dated-0 offset 0 is not a time since 1970; extract another or choose an error policy\n',
    );
    const skipping = await command(['run', 'times.mjs', '--until', 'end'], { env: { NEGATIVE: 'skip' } });
    expect(skipping.code).toBe(0);
    expect(skipping.stderr).toContain('dropped: 2 with a negative timestamp\n');
    const { stdout } = await command(['consume', 'timed', '--until', 'end', '--timestamps']);
    expect(stdout).toBe('2020-01-01T00:00:00.000Z\t{"at":"2020-01-01"}\n');
  });

  test('over max.message.bytes is refused with both sizes, and those before it are there', async () => {
    await command(['topic', 'create', 'small', '--partitions', '1', '--config', 'max.message.bytes=1000']);
    const { code, stdout, stderr } = await command(['produce', 'small'], {
      input: `before\n${'x'.repeat(5_000)}\nafter\n`,
    });
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(
      /^error: a record for 'small' has 50\d\d bytes, at most 1000 are taken; raise max\.message\.bytes of the topic or send less\n$/,
    );
    expect(await values('small')).toContain('before');
  });

  test.each([
    ['nope', /^error: line 2 of the input can't be used: it is no JSON: .*\n$/],
    ['{"key":"k"}', /: it must be an object with a 'value'\n$/],
    ['{"value":1,"timestampMs":-4}', /: its timestampMs must be whole milliseconds since 1970\n$/],
    ['{"value":1,"timestampMs":"x"}', /: its timestampMs must be whole milliseconds since 1970\n$/],
    ['{"value":1,"timestampMs":1.5}', /: its timestampMs must be whole milliseconds since 1970\n$/],
    ['{"value":1,"partition":"x"}', /: its partition must be a whole number from 0\n$/],
    ['{"value":1,"partition":-1}', /: its partition must be a whole number from 0\n$/],
    ['{"value":1,"partition":7}', /^error: topic 'plain' has no partition 7; it has 1, numbered from 0\n$/],
    ['{"value":1,"headers":4}', /: its headers must be an object, of names to texts\n$/],
  ])('produced as JSON that is wrong: %s', async (line, sentence) => {
    const { code, stdout, stderr } = await command(['produce', 'plain', '--json'], {
      input: `{"value":"ok"}\n${line}\n`,
    });
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(sentence);
  });

  test('that was refused is not in the topic, and what is there can be read', async () => {
    expect(new Set(await values('plain'))).toEqual(new Set(['ok']));
  });
});

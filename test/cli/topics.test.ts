// topic, produce, consume and group, as a person uses them one after the other.
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { type Folder, millrace, startMillrace, tempFolder } from '../support/millrace.ts';

// Each takes a second or two; on a machine with much else to do, many times that.
vi.setConfig({ testTimeout: 90_000, hookTimeout: 60_000 });

let folder: Folder;
beforeAll(async () => {
  folder = await tempFolder();
});
afterAll(() => folder[Symbol.asyncDispose]());

const command = (args: readonly string[], input?: string) =>
  millrace([...args, '--data', folder.data], { cwd: folder.path, ...(input === undefined ? {} : { input }) });

/** What it prints, where it succeeds and has nothing to say. */
async function printed(args: readonly string[], input?: string): Promise<string> {
  const { code, stdout, stderr } = await command(args, input);
  expect({ args, code, stderr }).toEqual({ args, code: 0, stderr: '' });
  return stdout;
}

async function said(args: readonly string[], input?: string): Promise<string> {
  const { code, stdout, stderr } = await command(args, input);
  expect({ args, code, stdout }).toEqual({ args, code: 0, stdout: '' });
  return stderr;
}

async function refused(args: readonly string[], input?: string): Promise<string> {
  const { code, stdout, stderr } = await command(args, input);
  expect({ args, code, stdout }).toEqual({ args, code: 1, stdout: '' });
  expect(stderr).not.toMatch(/\n +at /);
  return stderr;
}

const json = (text: string): unknown[] =>
  text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as unknown);

describe('topics', () => {
  test('are made and listed', async () => {
    expect(await said(['topic', 'list'])).toBe('there are no topics yet\n');
    const setting = ['--config', 'retention.ms=1000'];
    expect(await said(['topic', 'create', 'orders', '--partitions', '2', ...setting])).toBe("created topic 'orders'\n");
    expect(await printed(['topic', 'list'])).toBe('topic   partitions  replicas\norders           2         1\n');
    expect(json(await printed(['topic', 'list', '--json']))).toEqual([
      { name: 'orders', partitions: 2, replicationFactor: 1, internal: false },
    ]);
  });

  test('can not be made twice, under any name, or with any setting', async () => {
    expect(await refused(['topic', 'create', 'orders'])).toBe("error: topic 'orders' exists already\n");
    expect(await refused(['topic', 'create', 'no good'])).toContain("'no good' may hold only letters, digits");
    expect(await refused(['topic', 'create', 'x', '--config', 'retention=1'])).toContain(
      "no topic setting 'retention'",
    );
  });

  test('are changed and described', async () => {
    const change = ['--partitions', '3', '--config', 'cleanup.policy=compact', '--unset', 'retention.ms'];
    expect(await said(['topic', 'alter', 'orders', ...change])).toBe("changed topic 'orders'\n");
    expect(await refused(['topic', 'alter', 'orders', '--partitions', '2'])).toContain('can only get more, not 2');
    const described = await printed(['topic', 'describe', 'orders']);
    expect(described).toMatch(/^orders \([0-9a-f-]{36}\)\npartition +start +end +leader +replicas +in sync\n/);
    expect(described).toMatch(/setting +value\ncleanup\.policy +compact\n$/);
    expect(json(await printed(['topic', 'describe', 'orders', '--json']))).toMatchObject([
      { name: 'orders', partitions: [{ partition: 0, startOffset: 0, endOffset: 0 }, {}, {}] },
    ]);
  });

  test('are deleted', async () => {
    expect(await said(['topic', 'delete', 'orders'])).toBe("deleted 'orders'\n");
    expect(await refused(['topic', 'delete', 'orders'])).toContain("no topic 'orders'");
  });
});

test.each([
  ['consume', 'gone'],
  ['produce', 'gone', '--value', 'x'],
  ['topic', 'describe', 'gone'],
  ['topic', 'alter', 'gone', '--partitions', '9'],
])('an unknown topic in %s is told', async (...args) => {
  expect(await refused(args)).toBe("error: no topic 'gone'; 'millrace topic list' shows what there is\n");
});

describe('records', () => {
  test('are produced from lines, from flags and from JSON', async () => {
    await said(['topic', 'create', 'words', '--partitions', '1']);
    const three = 'one\ntwo\r\nthree';
    expect(await said(['produce', 'words', '--timestamp', '1000'], three)).toBe("wrote 3 records to 'words'\n");
    const flags = ['--key', 'k', '--value', 'four', '--header', 'a=1', '--header', 'b=2', '--timestamp', '2000'];
    expect(await said(['produce', 'words', ...flags])).toBe("wrote 1 record to 'words'\n");
    await said(['produce', 'words', '--key-separator', '=', '--timestamp', '3000'], 'five=5=V\n');
    await said(['produce', 'words', '--key', 'k', '--null-value', '--timestamp', '4000']);
    const line = { key: 'j', value: { deep: [1] }, headers: { h: 'x' }, partition: 0, timestampMs: 5000 };
    await said(['produce', 'words', '--json'], `\n${JSON.stringify(line)}\n`);
  });

  test.each([
    ['as values', [], 'one\ntwo\nthree\nfour\n5=V\n(null)\n{"deep":[1]}\n'],
    [
      'as columns, from an offset, up to a limit',
      ['--from', '3', '--limit', '2', '--keys', '--headers', '--timestamps'],
      '1970-01-01T00:00:02.000Z\tk\ta=1,b=2\tfour\n1970-01-01T00:00:03.000Z\tfive\t\t5=V\n',
    ],
    [
      'by a template, from a time',
      ['--from', '@4000', '--format', '%t/%p/%o %k=%v %T %h%%\\t|'],
      'words/0/5 k=(null) 4000 %\t|\nwords/0/6 j={"deep":[1]} 5000 h=x%\t|\n',
    ],
    ['in hexadecimal', ['--from', '1970-01-01T00:00:05Z', '--value-as', 'hex'], '7b2264656570223a5b315d7d\n'],
    ['from the latest', ['--from', 'latest'], ''],
    ['from beyond the end', ['--from', '99'], ''],
    [
      'as JSON',
      ['--json', '--from', '6'],
      '{"topic":"words","partition":0,"offset":6,"timestampMs":5000,"key":"j","value":{"deep":[1]},"headers":{"h":"x"}}\n',
    ],
  ])('are consumed %s', async (_, flags, text) => {
    expect(await printed(['consume', 'words', '--until', 'end', ...flags])).toBe(text);
  });

  test('are refused or not shown in one sentence', async () => {
    expect(await refused(['produce', 'words', '--key-separator', '='], 'six\n')).toContain("there is no '=' in it");
    const end = ['consume', 'words', '--until', 'end'];
    expect(await refused([...end, '--partition', '3'])).toContain("topic 'words' has no partition 3; it has 1");
    expect(await refused([...end, '--value-as', 'int64'])).toMatch(
      /^error: the value of the record at offset 0 of words-0 can't be shown so: .*; choose another --key-as or --value-as\n$/,
    );
  });
});

test('what one prints the other takes: a topic is copied with keys, headers and times', async () => {
  await said(['topic', 'create', 'copy', '--partitions', '1']);
  const lines = await printed(['consume', 'words', '--until', 'end', '--json', '--from', '3']);
  await said(['produce', 'copy', '--json'], lines);
  const format = ['--until', 'end', '--format', '%k %v %T %h'];
  expect(await printed(['consume', 'copy', ...format])).toBe(
    await printed(['consume', 'words', '--from', '3', ...format]),
  );
});

test('a reader that has seen enough ends it quietly', async () => {
  await said(['topic', 'create', 'long', '--partitions', '1']);
  await said(['produce', 'long'], Array.from({ length: 50_000 }, (_, n) => `line ${n} ${'x'.repeat(50)}`).join('\n'));
  const running = startMillrace(['consume', 'long', '--until', 'end', '--data', folder.data]);
  running.child.stdout!.once('data', () => running.child.stdout!.destroy());
  expect(await running.finished).toMatchObject({ code: 0, stderr: '' });
});

test('consume follows a topic, stops at Ctrl-C, and the log is free again', async () => {
  const running = startMillrace(['consume', 'words', '--data', folder.data]);
  await running.said('stdout', '{"deep":[1]}\n');
  running.kill('SIGINT');
  expect(await running.finished).toMatchObject({ code: 0, stderr: '' });
  await printed(['topic', 'list']);
});

describe('a group', () => {
  const take = (...flags: readonly string[]) => printed(['consume', 'words', '--group', 'g', ...flags]);

  test('goes on where it printed last, and not where it fetched', async () => {
    expect(await take('--limit', '2')).toBe('one\ntwo\n');
    expect(await take('--limit', '1')).toBe('three\n');
    expect(await take('--until', 'end')).toBe('four\n5=V\n(null)\n{"deep":[1]}\n');
    expect(await take('--until', 'end')).toBe('');
  });

  test('is listed and described', async () => {
    expect(await printed(['group', 'list'])).toBe('group  protocol  state\ng      consumer  Empty\n');
    expect(json(await printed(['group', 'list', '--json']))).toMatchObject([{ groupId: 'g', state: 'Empty' }]);
    expect(await printed(['group', 'describe', 'g'])).toBe(
      'g: Empty, 0 members\ntopic  partition  committed  end  lag  member\nwords          0          7    7    0  -\n',
    );
    expect(json(await printed(['group', 'describe', 'g', '--json']))).toMatchObject([
      { groupId: 'g', members: [], offsets: [{ topic: 'words', committed: 7, lag: 0 }] },
    ]);
  });

  test('is set back and taken up from there', async () => {
    const reset = ['group', 'reset', 'g', '--to'];
    expect(await printed([...reset, '4'])).toBe('topic  partition  offset\nwords          0       4\n');
    expect(await take('--until', 'end', '--limit', '1')).toBe('5=V\n');
    expect(json(await printed([...reset, 'earliest', '--topic', 'words', '--json']))).toEqual([
      { topic: 'words', partition: 0, offset: 0 },
    ]);
    expect(await printed([...reset, '@3000'])).toContain('4\n');
  });

  test('is held up by nobody who was killed', async () => {
    for (let i = 0; i < 2; i++) {
      const killed = startMillrace(['consume', 'words', '--group', 'h', '--limit', '99', '--data', folder.data]);
      await killed.said('stdout', '{"deep":[1]}\n');
      killed.kill('SIGKILL');
      await killed.finished;
      expect(await printed(['group', 'describe', 'h'])).toContain('h: Empty, 0 members\n');
      expect(await printed(['group', 'reset', 'h', '--to', '6', '--topic', 'words'])).toContain('6\n');
    }
    expect(await printed(['consume', 'words', '--group', 'h', '--until', 'end'])).toBe('{"deep":[1]}\n');
  });

  test('that is not there, or a topic, is told', async () => {
    const nobody = "error: no group 'nobody'; 'millrace group list' shows what there is\n";
    expect(await refused(['group', 'describe', 'nobody'])).toBe(nobody);
    expect(await refused(['group', 'reset', 'nobody', '--to', 'latest'])).toBe(nobody);
    expect(await refused(['group', 'reset', 'g', '--to', 'latest', '--topic', 'gone'])).toContain("no topic 'gone'");
  });
});

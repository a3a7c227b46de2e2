// How the command line is used: help with examples, wrong flags, exit codes.
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { describe, expect, test } from 'vitest';
import { inProject, millrace } from '../support/millrace.ts';

describe.concurrent('--help', () => {
  test.each([
    'run',
    'describe',
    'produce',
    'consume',
    'reset',
    'node',
    'topic list',
    'topic create',
    'topic describe',
    'topic alter',
    'topic delete',
    'group list',
    'group describe',
    'group reset',
  ])('of %s has an example', async (command) => {
    const { code, stdout, stderr } = await millrace([...command.split(' '), '--help']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(new RegExp(`Examples?:\\n  \\$ .*millrace ${command}`));
  });

  test('of the whole names every command and the exit codes', async () => {
    const { code, stdout } = await millrace(['--help']);
    expect(code).toBe(0);
    for (const command of ['consume', 'describe', 'group', 'node', 'produce', 'reset', 'run', 'topic'])
      expect(stdout).toMatch(new RegExp(`\\n  ${command} `));
    expect(stdout).toMatch(/Exit codes: 0 .* 1 .* 2 .* 130 /);
  });
});

describe.concurrent('wrong usage leaves with 2 and says why on stderr', () => {
  test.each([
    ['bogus', "error: unknown command 'bogus'"],
    ['topic bogus', "error: unknown command 'bogus'"],
    ['run', "error: missing required argument 'job'"],
    ['run job.ts --bogus', "error: unknown option '--bogus'"],
    ['run job.ts --threads 0', "argument '0' is invalid. It must be a whole number from 1."],
    ['run job.ts --threads two', "argument 'two' is invalid. It must be a whole number from 1."],
    ['run job.ts --until then', "argument 'then' is invalid. It must be end or stopped."],
    ['run job.ts --from somewhere', 'It must be earliest or latest.'],
    ['run job.ts other.ts', 'error: too many arguments'],
    ['consume t --limit 0', 'It must be a whole number from 1.'],
    ['consume t --from nowhere', 'It must be earliest, latest, an offset, or a time such as 2026-01-31T12:00:00Z'],
    ['consume t --key-as text', 'It must be one of auto, utf8, json,'],
    ['consume', "error: missing required argument 'topic'"],
    ['produce t --header nothing', 'It must be name=value.'],
    ['produce t --timestamp -5', 'It must be a whole number from 0.'],
    ['topic create t --partitions 0', 'It must be a whole number from 1.'],
    ['topic alter t', 'error: nothing to change: give --partitions, --config or --unset'],
    ['group reset g', "error: required option '--to <position>' not specified"],
  ])('%s', async (command, sentence) => {
    const { code, stdout, stderr } = await millrace(command.split(' '));
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain(sentence);
    expect(stderr).toContain('--help');
    expect(stderr).not.toMatch(/\n +at /);
  });

  test('no command at all shows the help', async () => {
    const { code, stderr } = await millrace([]);
    expect(code).toBe(2);
    expect(stderr).toContain('Usage: millrace');
  });
});

test('--version is that of the package', async () => {
  expect(await millrace(['--version'])).toMatchObject({ code: 0, stdout: '0.1.0\n' });
});

test.each(['run', 'consume'])('a cluster that does not answer is told within seconds by %s', async (command) => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  const what = command === 'run' ? inProject('examples/word-count.ts') : 'words';
  const { code, stdout, stderr } = await millrace([command, what, '--bootstrap', `127.0.0.1:${port}`]);
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  expect(stderr).toBe(
    `error: no answer from 127.0.0.1:${port}: nothing listens there; check the address, or start a node there with 'millrace node'\n`,
  );
});

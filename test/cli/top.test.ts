// --metrics and top: what a running job, or a node, tells of itself, to Prometheus, to a person, and to whoever asks for rows.
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { type Folder, millrace, type Running, startMillrace, tempFolder } from '../support/millrace.ts';

// Each takes a second or two; on a machine with much else to do, many times that.
vi.setConfig({ testTimeout: 90_000, hookTimeout: 60_000 });

let folder: Folder;
let file: string;
beforeAll(async () => {
  folder = await tempFolder();
  file = await folder.file(
    'watched.mjs',
    `import { count, filter, groupByKey, job, safeInt64, selectKey, source, topic, toStream } from 'millrace';
     import { generate } from 'millrace/connectors/generate';
     const numbers = topic('numbers', safeInt64, { partitions: 2 });
     export default job('watched', [
       source(generate({ value: (n) => n, count: 1_000 })).pipe(selectKey((n) => 'k' + n % 10)).to(numbers),
       numbers.pipe(filter((n) => n % 2 === 0), groupByKey(), count({ as: 'seen' }), toStream()).to(topic('seen', safeInt64, { partitions: 2 })),
     ], { commitInterval: '50 ms' });`,
  );
});
/** A test that fails must leave none behind. */
const started: Running[] = [];
afterAll(async () => {
  for (const running of started) running.kill('SIGKILL');
  await folder[Symbol.asyncDispose]();
});

function start(...args: string[]): Running {
  const running = startMillrace(args, { timeoutMs: 80_000 });
  started.push(running);
  return running;
}

const run = (data: string, ...flags: string[]): Running =>
  start('run', file, '--data', data, '--until', 'stopped', ...flags);

async function addressOf(running: Running): Promise<string> {
  await running.said('stderr', /figures and queries at http:\/\/[\d.]+:\d+/);
  return /http:\/\/([\d.]+:\d+)/.exec(running.stderr())![1]!;
}

const textAt = async (url: string): Promise<string> => (await fetch(url)).text();

describe.each([1, 2])('a job in %i threads', (threads) => {
  test('tells its figures, shows itself in top, and answers for its rows', async () => {
    const data = `${folder.data}-${threads}`;
    const running = run(data, '--metrics', ':0', '--threads', String(threads));
    const address = await addressOf(running);
    const row = async () => await (await fetch(`http://${address}/stores/seen/k4`)).json();
    await expect.poll(row, { timeout: 60_000 }).toMatchObject({ store: 'seen', key: 'k4', value: 100 });
    expect(await (await fetch(`http://${address}/stores/seen/k5`)).json()).toMatchObject({
      error: { code: 'KEY_NOT_FOUND' },
    });

    const total = (text: string, name: string, labels: string) =>
      text
        .split('\n')
        .filter((line) => line.startsWith(`${name}{`) && line.includes(labels))
        .reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
    await expect
      .poll(async () => {
        const text = await textAt(`http://${address}/metrics`);
        return ['filter', 'count seen'].map((operator) => [
          total(text, 'millrace_operator_records_in_total', `operator="${operator}"`),
          total(text, 'millrace_operator_records_out_total', `operator="${operator}"`),
        ]);
      })
      .toEqual([
        [1_000, 500],
        [500, 500],
      ]);
    const text = await textAt(`http://${address}/metrics`);
    expect(total(text, 'millrace_records_in_total', 'job="watched"')).toBe(2_000);
    expect(text).toContain('process_cpu_seconds_total');

    const byFile = await millrace(['top', file, '--data', data]);
    expect(byFile.stdout).toMatch(new RegExp(`^watched: ${threads} members? in 1 process, 0 records wait\n`));
    expect(byFile.stdout).toMatch(/^1_0 +\S+ +running +[\d,]+ +0 +[\d,]+ +0 +0 +0 +[\d.]+ \w+$/m);
    const byAddress = await millrace(['top', `http://${address}/`, '--json']);
    expect(JSON.parse(byAddress.stdout)).toMatchObject({ processes: [{ job: 'watched', address }], silent: [] });

    running.kill('SIGINT');
    expect((await running.finished).code).toBe(0);
    const gone = await millrace(['top', 'watched', '--data', data]);
    expect([gone.code, gone.stderr]).toEqual([1, expect.stringContaining("nothing answers for 'watched'")]);
  });
});

test('an address that is taken, or is none, is said before anything runs', async () => {
  const first = run(`${folder.data}-first`, '--metrics', ':0');
  const address = await addressOf(first);
  const second = await run(`${folder.data}-second`, '--metrics', address).finished;
  expect([second.code, second.stderr]).toEqual([
    1,
    expect.stringContaining(`can't listen on ${address}: it is in use`),
  ]);
  const third = await run(`${folder.data}-third`, '--metrics', 'nowhere').finished;
  expect([third.code, third.stderr]).toEqual([1, expect.stringContaining("'nowhere' is no address")]);
  const nobody = await millrace(['top', '127.0.0.1:1']);
  expect([nobody.code, nobody.stderr]).toEqual([1, expect.stringContaining('127.0.0.1:1 does not answer')]);
  first.kill('SIGINT');
  expect((await first.finished).code).toBe(0);
});

test('a node tells its requests, bytes, connections and the sizes of its logs', async () => {
  const flags = ['--data', `${folder.data}-node`, '--listen', '127.0.0.1:0', '--metrics', ':0'];
  const node = start('node', ...flags);
  await node.said('stderr', 'figures at ');
  const [, bootstrap] = /ready at (\S+)/.exec(node.stderr())!;
  const [, url] = /figures at (\S+)/.exec(node.stderr())!;
  const made = await millrace(['topic', 'create', 'sized', '--partitions', '1', '--bootstrap', bootstrap!]);
  expect(made.code).toBe(0);
  const sent = await millrace(['produce', 'sized', '--bootstrap', bootstrap!], { input: `${'x'.repeat(5_000)}\n` });
  expect(sent.code).toBe(0);
  const text = await textAt(url!);
  const of = (name: string) =>
    Number(
      text
        .split('\n')
        .find((line) => line.startsWith(name))
        ?.split(' ')
        .at(-1),
    );
  expect(of('millrace_node_requests_total{api="createTopics"}')).toBe(1);
  expect(of('millrace_node_requests_total{api="produce"}')).toBe(1);
  expect(of('millrace_node_received_bytes_total')).toBeGreaterThan(1_000);
  expect(of('millrace_node_sent_bytes_total')).toBeGreaterThan(0);
  expect(of('millrace_node_log_bytes{topic="sized",partition="0"}')).toBeGreaterThan(0);
  expect(text).toContain('millrace_node_connections ');
  node.kill('SIGINT');
  expect((await node.finished).code).toBe(0);
});

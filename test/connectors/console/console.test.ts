import { PassThrough, Writable } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { consoleTable, stdinLines, stdoutLines } from '../../../connectors/console/index.ts';
import { sinkContract, sinkRecord } from '../../contracts/sink.ts';
import { connectorContext, pollAll, sourceContract } from '../../contracts/source.ts';

sourceContract('standard input', () => {
  const make = () => {
    const input = new PassThrough();
    input.end('one\n\ntwo\r\nthree without a break');
    return stdinLines({ input });
  };
  return { make, expected: ['one', '', 'two', 'three without a break'] };
});

test('standard input gives a line when it comes, and its end when it comes', async () => {
  const input = new PassThrough();
  const task = await stdinLines({ input }).open(null, connectorContext());
  const first = task.poll(10);
  input.write('one\ntwo\nthr');
  const early = [...(await first)];
  while (early.length < 2) early.push(...(await task.poll(10)));
  expect(early.map(({ value }) => value)).toEqual(['one', 'two']);
  const last = task.poll(10);
  input.end('ee\n');
  expect(await last).toMatchObject([{ value: 'three', offset: { line: 3 } }]);
  expect(await task.poll(10)).toEqual([]);
  await task.close();
});

test('waiting for standard input ends with the signal', async () => {
  const context = connectorContext();
  const task = await stdinLines({ input: new PassThrough() }).open(null, context);
  const waiting = task.poll(10);
  context.abort();
  await expect(waiting).rejects.toThrow('stopped');
  await task.close();
});

test('more than standard input buffers is read whole', async () => {
  const input = new PassThrough();
  const lines = Array.from({ length: 20_000 }, (_, i) => `line ${i}`);
  input.end(lines.join('\n'));
  const task = await stdinLines({ input }).open(null, connectorContext());
  expect((await pollAll(task)).map(({ value }) => value)).toEqual(lines);
  await task.close();
});

sinkContract('standard output', () => {
  const chunks: Buffer[] = [];
  const output = new Writable({
    write(chunk: Buffer, _encoding, done) {
      chunks.push(chunk);
      setImmediate(done);
    },
  });
  const written = () => Buffer.concat(chunks).toString().split('\n').slice(0, -1);
  return { make: () => stdoutLines<string, string>({ output }), written };
});

test('standard output waits for its reader, and formats', async () => {
  let readOn = () => {};
  const seen: string[] = [];
  const output = new Writable({
    highWaterMark: 10,
    write(chunk: Buffer, _encoding, done) {
      seen.push(chunk.toString());
      readOn = done;
    },
  });
  const task = await stdoutLines<string, unknown>({
    output,
    format: ({ key, value }) => `${key}: ${JSON.stringify(value)}`,
  }).open({ ...connectorContext(), task: '0' });
  let done = false;
  const written = task.write([sinkRecord('key', { a: 1 })]).then(() => {
    done = true;
  });
  await new Promise((resolve) => setImmediate(resolve));
  expect([done, seen]).toEqual([false, ['key: {"a":1}\n']]);
  readOn();
  await written;
  await task.flush();
  await task.close();
});

describe('a table', () => {
  const table = (given: object = {}) =>
    consoleTable<string, { city: string; n: number | null }>({
      title: 'Airports',
      columns: {
        airport: (_value, key) => key,
        city: ({ city }) => city,
        n: { value: ({ n }) => n, format: (n) => n.toFixed(1) },
      },
      sortBy: ({ n }) => n,
      descending: true,
      limit: 2,
      ...given,
    });
  const plain = { columns: 80, colour: false };

  test('shows the newest row of each key, sorted, cut and counted', () => {
    const view = table();
    view.update('ORD', { city: 'Chicago', n: 3 });
    view.update('DFW', { city: 'Dallas', n: 1 });
    view.update('ATL', { city: 'Atlanta', n: null });
    view.update('DFW', { city: 'Dallas', n: 12 });
    view.update('LAX', { city: 'Los Angeles', n: 99 });
    view.update('LAX', null);
    expect(view.render(plain)).toMatchInlineSnapshot(`
      "Airports
      ┌─────────┬─────────┬──────┐
      │ airport │ city    │    n │
      ├─────────┼─────────┼──────┤
      │ DFW     │ Dallas  │ 12.0 │
      │ ORD     │ Chicago │  3.0 │
      └─────────┴─────────┴──────┘
      and 1 more"
    `);
    expect(table().render(plain)).toMatchInlineSnapshot(`
      "Airports
      ┌─────────┬──────┬───┐
      │ airport │ city │ n │
      └─────────┴──────┴───┘"
    `);
  });

  test('orders numbers as numbers, and what is missing last, either way', () => {
    for (const descending of [false, true]) {
      const view = table({ descending, limit: 9 });
      for (const [key, n] of [
        ['a', 10],
        ['b', null],
        ['c', 9],
        ['d', Number.NaN],
        ['e', 100],
      ] as const)
        view.update(key, { city: '', n });
      const order = [...view.render(plain).matchAll(/^│ (\w) /gm)].map(([, key]) => key).join('');
      expect(order).toBe(descending ? 'eacbd' : 'caebd');
    }
  });

  test('fits the terminal, and lets no control character through', () => {
    const view = table();
    view.update('a\u001b[31mred', { city: '北京市朝阳区'.repeat(20), n: 1 });
    for (const columns of [200, 80, 40, 24]) {
      for (const line of view.render({ columns, colour: false }).split('\n')) {
        const wide = [...line].filter((character) => /[\u4e00-\u9fff]/.test(character)).length;
        expect([...line].length + wide).toBeLessThanOrEqual(columns);
        expect(line).not.toContain('\u001b');
      }
    }
  });

  test('takes keys that are objects', () => {
    const view = consoleTable<{ key: string; startMs: number }, number>({
      columns: { n: (n) => n },
    });
    view.update({ key: 'a', startMs: 0 }, 1);
    view.update({ key: 'a', startMs: 0 }, 2);
    view.update({ key: 'a', startMs: 10 }, 3);
    expect(view.render(plain).match(/\d/g)).toEqual(['2', '3']);
  });

  test('has colour only where it is wanted', () => {
    const view = table();
    view.update('a', { city: 'b', n: 1 });
    // biome-ignore lint/suspicious/noControlCharactersInRegex: the escape is what is looked for
    expect(view.render({ columns: 80, colour: true })).toMatch(/\u001b\[1m/);
    expect(view.render(plain)).not.toContain('\u001b');
  });
});

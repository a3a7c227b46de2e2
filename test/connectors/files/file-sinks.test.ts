import { appendFileSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import {
  csvFile,
  csvFileSink,
  jsonLinesFile,
  jsonLinesFileSink,
  textFileSink,
} from '../../../connectors/files/index.ts';
import { sinkContract, sinkRecord } from '../../contracts/sink.ts';
import { connectorContext, pollAll } from '../../contracts/source.ts';

const root = mkdtempSync(join(tmpdir(), 'millrace-sinks-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));
let files = 0;
const newPath = () => join(root, `file-${files++}`);
const textOf = (path: string) => (existsSync(path) ? readFileSync(path, 'utf8') : '');
const open = { ...connectorContext(), task: '0_0' };

sinkContract('a text file', () => {
  const path = newPath();
  return { make: () => textFileSink<string, string>(path), written: () => textOf(path).split('\n').slice(0, -1) };
});

sinkContract('a file of JSON lines', () => {
  const path = newPath();
  const written = () =>
    textOf(path)
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line) as string);
  return { make: () => jsonLinesFileSink<string, string>(path), written };
});

sinkContract('a CSV file', () => {
  const path = newPath();
  const make = () =>
    csvFileSink<string, string>(path, { columns: ['v'], select: ({ value }) => ({ v: `<${value}>` }) });
  const written = async () => {
    const source = await csvFile(path, { columns: ['v'] }).open(null, connectorContext());
    const records = await pollAll(source);
    await source.close();
    return records.map(({ value }) => value.v.slice(1, -1));
  };
  return { make, written };
});

test('values are written so that they can be read', async () => {
  const json = newPath();
  const task = await jsonLinesFileSink<string, unknown>(json, { select: ({ key, value }) => ({ key, value }) }).open(
    open,
  );
  await task.write([sinkRecord('a', { big: 2n ** 60n, text: 'one\ntwo' }), sinkRecord('b', null)]);
  await task.flush();
  await task.close();
  expect(textOf(json)).toBe(
    '{"key":"a","value":{"big":"1152921504606846976","text":"one\\ntwo"}}\n{"key":"b","value":null}\n',
  );
  const source = await jsonLinesFile(json).open(null, connectorContext());
  expect(await pollAll(source)).toHaveLength(2);
  await source.close();

  const csv = newPath();
  const table = await csvFileSink<string, object | null>(csv, {
    columns: ['n', 'ok', 'at', 'text'],
    delimiter: ';',
  }).open(open);
  await table.write([
    sinkRecord('a', { text: 'a;"b"', n: 2n ** 60n, ok: false, at: new Date(0), more: 1 }),
    sinkRecord('b', null),
  ]);
  await table.flush();
  await table.close();
  expect(textOf(csv)).toBe('n;ok;at;text\n1152921504606846976;false;1970-01-01T00:00:00.000Z;"a;""b"""\n;;;\n');
});

test('a lone value of blanks is a record of a CSV file', async () => {
  const path = newPath();
  const task = await csvFileSink<string, object | null>(path, { columns: ['v'] }).open(open);
  await task.write([sinkRecord('a', { v: '' }), sinkRecord('b', { v: ' ' }), sinkRecord('c', null)]);
  await task.close();
  const source = await csvFile(path).open(null, connectorContext());
  const found = (await pollAll(source)).map(({ value }) => value);
  await source.close();
  expect(found).toEqual([{ v: '' }, { v: ' ' }, { v: '' }]);
});

test('tasks that open a CSV file at the same time give it one header', async () => {
  const path = newPath();
  const sink = csvFileSink(path, { columns: ['v'] });
  const tasks = await Promise.all(['0_0', '0_1', '0_2'].map((task) => sink.open({ ...open, task })));
  await Promise.all(tasks.map((task) => task.close()));
  expect(textOf(path)).toBe('v\n');
});

test('a line that a crash has torn is ended before the next', async () => {
  const path = newPath();
  appendFileSync(path, 'whole\nto');
  const task = await textFileSink<string, string>(path).open(open);
  await task.write([sinkRecord('k', 'next')]);
  await task.flush();
  await task.close();
  expect(textOf(path)).toBe('whole\nto\nnext\n');
});

test('a task may have a file of its own; a folder that is not there is said', async () => {
  const folder = newPath();
  const sink = textFileSink<string, string>((task) => `${folder}-${task}.txt`);
  const task = await sink.open({ ...open, task: '0_3' });
  await task.write([sinkRecord('k', 'v')]);
  await task.flush();
  await task.close();
  expect(textOf(`${folder}-0_3.txt`)).toBe('v\n');
  await expect(textFileSink(join(folder, 'x', 'y')).open(open)).rejects.toMatchObject({ code: 'FILE_FAILED' });
});

// How many databases a node holds open, and how much memory they may take for what is not in their tables yet.
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createLevelEngine } from '../../../core/storage/level-storage.ts';
import { openDatabasesMax } from '../../../core/storage/open-databases.ts';
import { tempFolder } from '../../support/millrace.ts';

const limits = (files: string) =>
  `Limit                     Soft Limit           Hard Limit           Units\nMax open files            ${files.padEnd(21)}1048576              files\n`;

test.each([
  ['1024', 102],
  ['20000', 2_000],
  ['1048576', 2_048],
  ['unlimited', 2_048],
  ['256', 64],
])('with %s files allowed, %i databases may be open', (files, databases) => {
  expect(openDatabasesMax(limits(files))).toBe(databases);
});

test('where the system says nothing there is a number that all systems have the files for', () => {
  expect(openDatabasesMax(null)).toBe(1_024);
});

test('the more databases are open, the less of what is written to one waits in memory', async () => {
  await using folder = await tempFolder();
  const engine = createLevelEngine(folder.data, { writeBuffersMax: 1 << 20, compression: false });
  const names = ['first', 'second', 'third', 'fourth'];
  const tables = async (name: string) =>
    (await readdir(join(folder.data, name))).filter((file) => file.endsWith('.ldb')).length;
  const opened = [];
  for (const name of names) opened.push(await engine.open(name));
  for (const storage of opened)
    for (let i = 0; i < 12; i++)
      await storage.write([{ type: 'put', key: Buffer.from(`k${i}`), value: new Uint8Array(64 << 10) }]);
  await expect.poll(() => tables('fourth'), { timeout: 15_000 }).toBeGreaterThan(0);
  expect(await tables('first')).toBe(0);
  for (const storage of opened) await storage.close();
});

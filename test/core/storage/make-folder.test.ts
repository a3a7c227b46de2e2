import { existsSync } from 'node:fs';
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { makeFolder, noFoldersCode } from '../../../core/storage/make-folder.ts';

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'millrace-make-'));
});
afterAll(() => rm(root, { recursive: true, force: true }));

test('it is made with those above it, by many at once, and again', async () => {
  const path = join(root, 'a', 'b', 'c');
  await Promise.all(Array.from({ length: 20 }, () => makeFolder(path)));
  await makeFolder(path);
  expect((await stat(path)).isDirectory()).toBe(true);
});

test('a relative one is made', async () => {
  await expect(makeFolder('.')).resolves.toBeUndefined();
});

test.each(['file', join('file', 'a'), join('file', 'a', 'b')])('a file in the way of %s is told', async (name) => {
  await writeFile(join(root, 'file'), '');
  const code = name === 'file' ? 'EEXIST' : 'ENOTDIR';
  await expect(makeFolder(join(root, name))).rejects.toMatchObject({ code });
});

test.skipIf(!existsSync('/proc/self'))('where the system takes none, it says so', async () => {
  await expect(makeFolder('/proc/millrace')).rejects.toMatchObject({ code: noFoldersCode });
  await expect(makeFolder('/proc/millrace/a/b')).rejects.toMatchObject({ code: noFoldersCode });
});

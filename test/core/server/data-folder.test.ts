import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { systemClock as clock } from '../../../core/kernel/clock.ts';
import { silentLogger as logger } from '../../../core/kernel/logger.ts';
import { systemRandom as random } from '../../../core/kernel/random.ts';
import { type DataFolder, openDataFolder } from '../../../core/server/data-folder.ts';
import { createNode } from '../../../core/server/node.ts';
import { nodeSettings } from '../../../core/server/node-config.ts';
import { createLevelEngine } from '../../../core/storage/level-storage.ts';

const folders: string[] = [];
afterEach(() => Promise.all(folders.splice(0).map((folder) => rm(folder, { recursive: true, force: true }))));

async function newFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-data-'));
  folders.push(folder);
  return join(folder, 'data');
}

const nodeIn = (folder: DataFolder, owner?: string) =>
  createNode({
    engine: createLevelEngine(folder.enginePath),
    clock,
    random,
    logger,
    folder,
    ...(owner !== undefined && { owner }),
  });

test('a folder in use is refused with the name of who has it, and is free again after', async () => {
  const path = await newFolder();
  const first = await nodeIn(await openDataFolder(path), 'the first one');
  expect(JSON.parse(await readFile(join(path, 'node.pid'), 'utf8'))).toEqual({
    pid: process.pid,
    owner: 'the first one',
  });
  const refused = await nodeIn(await openDataFolder(path)).catch((error: unknown) => error);
  expect(refused).toMatchObject({ code: 'STORAGE_IN_USE', detail: { path } });
  expect(String(refused)).toMatch(/this process|process \d+/);
  await first.close();
  await expect(readFile(join(path, 'node.pid'))).rejects.toMatchObject({ code: 'ENOENT' });
  await (await nodeIn(await openDataFolder(path))).close();
});

test('where the system does not say who has it, node.pid does, unless that process is dead', async () => {
  const path = await newFolder();
  const folder = await openDataFolder(path);
  const inUse = { code: 'STORAGE_IN_USE', detail: { path: join(path, 'node/__catalog'), by: 'another process' } };
  const { Fault } = await import('../../../core/kernel/fault.ts');
  const fault = new Fault('STORAGE_IN_USE', inUse.detail);
  await writeFile(join(path, 'node.pid'), JSON.stringify({ pid: process.ppid, owner: 'node run job.ts' }));
  expect(await folder.explain(fault)).toMatchObject({
    detail: { path, by: `process ${process.ppid} (node run job.ts)` },
  });
  await writeFile(join(path, 'node.pid'), JSON.stringify({ pid: 2 ** 30, owner: 'node run job.ts' }));
  expect(await folder.explain(fault)).toMatchObject({ detail: { path, by: 'another process' } });
  await writeFile(join(path, 'node.pid'), 'torn');
  expect(await folder.explain(fault)).toMatchObject({ detail: { path, by: 'another process' } });
});

test('a folder of a newer format is refused, and so is one that is no folder', async () => {
  const path = await newFolder();
  await openDataFolder(path);
  await writeFile(join(path, 'format.json'), '{"format":2}');
  await expect(openDataFolder(path)).rejects.toMatchObject({
    code: 'STORAGE_NEWER',
    detail: { path, found: 2, known: 1 },
  });
  await writeFile(join(path, 'format.json'), 'torn');
  await expect(openDataFolder(path)).rejects.toMatchObject({ code: 'STORAGE_FAILED' });
  await expect(openDataFolder(join(path, 'format.json'))).rejects.toMatchObject({ code: 'STORAGE_FAILED' });
});

test('a catalog of a newer format is refused', async () => {
  const folder = await openDataFolder(await newFolder());
  const engine = createLevelEngine(folder.enginePath);
  const catalog = await engine.open('__catalog');
  await catalog.write([
    { type: 'put', key: Buffer.alloc(8), value: Buffer.from('{"kind":"cluster","clusterId":"x","format":9}') },
  ]);
  await catalog.close();
  await expect(nodeIn(folder)).rejects.toMatchObject({
    code: 'STORAGE_NEWER',
    detail: { path: folder.path, found: 9, known: 2 },
  });
});

test('settings are checked all at once', () => {
  const wrong = { 'num.partitions': 0, 'group.max.size': 1.5, 'auto.create.topics.enable': 'yes', 'num.partition': 3 };
  expect(() => nodeSettings(wrong as never)).toThrow(
    'settings of the node: num.partitions must be a whole number of at least 1, not 0; group.max.size must be a whole number of at least 1, not 1.5; auto.create.topics.enable must be a boolean, not "yes"; there is no setting \'num.partition\'',
  );
  expect(nodeSettings()['group.initial.rebalance.delay.ms']).toBe(3_000);
});

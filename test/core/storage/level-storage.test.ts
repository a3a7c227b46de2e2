import { execFile } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { isFault } from '../../../core/kernel/fault.ts';
import { seededRandom } from '../../../core/kernel/random.ts';
import { createLevelEngine } from '../../../core/storage/level-storage.ts';
import { bytes, collect, storageContract } from '../../contracts/storage.ts';

const root = mkdtempSync(join(tmpdir(), 'millrace-level-'));
let folders = 0;
const newFolder = () => join(root, String(folders++));
afterAll(() => rmSync(root, { recursive: true, force: true }));

storageContract('level', async () => {
  const folder = newFolder();
  return { engine: createLevelEngine(folder), dispose: async () => rmSync(folder, { recursive: true, force: true }) };
});

const diskBytes = (folder: string) =>
  readdirSync(folder).reduce((sum, file) => sum + statSync(join(folder, file)).size, 0);

test('clear and compactRange give the disk back (C58)', async () => {
  const folder = newFolder();
  const storage = await createLevelEngine(folder, { writeBufferSize: 1 << 20, compression: false }).open('one');
  for (let i = 0; i < 200; i++) {
    const key = new Uint8Array(8);
    new DataView(key.buffer).setUint32(4, i);
    await storage.write([{ type: 'put', key, value: seededRandom(i).bytes(50_000) }]);
  }
  const before = diskBytes(join(folder, 'one'));
  expect(before).toBeGreaterThan(9_000_000);
  const last = new Uint8Array([0, 0, 0, 0, 0, 0, 0, 190]);
  await storage.clear({ lt: last });
  await storage.compactRange(new Uint8Array(8), last);
  expect(diskBytes(join(folder, 'one'))).toBeLessThan(before / 5);
  await storage.close();
});

/** Opens the database in a process of its own, says so, and waits for its end. */
async function holdElsewhere(path: string): Promise<() => Promise<void>> {
  const script = `const { Level } = require('level'); new Level(${JSON.stringify(path)}).open().then(() => { process.stdout.write('open'); process.stdin.resume(); process.stdin.on('end', () => process.exit(0)); });`;
  const child = execFile(process.execPath, ['-e', script]);
  const exited = new Promise<void>((resolve) => child.on('exit', () => resolve()));
  await new Promise((resolve) => child.stdout!.once('data', resolve));
  return async () => {
    child.stdin!.end();
    await exited;
  };
}

test('a database in use by another process is refused, and its lock is left alone (C56)', async () => {
  const folder = newFolder();
  const letGo = await holdElsewhere(join(folder, 'one'));
  const refusal = await createLevelEngine(folder)
    .open('one')
    .then(
      () => null,
      (error: unknown) => error,
    );
  expect(isFault(refusal, 'STORAGE_IN_USE') && refusal.detail.by).toMatch(/^(another process|process \d+( \(.+\))?)$/);
  expect(existsSync(join(folder, 'one', 'LOCK'))).toBe(true);
  await letGo();
  await (await createLevelEngine(folder).open('one')).close();
});

test('a file in the way, a folder without rights and damaged files are told apart', async () => {
  const reason = async (folder: string) => {
    const error = await createLevelEngine(folder)
      .open('one')
      .then(
        () => null,
        (failure: unknown) => failure,
      );
    expect(isFault(error, 'STORAGE_FAILED')).toBe(true);
    expect(String(error)).not.toMatch(/delete|LOCK/);
    return isFault(error, 'STORAGE_FAILED') ? error.detail.reason : '';
  };
  const inTheWay = newFolder();
  writeFileSync(inTheWay, 'not a folder');
  expect(await reason(inTheWay)).toMatch(/a file is where a folder is needed/);

  const damaged = newFolder();
  const storage = await createLevelEngine(damaged).open('one');
  await storage.write([{ type: 'put', key: bytes('a'), value: bytes('b') }]);
  await storage.close();
  writeFileSync(join(damaged, 'one', 'CURRENT'), 'MANIFEST-999999\n');
  expect(await reason(damaged)).toMatch(/files are damaged or missing/);
  writeFileSync(join(damaged, 'one', 'CURRENT'), 'MANI');
  expect(await reason(damaged)).toMatch(/files are damaged or missing/);

  const forbidden = newFolder();
  mkdirSync(forbidden);
  chmodSync(forbidden, 0o500);
  if (process.getuid?.() !== 0) expect(await reason(forbidden)).toMatch(/may not read and write/);
  chmodSync(forbidden, 0o700);
});

test('settings are passed through: a small write buffer makes table files', async () => {
  const folder = newFolder();
  const storage = await createLevelEngine(folder, {
    writeBufferSize: 64 << 10,
    blockSize: 16 << 10,
    cacheSize: 1 << 20,
    maxFileSize: 1 << 20,
    compression: false,
  }).open('one');
  for (let i = 0; i < 20; i++)
    await storage.write([{ type: 'put', key: bytes(`k${100 + i}`), value: seededRandom(i).bytes(20_000) }]);
  expect(readdirSync(join(folder, 'one')).filter((file) => file.endsWith('.ldb')).length).toBeGreaterThan(1);
  expect(await collect(storage)).toHaveLength(20);
  await storage.close();
});

test('a database on its way out is gone, and what a kill left of one goes with the next', async () => {
  const folder = newFolder();
  const engine = createLevelEngine(folder);
  for (const name of ['stays', 'goes']) await (await engine.open(name)).close();
  mkdirSync(join(folder, '~deleted-half'));
  writeFileSync(join(folder, '~deleted-half', 'CURRENT'), '');
  expect(await engine.list()).toEqual(['goes', 'stays']);
  await engine.destroy('goes');
  expect(readdirSync(folder)).toEqual(['stays']);
  const anew = await engine.open('goes');
  expect(await collect(anew)).toEqual([]);
  await anew.close();
});

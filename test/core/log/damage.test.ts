// A disk that gives back other bytes than it was given: what is damaged is never handed on, the rest is, and the log can be
// cut off before it. On LevelDB, with bytes of stored batches changed.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { batchKey } from '../../../core/log/keyspace.ts';
import type { PartitionLog } from '../../../core/log/partition-log.ts';
import { createLevelEngine } from '../../../core/storage/level-storage.ts';
import type { StorageEngine } from '../../../core/storage/storage.ts';
import { batch, bench, client, recordsOf, refusalOf, uncommitted } from './fixtures.ts';

const folders: string[] = [];
afterEach(() => Promise.all(folders.splice(0).map((folder) => rm(folder, { recursive: true }))));

async function levelBench() {
  const folder = await mkdtemp(join(tmpdir(), 'damage-'));
  folders.push(folder);
  return bench(createLevelEngine(folder));
}

/** Changes one byte of the batch that ends at `offset`. */
async function flip(engine: StorageEngine, offset: number, at: number): Promise<void> {
  await using storage = await engine.open('t-0');
  const value = Buffer.from((await storage.get(batchKey(offset)))!);
  value[at]! ^= 1;
  await storage.write([{ type: 'put', key: batchKey(offset), value }]);
}

const lastByte = -1;
const baseOffset = 7;

/** Five batches of two records, of which that of offsets 4 and 5 is damaged. */
async function damaged(at: number, config = {}) {
  const table = await levelBench();
  const log = await table.open(config);
  for (let i = 0; i < 5; i++) await log.append([batch([{ key: 'a', value: `v${2 * i}` }, { key: 'b' }])], client);
  await log.close();
  await flip(table.engine, 5, at === lastByte ? (await lengthAt(table.engine)) - 1 : at);
  return table.open(config);
}

async function lengthAt(engine: StorageEngine): Promise<number> {
  await using storage = await engine.open('t-0');
  return (await storage.get(batchKey(5)))!.length;
}

const offsetsFrom = async (log: PartitionLog, from: number) =>
  recordsOf((await log.read({ from, ...uncommitted })).records).map(({ offset }) => offset);

test.each([
  ['a record', lastByte],
  ['the base offset', baseOffset],
  ['the checksum', 17],
  ['the length', 11],
  ['the magic', 16],
])('a batch with a changed byte in %s is not served, and the rest is', async (_, at) => {
  const log = await damaged(at);
  const told: number[] = [];
  log.onDamage((offset) => told.push(offset));
  expect(await offsetsFrom(log, 0)).toEqual([0, 1, 2, 3]);
  expect(await refusalOf(log.read({ from: 4, ...uncommitted }))).toBe('CORRUPT_MESSAGE');
  expect(await refusalOf(log.read({ from: 5, ...uncommitted }))).toBe('CORRUPT_MESSAGE');
  expect(await offsetsFrom(log, 6)).toEqual([6, 7, 8, 9]);
  expect(told).toEqual([5]);
  await log.close();
});

test('times are not looked up in a damaged batch, and compaction leaves the log alone', async () => {
  const log = await damaged(lastByte, { 'cleanup.policy': 'compact', 'segment.bytes': '14' });
  expect(await refusalOf(log.offsetForTimestamp(0))).toBe('CORRUPT_MESSAGE');
  expect(await refusalOf(log.compact())).toBe('CORRUPT_MESSAGE');
  expect(await offsetsFrom(log, 0)).toEqual([0, 1, 2, 3]);
  expect(await offsetsFrom(log, 6)).toEqual([6, 7, 8, 9]);
  await log.close();
});

test.each([lastByte, baseOffset])('a log is cut off before a damaged batch and goes on (byte %i)', async (at) => {
  const log = await damaged(at);
  await log.truncateBefore(5);
  expect(log.logEndOffset).toBe(4);
  await log.append([batch([{ value: 'new' }])], client);
  expect(await offsetsFrom(log, 0)).toEqual([0, 1, 2, 3, 4]);
  await log.close();
});

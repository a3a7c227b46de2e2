import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createManualClock } from '../../../core/kernel/manual-clock.ts';
import { logConfig } from '../../../core/log/log-config.ts';
import { createLogManager } from '../../../core/log/log-manager.ts';
import type { PartitionLog } from '../../../core/log/partition-log.ts';
import { createStoragePool } from '../../../core/log/storage-pool.ts';
import { createLevelEngine } from '../../../core/storage/level-storage.ts';
import { createMemoryEngine } from '../../../core/storage/memory-storage.ts';
import type { StorageEngine } from '../../../core/storage/storage.ts';
import { batch, bytes, client, committed, numbered, recordsOf, startMs, uncommitted } from './fixtures.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-manager-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const config = logConfig({ 'retention.ms': '1000' });

/** Counts databases that are open at a time. */
function counting(engine: StorageEngine) {
  const counts = { open: 0, most: 0, opened: 0 };
  const counted: StorageEngine = {
    ...engine,
    async open(name) {
      const storage = await engine.open(name);
      counts.open++;
      counts.opened++;
      counts.most = Math.max(counts.most, counts.open);
      return {
        ...storage,
        close: async () => {
          counts.open--;
          await storage.close();
        },
      };
    },
  };
  return { engine: counted, counts };
}

test('a log is opened once, however many ask at a time', async () => {
  const manager = createLogManager({ engine: createMemoryEngine(), clock: createManualClock(startMs) });
  const [a, b] = await Promise.all([manager.open('t', 0, config), manager.open('t', 0, config)]);
  expect(a).toBe(b);
  expect(manager.get('t', 0)).toBe(a);
  expect(manager.get('t', 1)).toBeUndefined();
  const longer = logConfig({ 'retention.ms': '2000' });
  await manager.open('t', 0, longer);
  expect(a.config()).toBe(longer);
});

test('few databases are open at a time, and every log stays usable', async () => {
  const { engine, counts } = counting(createLevelEngine(folder));
  const manager = createLogManager({ engine, clock: createManualClock(startMs), openMax: 3, cacheBytesMax: 0 });
  const logs: PartitionLog[] = [];
  for (let partition = 0; partition < 8; partition++) logs.push(await manager.open('t', partition, config));
  for (let round = 0; round < 3; round++)
    for (const log of logs) {
      await log.append([numbered(2)], client);
      expect(recordsOf((await log.read({ from: 2 * round, ...uncommitted })).records)).toHaveLength(2);
    }
  expect(counts.most).toBeLessThanOrEqual(3);
  await Promise.all(logs.map((log) => log.append([numbered(1)], client)));
  expect(logs.map((log) => log.logEndOffset)).toEqual(Array(8).fill(7));
  await expect.poll(() => counts.open).toBeLessThanOrEqual(3);
  await manager.close();
  expect(counts.open).toBe(0);
  const again = createLogManager({ engine, clock: createManualClock(startMs) });
  expect((await again.open('t', 5, config)).logEndOffset).toBe(7);
  await again.close();
});

test('a database that is idle is closed and opened again when it is needed', async () => {
  const clock = createManualClock(startMs);
  const { engine, counts } = counting(createMemoryEngine());
  const manager = createLogManager({ engine, clock, idleCloseMs: 500, cacheBytesMax: 0 });
  const log = await manager.open('t', 0, logConfig());
  await log.append([numbered(1)], client);
  await manager.clean();
  expect(counts.open).toBe(1);
  clock.advance(500);
  await manager.clean();
  expect(counts.open).toBe(0);
  expect(recordsOf((await log.read({ from: 0, ...committed })).records)).toHaveLength(1);
  expect(counts).toEqual({ open: 1, most: 1, opened: 2 });
});

test('clean lets go what is old and compacts what is dirty enough', async () => {
  const clock = createManualClock(startMs);
  const manager = createLogManager({ engine: createMemoryEngine(), clock });
  const aged = await manager.open('aged', 0, config);
  const compacted = await manager.open('table', 0, logConfig({ 'cleanup.policy': 'compact', 'segment.bytes': '14' }));
  for (let i = 0; i < 5; i++) {
    await aged.append([numbered(1)], client);
    await compacted.append([batch([{ key: 'k' }])], client);
  }
  clock.advance(2_000);
  await manager.clean();
  expect(aged.logStartOffset).toBe(5);
  expect(recordsOf((await compacted.read({ from: 0, ...uncommitted })).records).map(({ offset }) => offset)).toEqual([
    3, 4,
  ]);
  expect(compacted.logStartOffset).toBe(0);
});

test('deleting removes the partition from memory and disk, and it may be made anew', async () => {
  const engine = createLevelEngine(folder);
  const manager = createLogManager({ engine, clock: createManualClock(startMs) });
  const log = await manager.open('my-topic', 12, config);
  await log.append([numbered(3)], client);
  await manager.open('my-topic', 3, config);
  await writeFile(join(folder, 'notes.txt'), 'not a partition');
  await (await engine.open('__catalog')).close();
  expect(await manager.list()).toEqual([
    { topic: 'my-topic', partition: 12 },
    { topic: 'my-topic', partition: 3 },
  ]);
  await manager.delete('my-topic', 12);
  expect(await manager.list()).toEqual([{ topic: 'my-topic', partition: 3 }]);
  expect(await readdir(folder)).not.toContain('my-topic-12');
  await expect(log.append([numbered(1)], client)).rejects.toMatchObject({
    detail: { error: 'NOT_LEADER_OR_FOLLOWER' },
  });
  expect((await manager.open('my-topic', 12, config)).logEndOffset).toBe(0);
  await manager.close();
});

test('a damaged partition is named, and the others are not concerned', async () => {
  const engine = createMemoryEngine();
  const storage = await engine.open('t-0');
  await storage.write([{ type: 'put', key: Uint8Array.of(0x10, 0, 0, 0, 0, 0, 0, 0, 7), value: bytes('not a batch') }]);
  await storage.close();
  const manager = createLogManager({ engine, clock: createManualClock(startMs) });
  await expect(manager.open('t', 0, config)).rejects.toMatchObject({
    code: 'PARTITION_DAMAGED',
    detail: { partition: 't-0' },
  });
  expect((await manager.open('t', 1, config)).logEndOffset).toBe(0);
});

test('a partition of a newer format is refused', async () => {
  const engine = createMemoryEngine();
  const storage = await engine.open('t-0');
  await storage.write([{ type: 'put', key: Uint8Array.of(0), value: Uint8Array.of(9, 1, 2) }]);
  await storage.close();
  const manager = createLogManager({ engine, clock: createManualClock(startMs) });
  await expect(manager.open('t', 0, config)).rejects.toMatchObject({
    code: 'STORAGE_NEWER',
    detail: { found: 9, known: 1 },
  });
});

test('files that are damaged are a Fault that says so', async () => {
  const manager = createLogManager({ engine: createLevelEngine(folder), clock: createManualClock(startMs) });
  await (await manager.open('t', 0, config)).append([numbered(1)], client);
  await manager.close();
  for (const name of await readdir(join(folder, 't-0')))
    if (name.startsWith('MANIFEST')) await writeFile(join(folder, 't-0', name), 'scribble');
  const again = createLogManager({ engine: createLevelEngine(folder), clock: createManualClock(startMs) });
  await expect(again.open('t', 0, config)).rejects.toMatchObject({ code: 'STORAGE_FAILED' });
  await again.close();
});

test('a database in use is not closed to make room', async () => {
  const { engine, counts } = counting(createMemoryEngine());
  const pool = createStoragePool({ engine, clock: createManualClock(startMs), openMax: 1 });
  const [a, b] = [await pool.take('a'), await pool.take('b')];
  await a.write([1, 2].map((n) => ({ type: 'put', key: Uint8Array.of(n), value: Uint8Array.of(n) })));
  const seen: number[] = [];
  for await (const [key] of a.scan({})) {
    await b.write([{ type: 'put', key, value: key }]);
    seen.push(key[0]!);
  }
  expect(seen).toEqual([1, 2]);
  expect(counts.most).toBe(2);
  await a.close();
  await expect(a.get(Uint8Array.of(1))).rejects.toMatchObject({ code: 'CLOSED' });
  expect(await b.get(Uint8Array.of(2))).toEqual(Uint8Array.of(2));
});

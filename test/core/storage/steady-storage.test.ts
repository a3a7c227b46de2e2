// A storage that was refused a write: what it takes after that is found again.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { isFault } from '../../../core/kernel/fault.ts';
import { openReplicaRegistry } from '../../../core/server/cluster/replica-registry.ts';
import { createLevelEngine } from '../../../core/storage/level-storage.ts';
import { openSteadyStorage } from '../../../core/storage/steady-storage.ts';
import type { Storage, StorageEngine } from '../../../core/storage/storage.ts';
import { bytes, storageContract } from '../../contracts/storage.ts';
import { createFaultyEngine } from '../../support/faulty-storage.ts';

storageContract('steady', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-steady-'));
  const level = createLevelEngine(folder);
  return {
    engine: { ...level, open: (name) => openSteadyStorage(level, name) },
    dispose: async () => rmSync(folder, { recursive: true, force: true }),
  };
});

/** As LevelDB's own log with a torn record at its end: what is written behind a failed write is gone at the next opening. */
function tearing(faulty: StorageEngine) {
  const counts = { opens: 0, writesBehindTorn: 0 };
  let mayOpen = true;
  const engine: StorageEngine = {
    ...faulty,
    async open(name) {
      if (!mayOpen) throw new Error('no room to open it');
      counts.opens++;
      const storage = await faulty.open(name);
      let isTorn = false;
      const write: Storage['write'] = async (operations, options) => {
        if (isTorn) counts.writesBehindTorn++;
        try {
          await storage.write(operations, options);
        } catch (error) {
          isTorn = true;
          throw error;
        }
      };
      return { ...storage, write };
    },
  };
  return { engine, counts, setRoom: (has: boolean) => (mayOpen = has) };
}

const put = (key: string) => ({ type: 'put', key: bytes(key), value: bytes(key) }) as const;

test('behind a failed write it is opened again before the next, and who reads meanwhile waits', async () => {
  const faulty = createFaultyEngine();
  const { engine, counts } = tearing(faulty);
  await using storage = await openSteadyStorage(engine, 'one');
  await storage.write([put('a')]);
  faulty.failWrite(1);
  await expect(storage.write([put('b')])).rejects.toSatisfy((error) => isFault(error, 'STORAGE_FAILED'));
  expect(await storage.get(bytes('a'))).toEqual(bytes('a'));
  await Promise.all([storage.write([put('c')]), storage.get(bytes('a'))]);
  await storage.write([put('d')]);
  expect(counts).toEqual({ opens: 2, writesBehindTorn: 0 });
  for (const key of ['a', 'c', 'd']) expect(await storage.get(bytes(key))).toEqual(bytes(key));
});

test('one that can’t be opened again is tried by whoever wants something of it', async () => {
  const faulty = createFaultyEngine();
  const { engine, setRoom } = tearing(faulty);
  await using storage = await openSteadyStorage(engine, 'one');
  await storage.write([put('a')]);
  faulty.failWrite(1);
  await expect(storage.write([put('b')])).rejects.toThrow();
  setRoom(false);
  await expect(storage.write([put('b')])).rejects.toThrow('no room');
  await expect(storage.get(bytes('a'))).rejects.toThrow('no room');
  setRoom(true);
  expect(await storage.get(bytes('a'))).toEqual(bytes('a'));
  await storage.write([put('b')]);
  expect(await storage.get(bytes('b'))).toEqual(bytes('b'));
});

test('a write that is asked for while another fails is not behind it, and is what it was when it was asked for', async () => {
  const faulty = createFaultyEngine();
  const { engine, counts } = tearing(faulty);
  await using storage = await openSteadyStorage(engine, 'one');
  faulty.failWrite(1);
  const value = bytes('b');
  const first = storage.write([put('a')]);
  const second = storage.write([{ type: 'put', key: bytes('b'), value }]);
  value.fill(0);
  await expect(first).rejects.toThrow();
  await second;
  expect(counts).toEqual({ opens: 2, writesBehindTorn: 0 });
  expect(await storage.get(bytes('b'))).toEqual(bytes('b'));
});

test('claims of many logs at once are found again, whichever of them failed and was made again', async () => {
  const faulty = createFaultyEngine();
  const { engine, counts } = tearing(faulty);
  const registry = await openReplicaRegistry(engine);
  const logs = Array.from({ length: 20 }, (_, partition) => ({ topic: 'orders', partition }));
  faulty.failWrite(1);
  const outcomes = await Promise.allSettled(logs.map((log) => registry.claim(log, 'an id')));
  const lost = logs.filter((_, i) => outcomes[i]!.status === 'rejected');
  expect(lost.length).toBeGreaterThan(0);
  await Promise.all(lost.map((log) => registry.claim(log, 'an id')));
  for (const log of logs) expect(await registry.ownerOf(log)).toBe('an id');
  expect(counts.writesBehindTorn).toBe(0);
  await registry.close();
});

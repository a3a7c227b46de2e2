import { expect, test } from 'vitest';
import { createMemoryEngine } from '../../../core/storage/memory-storage.ts';
import { bytes, collect, storageContract } from '../../contracts/storage.ts';
import { createFaultyEngine } from '../../support/faulty-storage.ts';

const nothing = async () => {};

storageContract('memory', async () => ({ engine: createMemoryEngine(), dispose: nothing }));
storageContract('the faulty engine, unprovoked,', async () => ({ engine: createFaultyEngine(), dispose: nothing }));

const put = (key: string) => [{ type: 'put', key: bytes(key), value: bytes(key) }] as const;

test('the faulty engine loses what was not synced, from the end', async () => {
  const engine = createFaultyEngine();
  const storage = await engine.open('one');
  await storage.write(put('a'));
  await storage.write(put('b'), { sync: true });
  await storage.write(put('c'));
  await storage.write(put('d'));
  await engine.crash({ keepUnsynced: 1 });
  await expect(storage.get(bytes('a'))).rejects.toMatchObject({ code: 'CLOSED' });
  const again = await engine.open('one');
  expect(await collect(again)).toEqual(['a=a', 'b=b', 'c=c']);
  await again.write(put('e'));
  await engine.crash({ keepUnsynced: 'none' });
  expect(await collect(await engine.open('one'))).toEqual(['a=a', 'b=b', 'c=c']);
});

test('the faulty engine fails the nth write and holds writes back', async () => {
  const engine = createFaultyEngine();
  const storage = await engine.open('one');
  engine.failWrite(2);
  await storage.write(put('a'));
  await expect(storage.write(put('b'))).rejects.toMatchObject({ code: 'STORAGE_FAILED' });
  await storage.write(put('c'));
  engine.hold();
  const waiting = storage.write(put('d'));
  expect(engine.held).toBe(1);
  expect(await collect(storage)).toEqual(['a=a', 'c=c']);
  engine.letThrough();
  await waiting;
  expect(await collect(storage)).toEqual(['a=a', 'c=c', 'd=d']);
});

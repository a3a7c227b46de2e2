// What every Storage and StorageEngine promises; an implementation adds a line in its own test, not a suite.
import { afterEach, describe, expect, test } from 'vitest';
import { isFault } from '../../core/kernel/fault.ts';
import { seededRandom } from '../../core/kernel/random.ts';
import type { Entry, ScanOptions, Storage, StorageEngine } from '../../core/storage/storage.ts';

export const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'latin1'));
const text = (raw: Uint8Array | undefined): string | undefined =>
  raw === undefined ? undefined : Buffer.from(raw).toString('latin1');
const put = (key: string, value: string) => ({ type: 'put', key: bytes(key), value: bytes(value) }) as const;
const del = (key: string) => ({ type: 'del', key: bytes(key) }) as const;

export async function collect(storage: Storage, options: ScanOptions = {}): Promise<string[]> {
  const found: string[] = [];
  for await (const [key, value] of storage.scan(options)) found.push(`${text(key)}=${text(value)}`);
  return found;
}

const page = (entries: readonly Entry[]) => entries.map(([key, value]) => `${text(key)}=${text(value)}`);

export function storageContract(
  name: string,
  makeEngine: () => Promise<{ engine: StorageEngine; dispose: () => Promise<void> }>,
) {
  describe(`${name} is a Storage`, () => {
    const undo: (() => Promise<void>)[] = [];
    afterEach(async () => {
      for (const step of undo.splice(0).reverse()) await step();
    });
    async function openEngine(): Promise<StorageEngine> {
      const { engine, dispose } = await makeEngine();
      undo.push(dispose);
      return engine;
    }
    async function open(engine?: StorageEngine, database = 'one'): Promise<Storage> {
      const storage = await (engine ?? (await openEngine())).open(database);
      undo.push(() => storage.close());
      return storage;
    }
    async function filled(...keys: string[]): Promise<Storage> {
      const storage = await open();
      await storage.write(keys.map((key) => put(key, key.toUpperCase())));
      return storage;
    }

    test('what was put is got, both ways, and the newest wins', async () => {
      const storage = await filled('a');
      await storage.write([put('a', 'first'), put('a', 'second')]);
      expect(text(await storage.get(bytes('a')))).toBe('second');
      expect(text(storage.getSync(bytes('a')))).toBe('second');
      expect(await storage.get(bytes('b'))).toBeUndefined();
      expect(storage.getSync(bytes('b'))).toBeUndefined();
    });

    test('keys are in unsigned order of bytes, shorter first', async () => {
      const storage = await filled('b', '\xff', 'a', '\x00', '\x80', 'ab', '\x7f', 'a\x00');
      expect((await collect(storage)).map((entry) => entry.split('=')[0])).toEqual([
        '\x00',
        'a',
        'a\x00',
        'ab',
        'b',
        '\x7f',
        '\x80',
        '\xff',
      ]);
    });

    test('an empty key and an empty value are a key and a value', async () => {
      const storage = await open();
      await storage.write([put('', 'of the empty key'), put('empty', '')]);
      expect(text(await storage.get(bytes('')))).toBe('of the empty key');
      expect(storage.getSync(bytes('empty'))).toHaveLength(0);
      expect((await storage.get(bytes('empty')))?.length).toBe(0);
      expect(await collect(storage)).toEqual(['=of the empty key', 'empty=']);
    });

    test.each<[ScanOptions, string[]]>([
      [{}, ['a', 'b', 'c', 'd']],
      [{ gte: bytes('b') }, ['b', 'c', 'd']],
      [{ gt: bytes('b') }, ['c', 'd']],
      [{ lt: bytes('c') }, ['a', 'b']],
      [{ lte: bytes('c') }, ['a', 'b', 'c']],
      [{ gte: bytes('aa'), lt: bytes('cc') }, ['b', 'c']],
      [{ gt: bytes('d') }, []],
      [{ gte: bytes('c'), lt: bytes('b') }, []],
      [{ reverse: true }, ['d', 'c', 'b', 'a']],
      [{ reverse: true, lt: bytes('c') }, ['b', 'a']],
      [{ reverse: true, gte: bytes('b'), lte: bytes('c') }, ['c', 'b']],
      [{ limit: 2 }, ['a', 'b']],
      [{ limit: 0 }, []],
      [{ reverse: true, limit: 1 }, ['d']],
      [{ reverse: true, lte: bytes('cc'), limit: 2 }, ['c', 'b']],
    ])('scan and scanPage of %o', async (options, keys) => {
      const storage = await filled('d', 'b', 'a', 'c');
      const expected = keys.map((key) => `${key}=${key.toUpperCase()}`);
      expect(await collect(storage, options)).toEqual(expected);
      expect(page(await storage.scanPage(options))).toEqual(expected);
    });

    test('a page stops once its bytes are reached, and has at least one entry', async () => {
      const storage = await open();
      await storage.write(Array.from({ length: 9 }, (_, i) => put(`k${i}`, String(i).repeat(1_000))));
      expect(await storage.scanPage({ bytesMax: 2_500 })).toHaveLength(3);
      expect(await storage.scanPage({ bytesMax: 2_000 })).toHaveLength(2);
      expect(await storage.scanPage({ bytesMax: 1 })).toHaveLength(1);
      expect(await storage.scanPage({ bytesMax: 9_999, limit: 4 })).toHaveLength(4);
    });

    test('a page has 1,000 entries when nothing else is asked; a scan has all', async () => {
      const storage = await open();
      await storage.write(Array.from({ length: 2_345 }, (_, i) => put(String(i).padStart(6, '0'), 'x')));
      expect(await storage.scanPage({})).toHaveLength(1_000);
      expect(await storage.scanPage({ limit: 2_000 })).toHaveLength(2_000);
      expect(await collect(storage)).toHaveLength(2_345);
    });

    test('a scan sees the database as it was when it began', async () => {
      const storage = await open();
      await storage.write(Array.from({ length: 1_500 }, (_, i) => put(String(i).padStart(6, '0'), 'old')));
      const found: string[] = [];
      for await (const [, value] of storage.scan({})) {
        if (found.length === 0) {
          await storage.write([put('000700', 'new'), put('999999', 'new'), del('001000')]);
          await storage.clear({ gte: bytes('001200') });
        }
        found.push(text(value)!);
      }
      expect(found).toHaveLength(1_500);
      expect(new Set(found)).toEqual(new Set(['old']));
      expect(text(await storage.get(bytes('000700')))).toBe('new');
      expect(await collect(storage)).toHaveLength(1_199);
    });

    test('a scan that is left half-way can be left', async () => {
      const storage = await filled('a', 'b', 'c');
      for await (const [key] of storage.scan({})) {
        expect(text(key)).toBe('a');
        break;
      }
      const iterator = storage.scan({})[Symbol.asyncIterator]();
      await iterator.next();
      await iterator.return?.();
      expect((await iterator.next()).done).toBe(true);
    });

    test('a write is all of its operations, in their order', async () => {
      const storage = await filled('a', 'b');
      await storage.write([put('c', '1'), del('a'), put('b', '2'), del('c'), put('d', '3'), put('a', '4')]);
      expect(await collect(storage)).toEqual(['a=4', 'b=2', 'd=3']);
      await storage.write([]);
      expect(await collect(storage)).toHaveLength(3);
    });

    test('bytes are taken when write is called: the caller may use its buffers again', async () => {
      const storage = await open();
      const key = bytes('key');
      const value = bytes('value');
      const written = storage.write([{ type: 'put', key, value }], { sync: true });
      key.fill(0);
      value.fill(0);
      await written;
      expect(await collect(storage)).toEqual(['key=value']);
      const got = (await storage.get(bytes('key')))!;
      got.fill(0);
      storage.getSync(bytes('key'))!.fill(0);
      (await storage.scanPage({}))[0]![1].fill(0);
      expect(await collect(storage)).toEqual(['key=value']);
    });

    test('writes land in the order of the calls', async () => {
      const storage = await open();
      for (let round = 0; round < 100; round += 1) {
        // Of one operation, of a few and of many: each goes its own way into LevelDB.
        const writes = Array.from({ length: 50 }, (_, i) => {
          const count = [0, 3, 20][(round % 4 === 3 ? i : round) % 3]!;
          const others = Array.from({ length: count }, (_, other) => put(`other-${other}`, String(i)));
          return storage.write([...others, put('k', `${round}:${i}`)], { sync: round === 0 && i % 10 === 0 });
        });
        await Promise.all(writes);
        expect(text(await storage.get(bytes('k')))).toBe(`${round}:49`);
      }
    });

    test('bytes of a write that waits for another may be used again', async () => {
      const storage = await open();
      const key = bytes('key');
      const value = bytes('value');
      const first = storage.write([put('before', '1')]);
      const second = storage.write([{ type: 'put', key, value }]);
      key.fill(0);
      value.fill(0);
      await Promise.all([first, second, storage.write([put('later', '2')])]);
      expect(await collect(storage)).toEqual(['before=1', 'key=value', 'later=2']);
    });

    test('a value of megabytes comes back whole', async () => {
      const storage = await open();
      const big = seededRandom(1).bytes(5 << 20);
      await storage.write([{ type: 'put', key: bytes('big'), value: big }]);
      expect(Buffer.compare((await storage.get(bytes('big')))!, big)).toBe(0);
      expect(Buffer.compare((await storage.scanPage({ bytesMax: 10 }))[0]![1], big)).toBe(0);
    });

    test('clear deletes a range and nothing else', async () => {
      const storage = await filled('a', 'b', 'c', 'd');
      await storage.clear({ gt: bytes('a'), lte: bytes('c') });
      expect(await collect(storage)).toEqual(['a=A', 'd=D']);
      await storage.clear({});
      expect(await collect(storage)).toEqual([]);
    });

    test('sizes are about what was put', async () => {
      const storage = await open();
      await storage.write(
        Array.from(
          { length: 64 },
          (_, i) => ({ type: 'put', key: bytes(`k${100 + i}`), value: seededRandom(i).bytes(50_000) }) as const,
        ),
      );
      await storage.compactRange(bytes('k'), bytes('l'));
      expect(await storage.approximateSize(bytes('k'), bytes('l'))).toBeGreaterThan(2_800_000);
      expect(await storage.approximateSize(bytes('x'), bytes('z'))).toBeLessThan(100_000);
    });

    test('what is closed stays closed, and says so (C57: with a scan open)', async () => {
      const storage = await filled('a', 'b');
      const iterator = storage.scan({})[Symbol.asyncIterator]();
      await iterator.next();
      await storage.close();
      await storage.close();
      const closed = (error: unknown) => isFault(error, 'CLOSED');
      await expect(storage.get(bytes('a'))).rejects.toSatisfy(closed);
      await expect(storage.write([put('a', '')])).rejects.toSatisfy(closed);
      await expect(storage.scanPage({})).rejects.toSatisfy(closed);
      await expect(storage.clear({})).rejects.toSatisfy(closed);
      await expect(storage.compactRange(bytes('a'), bytes('b'))).rejects.toSatisfy(closed);
      await expect(storage.approximateSize(bytes('a'), bytes('b'))).rejects.toSatisfy(closed);
      await expect(collect(storage)).rejects.toSatisfy(closed);
      expect(() => storage.getSync(bytes('a'))).toThrow(expect.objectContaining({ code: 'CLOSED' }));
      await iterator.return?.();
    });

    test('what was written is there when opened again', async () => {
      const engine = await openEngine();
      const storage = await open(engine);
      await storage.write([put('a', '1'), put('b', '')]);
      await storage.close();
      expect(await collect(await open(engine))).toEqual(['a=1', 'b=']);
    });

    test('a second open is refused by name (C56), and closing makes way', async () => {
      const engine = await openEngine();
      const storage = await open(engine);
      const refusal = await engine.open('one').then(
        () => null,
        (error: unknown) => error,
      );
      expect(isFault(refusal, 'STORAGE_IN_USE') && refusal.detail.by).toBe('this process');
      expect(String(refusal)).not.toMatch(/LOCK/);
      await expect(engine.destroy('one')).rejects.toSatisfy((error) => isFault(error, 'STORAGE_IN_USE'));
      await storage.close();
      await open(engine);
    });

    test('an engine lists and destroys its databases', async () => {
      const engine = await openEngine();
      expect(await engine.list()).toEqual([]);
      for (const database of ['b-0', '__catalog', 'a.b_c-12']) {
        const storage = await engine.open(database);
        await storage.write([put('k', database)]);
        await storage.close();
      }
      expect(await engine.list()).toEqual(['__catalog', 'a.b_c-12', 'b-0']);
      await engine.destroy('b-0');
      await engine.destroy('never-was');
      expect(await engine.list()).toEqual(['__catalog', 'a.b_c-12']);
      expect(await collect(await open(engine, 'b-0'))).toEqual([]);
      expect(await collect(await open(engine, '__catalog'))).toEqual(['k=__catalog']);
    });

    test.each([1, 2, 3, 4])('is a sorted map under random commands, seed %i', async (seed) => {
      const random = seededRandom(seed);
      const storage = await open();
      const model = new Map<string, string>();
      const anyKey = () => Buffer.from(random.bytes(random.integer(3))).toString('latin1');
      const sorted = () =>
        [...model]
          .map(([key, value]) => `${key}=${value}`)
          .sort((a, b) => Buffer.compare(bytes(a.slice(0, a.indexOf('=v'))), bytes(b.slice(0, b.indexOf('=v')))));
      for (let step = 0; step < 60; step++) {
        const operations = Array.from({ length: random.integer(60) }, (_, i) =>
          random.integer(4) === 0 ? del(anyKey()) : put(anyKey(), `v${step}.${i}`),
        );
        for (const operation of operations) {
          if (operation.type === 'put') model.set(text(operation.key)!, text(operation.value)!);
          else model.delete(text(operation.key)!);
        }
        await storage.write(operations);
        if (random.integer(8) === 0) {
          const from = anyKey();
          const to = anyKey();
          await storage.clear({ gte: bytes(from), lt: bytes(to) });
          for (const key of model.keys()) if (key >= from && key < to) model.delete(key);
        }
        if (step % 6 !== 0) continue;
        expect(await collect(storage)).toEqual(sorted());
        expect(await collect(storage, { reverse: true })).toEqual(sorted().reverse());
        const at = anyKey();
        expect(text(storage.getSync(bytes(at)))).toBe(model.get(at));
      }
    });
  });
}

import { describe, expect, test } from 'vitest';
import { int64, safeInt64 } from '../../../core/schema/primitive.ts';
import { createMemoryEngine } from '../../../core/storage/memory-storage.ts';
import type { Storage } from '../../../core/storage/storage.ts';
import type { StoreSpec } from '../../../dsl/compile/topology.ts';
import { dataPrefix, stampedValue, storeKey } from '../../../runtime/state/keyspace.ts';
import type { KeyValueStore, TaskStores, WindowStore } from '../../../runtime/state/store.ts';
import { openTaskStores } from '../../../runtime/state/task-stores.ts';
import { createFaultyEngine } from '../../support/faulty-storage.ts';
import { double, json, keyValueSpec, long, raw, text, windowSpec } from '../../support/store-specs.ts';

const none: ReadonlyMap<string, number> = new Map();

interface Change {
  topic: string;
  key: string;
  value: string | null;
  timestampMs: number;
}

function drain(stores: TaskStores): Change[] {
  const changes: Change[] = [];
  stores.drainChanges((topic, key, value, timestampMs) =>
    changes.push({
      topic,
      key: Buffer.from(key).toString('latin1'),
      value: value === null ? null : Buffer.from(stampedValue(value)).toString(),
      timestampMs,
    }),
  );
  return changes;
}

async function commit(stores: TaskStores, checkpoints = none): Promise<Change[]> {
  const changes = drain(stores);
  await stores.commit(checkpoints);
  return changes;
}

/** Stores on an engine of which a restart keeps what was committed. */
async function onDisk(...specs: StoreSpec[]) {
  const engine = createFaultyEngine();
  const open = async (given: readonly StoreSpec[] = specs, options = {}) =>
    openTaskStores({ storage: await engine.open('task'), specs: given, ...options });
  const crash = async (keepUnsynced: 'all' | 'none' = 'all') => {
    await engine.crash({ keepUnsynced });
    return open();
  };
  return { engine, open, crash, stores: await open() };
}

const kv = (stores: TaskStores, name = 's') => stores.store(name) as KeyValueStore;
const win = (stores: TaskStores, name = 'w') => stores.store(name) as WindowStore;

describe.each(['memory', 'disk'])('a key-value store in %s', (place) => {
  const open = async (spec: StoreSpec) =>
    openTaskStores({ storage: place === 'memory' ? null : await createMemoryEngine().open('task'), specs: [spec] });

  test('has what was put, with its time, until it is deleted', async () => {
    const store = kv(await open(keyValueSpec('s')));
    expect(store.get('a')).toBeUndefined();
    store.put('a', { n: 1 }, 5);
    expect(store.get('a')).toEqual({ value: { n: 1 }, timestampMs: 5 });
    const before = store.get('a');
    store.put('a', { n: 2 }, 4);
    expect(before).toEqual({ value: { n: 1 }, timestampMs: 5 });
    expect(store.get('a')).toEqual({ value: { n: 2 }, timestampMs: 4 });
    store.delete('a');
    expect(store.get('a')).toBeUndefined();
    store.put('b', 1, 1);
    store.put('b', null, 2);
    expect(store.get('b')).toBeUndefined();
  });

  test.each<[string, StoreSpec, readonly unknown[]]>([
    ['text', keyValueSpec('s'), ['', 'a', '0', 'false', '\u0000']],
    ['json', keyValueSpec('s', { key: json }), ['', 0, false, 'false', '0', [], {}, { a: 0 }, '{"a":0}', [0]]],
    [
      'bytes',
      keyValueSpec('s', { key: raw }),
      [new Uint8Array(0), Uint8Array.of(0), Uint8Array.of(0, 0), Uint8Array.of(255)],
    ],
    ['long', keyValueSpec('s', { key: long }), [0n, 1n, -1n, 2n ** 62n]],
    ['double', keyValueSpec('s', { key: double }), [0, -0, 1.5, -1.5, Number.POSITIVE_INFINITY]],
  ])('falsy and odd keys of %s are keys of their own', async (_, spec, keys) => {
    const stores = await open(spec);
    const store = kv(stores);
    for (const [i, key] of keys.entries()) store.put(key, i, i);
    for (const [i, key] of keys.entries()) expect(store.get(key)).toEqual({ value: i, timestampMs: i });
    expect(await commit(stores)).toHaveLength(keys.length);
    store.delete(keys[0]);
    expect(keys.map((key) => store.get(key)?.value)).toEqual([undefined, ...keys.slice(1).map((_key, i) => i + 1)]);
  });

  test.each([[''], [0], [false], [new Uint8Array(0)]])('the value %o is a value', async (value) => {
    const stores = await open(keyValueSpec('s', { value: value instanceof Uint8Array ? raw : json }));
    const store = kv(stores);
    store.put('k', value, 0);
    expect(store.get('k')).toEqual({ value, timestampMs: 0 });
    const [change] = await commit(stores);
    expect(change!.value).not.toBeNull();
    expect(store.get('k')).toEqual({ value, timestampMs: 0 });
  });

  test('keys are the same when their bytes are', async () => {
    const caseless = { ...text, encode: (key: string) => text.encode(key.toLowerCase()) };
    const stores = await open(keyValueSpec('s', { key: caseless }));
    const store = kv(stores);
    store.put('ABC', 1, 1);
    store.put('abc', 2, 2);
    expect(store.get('aBc')?.value).toBe(2);
    expect(await commit(stores)).toMatchObject([{ key: 'abc', value: '2' }]);
    const numbers = await open(keyValueSpec('s', { key: json }));
    kv(numbers).put(-0, 'zero', 1);
    expect(kv(numbers).get(0)?.value).toBe('zero');
  });
});

describe('changes', () => {
  test('are reported once a key, the newest, with its time; a tombstone for what was there', async () => {
    const { stores } = await onDisk(keyValueSpec('s'));
    const store = kv(stores);
    store.put('a', 1, 10);
    store.put('b', 1, 11);
    store.put('a', 2, 12);
    store.delete('never');
    expect(drain(stores)).toEqual([
      { topic: 'job-s-changelog', key: 'a', value: '2', timestampMs: 12 },
      { topic: 'job-s-changelog', key: 'b', value: '1', timestampMs: 11 },
    ]);
    expect(drain(stores)).toEqual([]);
    store.delete('b');
    store.delete('a', 99);
    store.put('c', 1, 1);
    store.delete('c');
    expect(drain(stores)).toEqual([
      { topic: 'job-s-changelog', key: 'b', value: null, timestampMs: 11 },
      { topic: 'job-s-changelog', key: 'a', value: null, timestampMs: 99 },
      { topic: 'job-s-changelog', key: 'c', value: null, timestampMs: 1 },
    ]);
  });

  test('of a table read from a topic are kept and not reported', async () => {
    const { stores, crash } = await onDisk(keyValueSpec('s', { ownChangelog: false, changelog: 'airports' }));
    kv(stores).put('a', 1, 1);
    expect(await commit(stores, new Map([['airports', 7]]))).toEqual([]);
    const again = await crash();
    expect(kv(again).get('a')?.value).toBe(1);
    expect(again.checkpoint('airports')).toBe(7);
    kv(again).put('a', 2, 2);
    await again.commit(new Map([['airports', 8]]));
    expect(kv(await crash()).get('a')?.value).toBe(2);
  });

  test('after a drain wait for the next: a commit never writes what the changelog does not have', async () => {
    const { stores, crash } = await onDisk(keyValueSpec('s'));
    kv(stores).put('a', 'drained', 1);
    stores.setStreamTimeMs('s', 1);
    drain(stores);
    kv(stores).put('a', 'later', 2);
    kv(stores).put('b', 'later', 2);
    stores.setStreamTimeMs('s', 2);
    await stores.commit(new Map([['job-s-changelog', 1]]));
    expect(kv(stores).get('a')?.value).toBe('later');
    const again = await crash();
    expect(kv(again).get('a')?.value).toBe('drained');
    expect(kv(again).get('b')).toBeUndefined();
    expect(again.streamTimeMs('s')).toBe(1);
    expect(again.streamTimeMs('other')).toBeNull();
  });

  test('an accumulator that is changed in place does not change what was drained', async () => {
    const { stores, crash } = await onDisk(keyValueSpec('s'));
    const accumulator = { words: ['a'] };
    kv(stores).put('k', accumulator, 1);
    drain(stores);
    accumulator.words.push('b');
    const committed = stores.commit(none);
    accumulator.words.push('c');
    await committed;
    expect(kv(stores).get('k')?.value).toBe(accumulator);
    kv(stores).put('k', accumulator, 2);
    expect(await crash().then((again) => kv(again).get('k')?.value)).toEqual({ words: ['a'] });
  });

  test('a value that cannot be encoded is named, and the rest stays as it was', async () => {
    const { stores } = await onDisk(keyValueSpec('s'));
    kv(stores).put('good', 1, 1);
    kv(stores).put('bad', () => 1, 1);
    expect(() => drain(stores)).toThrow(
      expect.objectContaining({
        code: 'STATE_NOT_ENCODED',
        message: expect.stringMatching(/store 's' .*"bad" as json: not JSON/),
      }),
    );
    kv(stores).put('bad', 2, 1);
    expect(drain(stores).map(({ key }) => key)).toEqual(['bad']);
  });

  test('can be discarded, back to what was committed', async () => {
    const { stores } = await onDisk(keyValueSpec('s'), windowSpec('w'));
    kv(stores).put('a', 1, 1);
    win(stores).put('a', 0, 1, 1);
    await commit(stores);
    kv(stores).put('a', 2, 2);
    kv(stores).put('b', 2, 2);
    win(stores).put('a', 0, 2, 2);
    drain(stores);
    win(stores).put('a', 10, 2, 2);
    win(stores).expireBefore(10);
    stores.discard();
    expect([
      kv(stores).get('a')?.value,
      kv(stores).get('b'),
      win(stores).get('a', 0)?.value,
      win(stores).get('a', 10),
    ]).toEqual([1, undefined, 1, undefined]);
    expect(drain(stores)).toEqual([]);
    expect(stores.dirtyBytes).toBe(0);
  });
});

describe('a commit that is written later', () => {
  const topic = 'job-s-changelog';

  test('is in memory, and not on the disk until a later one is, with all that came between, once a key', async () => {
    const engine = createFaultyEngine();
    const storage = await engine.open('task');
    let written = 0;
    const counted: Storage = {
      ...storage,
      write(operations) {
        written += operations.filter(({ key }) => key[0] === dataPrefix(1)[0]).length;
        return storage.write(operations);
      },
    };
    const stores = await openTaskStores({ storage: counted, specs: [keyValueSpec('s')] });
    for (let i = 1; i <= 3; i++) {
      kv(stores).put('a', i, i);
      kv(stores).put(`only ${i}`, i, i);
      drain(stores);
      await stores.commit(new Map([[topic, 2 * i]]), i < 3 ? 'later' : 'now');
      expect([stores.isBehind, stores.checkpoint(topic)]).toEqual(i < 3 ? [true, null] : [false, 6]);
    }
    expect(written).toBe(4);
    await engine.crash();
    const after = await openTaskStores({ storage: await engine.open('task'), specs: [keyValueSpec('s')] });
    expect(['a', 'only 1', 'only 2', 'only 3'].map((key) => kv(after).get(key)?.value)).toEqual([3, 1, 2, 3]);
  });

  test('is gone with a crash, together with its checkpoint', async () => {
    const { stores, crash } = await onDisk(keyValueSpec('s'));
    kv(stores).put('a', 1, 1);
    await commit(stores, new Map([[topic, 1]]));
    kv(stores).put('a', 2, 2);
    drain(stores);
    await stores.commit(new Map([[topic, 2]]), 'later');
    const after = await crash();
    expect([kv(after).get('a')?.value, after.checkpoint(topic)]).toEqual([1, 1]);
  });

  test.each(['write', 'close'] as const)(
    'is on the disk after %s(), windows that have expired since too',
    async (how) => {
      const { stores, crash } = await onDisk(keyValueSpec('s'), windowSpec('w'));
      kv(stores).put('a', 2, 2);
      win(stores).put('a', 0, 7, 2);
      drain(stores);
      await stores.commit(new Map([[topic, 2]]), 'later');
      kv(stores).put('a', 3, 3);
      win(stores).expireBefore(10);
      await stores[how]();
      const after = await crash();
      expect([kv(after).get('a')?.value, win(after).get('a', 0)?.value, after.checkpoint(topic)]).toEqual([2, 7, 2]);
    },
  );

  test('is not written by close() where more was drained that was never committed', async () => {
    const { stores, crash } = await onDisk(keyValueSpec('s'));
    kv(stores).put('a', 1, 1);
    drain(stores);
    await stores.commit(new Map([[topic, 1]]), 'later');
    expect(stores.isBehind).toBe(true);
    kv(stores).put('a', 2, 2);
    drain(stores);
    expect(stores.isBehind).toBe(false);
    await stores.close();
    const after = await crash();
    expect([kv(after).get('a'), after.checkpoint(topic)]).toEqual([undefined, null]);
  });
});

describe('a commit', () => {
  test('is all or nothing, and can be tried again', async () => {
    const { engine, stores, crash } = await onDisk(keyValueSpec('s'), keyValueSpec('t'));
    kv(stores).put('a', 1, 1);
    await commit(stores, new Map([['job-s-changelog', 1]]));
    kv(stores).put('a', 2, 2);
    kv(stores, 't').put('a', 2, 2);
    stores.setStreamTimeMs('s', 5);
    engine.failWrite(1);
    drain(stores);
    await expect(stores.commit(new Map([['job-s-changelog', 2]]))).rejects.toMatchObject({ code: 'STORAGE_FAILED' });
    expect(stores.checkpoint('job-s-changelog')).toBe(1);
    await stores.commit(new Map([['job-s-changelog', 2]]));
    const again = await crash();
    expect(kv(again).get('a')?.value).toBe(2);
    expect(kv(again, 't').get('a')?.value).toBe(2);
    expect(again.checkpoint('job-s-changelog')).toBe(2);
    expect(again.streamTimeMs('s')).toBe(5);
  });

  test('that the crash overtook leaves what was there before', async () => {
    const { engine, stores, crash } = await onDisk(keyValueSpec('s'));
    kv(stores).put('a', 1, 1);
    await commit(stores, new Map([['job-s-changelog', 1]]));
    kv(stores).put('a', 2, 2);
    drain(stores);
    engine.hold();
    void stores.commit(new Map([['job-s-changelog', 2]]));
    const again = await crash();
    expect(kv(again).get('a')?.value).toBe(1);
    expect(again.checkpoint('job-s-changelog')).toBe(1);
  });

  test('goes on beside the task: what is on its way is still read', async () => {
    const { engine, stores } = await onDisk(keyValueSpec('s'));
    kv(stores).put('a', 1, 1);
    drain(stores);
    engine.hold();
    const committed = stores.commit(none);
    kv(stores).put('a', 2, 2);
    kv(stores).put('b', 2, 2);
    expect(drain(stores)).toHaveLength(2);
    engine.letThrough();
    await committed;
    expect(kv(stores).get('a')?.value).toBe(2);
    expect(stores.dirtyBytes).toBeGreaterThan(0);
    await stores.commit(none);
    expect(stores.dirtyBytes).toBe(0);
  });
});

describe('the cache', () => {
  test('forgets what is committed beyond its bound, never what is not, and finds all again', async () => {
    const { open, engine, stores: unbounded } = await onDisk(keyValueSpec('s'), windowSpec('w'));
    await unbounded.close();
    const stores = await open(undefined, { cacheBytesMax: 100_000 });
    const count = 3_000;
    for (let round = 0; round < 3; round++) {
      for (let i = 0; i < count; i++) {
        kv(stores).put(`k${i}`, { round, i }, i);
        win(stores).put(`k${i}`, (i % 5) * 10, { round, i }, i);
        if (i % 500 === 499) await commit(stores);
      }
      expect(stores.dirtyBytes).toBe(0);
      for (let i = 0; i < count; i++) {
        expect(kv(stores).get(`k${i}`)).toEqual({ value: { round, i }, timestampMs: i });
        expect(win(stores).get(`k${i}`, (i % 5) * 10)).toEqual({ value: { round, i }, timestampMs: i });
        expect(kv(stores).get(`absent${i}`)).toBeUndefined();
      }
      expect(stores.cachedBytes).toBeLessThan(220_000);
    }
    for (let i = 0; i < count; i++) kv(stores).put(`k${i}`, 'dirty', i);
    expect(stores.dirtyBytes).toBeGreaterThan(300_000);
    for (let i = 0; i < count; i++) expect(kv(stores).get(`k${i}`)?.value).toBe('dirty');
    expect(drain(stores)).toHaveLength(count);
    expect(engine.writes).toBeGreaterThan(10);
  });

  test('notices values that grow between commits', async () => {
    const { stores } = await onDisk(keyValueSpec('s'));
    const list: string[] = [];
    for (let i = 0; i < 2_000; i++) {
      list.push('a word of some length');
      kv(stores).put('k', list, i);
    }
    expect(stores.dirtyBytes).toBeGreaterThan(40_000);
  });
});

describe('a window store', () => {
  test('keeps a value per key and start, and fetches a key by time', async () => {
    const { stores, crash } = await onDisk(windowSpec('w'));
    const check = (store: WindowStore) => {
      expect([...store.fetch('a', 0, 100)].map(([startMs, { value }]) => [startMs, value])).toEqual([
        [0, 'a0'],
        [20, 'a20'],
        [30, 'a30'],
      ]);
      expect([...store.fetch('a', 20, 20)].map(([startMs]) => startMs)).toEqual([20]);
      expect([...store.fetch('a', 21, 29)]).toEqual([]);
      expect(
        [...store.fetch('ab', Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY)].map(([startMs]) => startMs),
      ).toEqual([10, 20]);
      expect([...store.fetch('', 0, 1e15)].map(([startMs]) => startMs)).toEqual([20]);
    };
    const store = win(stores);
    for (const [key, startMs] of [
      ['a', 0],
      ['a', 30],
      ['a', 20],
      ['ab', 10],
      ['ab', 20],
      ['', 20],
    ] as const)
      store.put(key, startMs, `${key}${startMs}`, startMs + 1);
    check(store);
    expect((await commit(stores)).map(({ key }) => key)).toContain('ab\0\0\0\0\0\0\0\x0a');
    check(store);
    check(win(await crash()));
  });

  test('forgets what has expired, in memory, on disk and in the next life, without tombstones', async () => {
    const { stores, crash } = await onDisk(windowSpec('w'));
    const store = win(stores);
    for (let startMs = 0; startMs < 100; startMs += 10) store.put('k', startMs, startMs, startMs);
    await commit(stores);
    store.put('k', 10, 'changed', 10);
    store.expireBefore(50);
    expect(store.get('k', 40)).toBeUndefined();
    store.put('k', 40, 'too late', 40);
    store.delete('k', 40);
    expect(store.get('k', 40)).toBeUndefined();
    expect([...store.fetch('k', 0, 100)].map(([startMs]) => startMs)).toEqual([50, 60, 70, 80, 90]);
    expect(await commit(stores)).toEqual([]);
    const again = await crash();
    expect([...win(again).fetch('k', 0, 100)].map(([startMs]) => startMs)).toEqual([50, 60, 70, 80, 90]);
    win(again).put('k', 40, 'too late', 40);
    expect(win(again).get('k', 40)).toBeUndefined();
  });

  test('expiry costs what it expires: one clear from where the last ended', async () => {
    const engine = createMemoryEngine();
    const storage = await engine.open('task');
    const cleared: number[] = [];
    const counting = {
      ...storage,
      clear: async (range: Parameters<typeof storage.clear>[0]) => {
        cleared.push((await storage.scanPage(range)).length);
        return storage.clear(range);
      },
    };
    const stores = await openTaskStores({ storage: counting, specs: [windowSpec('w')] });
    for (let startMs = 0; startMs < 1_000; startMs += 10) win(stores).put('k', startMs, 1, startMs);
    await commit(stores);
    for (const beforeMs of [100, 100, 130, 1_000]) {
      win(stores).expireBefore(beforeMs);
      await commit(stores);
    }
    expect(cleared).toEqual([10, 3, 87]);
    const left = await storage.scanPage({ gte: Uint8Array.of(0x10) });
    expect(left).toEqual([]);
  });

  test.each(['memory', 'disk'])('in %s lets go of the windows that were deleted', async (place) => {
    const storage = place === 'memory' ? null : await createMemoryEngine().open('task');
    const stores = await openTaskStores({ storage, specs: [{ ...windowSpec('w'), indexed: true }] });
    for (let startMs = 0; startMs < 1_000; startMs += 10) {
      win(stores).put('k', startMs, 1, startMs);
      if (startMs > 0) win(stores).delete('k', startMs - 10);
      await commit(stores);
    }
    win(stores).delete('k', 990);
    await commit(stores);
    await commit(stores);
    expect(stores.cachedBytes).toBe(0);
  });

  test('of hopping windows fetches by their advance', async () => {
    const { stores } = await onDisk(
      windowSpec('w', { window: { kind: 'hopping', sizeMs: 10, advanceMs: 5, graceMs: 0 } }),
    );
    for (const startMs of [0, 5, 10, 25]) win(stores).put('k', startMs, startMs, startMs);
    expect([...win(stores).fetch('k', 3, 25)].map(([startMs]) => startMs)).toEqual([5, 10, 25]);
  });
});

describe('opening', () => {
  test('a database of a newer format is refused', async () => {
    const engine = createMemoryEngine();
    const storage = await engine.open('task');
    await storage.write([{ type: 'put', key: Uint8Array.of(0), value: Uint8Array.of(9) }]);
    await expect(openTaskStores({ storage, specs: [keyValueSpec('s')], place: 'data/job/0_1' })).rejects.toMatchObject({
      code: 'STORAGE_NEWER',
      message: expect.stringMatching(/^data\/job\/0_1 has data of format 9, and this version reads up to 1/),
    });
  });

  test('a store of another kind is refused by name', async () => {
    const { stores, open } = await onDisk(keyValueSpec('s'));
    await stores.close();
    await expect(open([windowSpec('s')])).rejects.toMatchObject({
      code: 'STATE_CHANGED',
      message: expect.stringMatching(/store 's' .* kept as a key-value store and the job wants it as a window store/),
    });
  });

  test.each([
    ['keys', { key: long }, 'with keys of text', 'with keys of long'],
    ['values', { value: text }, 'with values of json', 'with values of text'],
    [
      'windows',
      { window: { kind: 'tumbling', sizeMs: 20, graceMs: 0 } },
      'by tumbling windows of 10 ms',
      'by tumbling windows of 20 ms',
    ],
    [
      'origin',
      { window: { kind: 'tumbling', sizeMs: 10, graceMs: 0, originMs: 3 } },
      'by tumbling windows of 10 ms',
      'by tumbling windows of 10 ms from 3 ms',
    ],
  ] as const)('a store of other %s is refused, with what to do (C35)', async (_, change, found, wanted) => {
    const { stores, open } = await onDisk(windowSpec('s'));
    await stores.close();
    await expect(open([windowSpec('s', change)])).rejects.toMatchObject({
      code: 'STATE_CHANGED',
      message: `store 's' in the state of the task was kept ${found} and the job wants it ${wanted}, so what is there would be misread; go back to how it was, give the store another name, or start afresh with --fresh`,
    });
  });

  test('what changes nothing of how it is read is taken, and so is what an earlier version has written', async () => {
    const { stores, open, engine } = await onDisk(windowSpec('s', { value: int64 }));
    await stores.close();
    const later = await open([
      windowSpec('s', { value: safeInt64, window: { kind: 'tumbling', sizeMs: 10, graceMs: 99 }, keptMs: 5 }),
    ]);
    await later.close();
    const old = await engine.open('task');
    await old.write([{ type: 'put', key: storeKey('s'), value: Uint8Array.of(0, 1, 1) }]);
    await old.close();
    await (await open([windowSpec('s', { key: long })])).close();
    await expect(open([windowSpec('s')])).rejects.toMatchObject({ code: 'STATE_CHANGED' });
  });

  test('a store that was added or came back finds its own, whatever the order of the stores', async () => {
    const { stores, open } = await onDisk(keyValueSpec('a'), keyValueSpec('b'));
    kv(stores, 'a').put('k', 'of a', 1);
    kv(stores, 'b').put('k', 'of b', 1);
    await commit(stores);
    await stores.close();
    const without = await open([keyValueSpec('new'), keyValueSpec('b')]);
    expect(kv(without, 'new').get('k')).toBeUndefined();
    kv(without, 'new').put('k', 'of new', 1);
    await commit(without);
    await without.close();
    const all = await open([keyValueSpec('b'), keyValueSpec('new'), keyValueSpec('a')]);
    expect(['a', 'b', 'new'].map((name) => kv(all, name).get('k')?.value)).toEqual(['of a', 'of b', 'of new']);
  });

  test('a value that its serde cannot read is named when it is read', async () => {
    const { stores, open } = await onDisk(keyValueSpec('s', { value: text }));
    kv(stores).put('k', 'no json', 1);
    await commit(stores);
    await stores.close();
    const renamed = { ...json, name: 'text' };
    const again = await open([keyValueSpec('s', { value: renamed })]);
    expect(() => kv(again).get('k')).toThrow(
      expect.objectContaining({
        code: 'STATE_NOT_DECODED',
        message: expect.stringMatching(/store 's' can't read its value of key "k" as text/),
      }),
    );
  });

  test('what is closed says so', async () => {
    const { stores } = await onDisk(keyValueSpec('s'));
    await stores.close();
    await stores.close();
    await expect(stores.commit(none)).rejects.toMatchObject({ code: 'CLOSED' });
    expect(() => drain(stores)).toThrow(expect.objectContaining({ code: 'CLOSED' }));
  });
});

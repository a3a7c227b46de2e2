import { describe, expect, test } from 'vitest';
import { createMemoryEngine } from '../../../core/storage/memory-storage.ts';
import type { KeyValueStore, WindowStore } from '../../../runtime/state/store.ts';
import { openTaskStores } from '../../../runtime/state/task-stores.ts';
import { keyValueSpec, windowSpec } from '../../support/store-specs.ts';

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const item of items) found.push(item);
  return found;
}

describe.each(['memory', 'disk'])('a query of a store in %s', (place) => {
  const open = async (...specs: Parameters<typeof openTaskStores>[0]['specs'][number][]) =>
    openTaskStores({ storage: place === 'memory' ? null : await createMemoryEngine().open('task'), specs });

  test('sees the database under the changes, in the order of keys', async () => {
    const stores = await open(keyValueSpec('s'), keyValueSpec('other'));
    const store = stores.store('s') as KeyValueStore;
    (stores.store('other') as KeyValueStore).put('b', 'of another store', 1);
    for (const key of ['b', 'd', 'f', 'h']) store.put(key, key, 1);
    stores.drainChanges(() => {});
    await stores.commit(new Map());
    for (const key of ['a', 'c', 'i']) store.put(key, key, 2);
    store.put('d', 'D', 2);
    store.delete('f');
    const pairs = (found: [unknown, { value: unknown }][]) =>
      found.map(([key, { value }]) => `${key}=${value}`).join(' ');
    const query = stores.query('s');
    expect(query.get('d')).toEqual({ value: 'D', timestampMs: 2 });
    expect(pairs(await collect(query.all()))).toBe('a=a b=b c=c d=D h=h i=i');
    expect(pairs(await collect(query.range('b', 'h')))).toBe('b=b c=c d=D h=h');
    expect(pairs(await collect(query.range('e', 'g')))).toBe('');
    if (place === 'memory') expect(pairs([...store.range('b', 'd')])).toBe('b=b c=c d=D');
    else expect(() => [...store.entries()]).toThrow(/iterate it by a query/);
  });

  test('sees the store as it was when it began', async () => {
    const stores = await open(keyValueSpec('s'));
    const store = stores.store('s') as KeyValueStore;
    for (let i = 0; i < 20; i++) store.put(`k${i}`, 'old', 1);
    stores.drainChanges(() => {});
    await stores.commit(new Map());
    for (let i = 20; i < 40; i++) store.put(`k${i}`, 'old', 1);
    const values: unknown[] = [];
    for await (const [, { value }] of stores.query('s').all()) {
      if (values.length === 0) {
        for (let i = 0; i < 60; i++) store.put(`k${i}`, 'new', 2);
        stores.drainChanges(() => {});
        await stores.commit(new Map());
      }
      values.push(value);
    }
    expect(values).toEqual(Array.from({ length: 40 }, () => 'old'));
  });

  test('shows windows by time, then key, and values as the table has them', async () => {
    const stores = await open(windowSpec('w', { result: ({ sum, count }) => sum / count }));
    const store = stores.store('w') as WindowStore;
    store.put('b', 0, { sum: 10, count: 2 }, 1);
    store.put('b', 10, { sum: 10, count: 1 }, 2);
    store.put('a', 20, { sum: 9, count: 3 }, 3);
    stores.drainChanges(() => {});
    await stores.commit(new Map());
    store.put('a', 10, { sum: 8, count: 1 }, 4);
    const query = stores.query('w');
    expect(await collect(query.all())).toEqual([
      [
        { key: 'b', startMs: 0, endMs: 10 },
        { value: 5, timestampMs: 1 },
      ],
      [
        { key: 'a', startMs: 10, endMs: 20 },
        { value: 8, timestampMs: 4 },
      ],
      [
        { key: 'b', startMs: 10, endMs: 20 },
        { value: 10, timestampMs: 2 },
      ],
      [
        { key: 'a', startMs: 20, endMs: 30 },
        { value: 3, timestampMs: 3 },
      ],
    ]);
    expect([...query.fetch('b', 0, 99)]).toEqual([
      [0, { value: 5, timestampMs: 1 }],
      [10, { value: 10, timestampMs: 2 }],
    ]);
    expect([query.lookups(0, 99), query.lookups(5, 10), query.lookups(11, 19)]).toEqual([3, 1, 0]);
    expect(query.get('a', 20)).toEqual({ value: 3, timestampMs: 3 });
    store.expireBefore(10);
    expect(await collect(query.all())).toHaveLength(3);
    expect(store.get('b', 10)?.value).toEqual({ sum: 10, count: 1 });
  });
});

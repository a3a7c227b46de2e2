import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { utf8, uuid } from '../../../core/schema/primitive.ts';
import { createMemoryEngine } from '../../../core/storage/memory-storage.ts';
import type { WindowSpec } from '../../../dsl/plan.ts';
import { createWindowIndex } from '../../../runtime/state/open-windows.ts';
import type { WindowStore } from '../../../runtime/state/store.ts';
import { openTaskStores } from '../../../runtime/state/task-stores.ts';
import { json, windowSpec } from '../../support/store-specs.ts';

describe('an index of windows', () => {
  test('is what a list that is searched would be', () => {
    const change = fc.record({
      kind: fc.constantFrom('put', 'remove', 'take', 'keep'),
      key: fc.constantFrom('a', 'b', 'é'),
      startMs: fc.nat(20),
      endMs: fc.nat(40),
    });
    fc.assert(
      fc.property(fc.array(change, { maxLength: 60 }), (changes) => {
        const index = createWindowIndex(utf8);
        let model: { key: string; startMs: number; endMs: number; taken: boolean }[] = [];
        const bytes = (key: string) => Buffer.from(key);
        for (const { kind, key, startMs, endMs } of changes) {
          if (kind === 'put') {
            const known = model.find((w) => w.key === key && w.startMs === startMs);
            // One that was taken and kept is never changed.
            if (known?.taken) continue;
            index.put(key, startMs, endMs);
            model = [...model.filter((w) => w !== known), { key, startMs, endMs, taken: false }];
          } else if (kind === 'remove') {
            index.remove(key, startMs);
            model = model.filter((w) => w.key !== key || w.startMs !== startMs);
          } else {
            const wanted = model
              .filter((w) => !w.taken && w.endMs <= endMs)
              .sort((a, b) => a.endMs - b.endMs || a.startMs - b.startMs || Buffer.compare(bytes(a.key), bytes(b.key)));
            const taken = index.takeUntil(endMs, kind === 'keep' ? 'keep' : undefined);
            expect(taken).toEqual(wanted.map(({ taken: _, ...w }) => w));
            if (kind === 'keep') for (const w of wanted) w.taken = true;
            else model = model.filter((w) => !wanted.includes(w));
          }
          const ofKey = model.filter((w) => w.key === key).sort((a, b) => a.startMs - b.startMs);
          expect(index.of(key)).toEqual(ofKey.map(({ taken: _, ...w }) => w));
          const open = model.filter((w) => !w.taken);
          expect([index.size, index.pending]).toEqual([model.length, open.length > 0]);
          expect(index.lastEndMs()).toBe(Math.max(...open.map((w) => w.endMs)));
        }
      }),
    );
  });

  test('takes any number of windows that end together', () => {
    const index = createWindowIndex(utf8);
    for (let i = 0; i < 150_000; i++) index.put(`k${i}`, 0, 10);
    expect(index.takeUntil(10)).toHaveLength(150_000);
  });

  test('keys are the same when their bytes are', () => {
    const ids = createWindowIndex(uuid);
    ids.put('0F3E4D5C-0000-0000-0000-000000000000', 1, 2);
    ids.put('0f3e4d5c-0000-0000-0000-000000000000', 5, 6);
    expect(ids.of('0F3E4D5C-0000-0000-0000-000000000000').map(({ startMs }) => startMs)).toEqual([1, 5]);
    const objects = createWindowIndex(json);
    objects.put({ a: 1 }, 1, 2);
    expect(objects.of({ a: 1 })).toEqual([{ key: { a: 1 }, startMs: 1, endMs: 2 }]);
    objects.remove({ a: 1 }, 1);
    expect(objects.size).toBe(0);
  });
});

describe('a store of windows that are not aligned', () => {
  const session: WindowSpec = { kind: 'session', gapMs: 10, graceMs: 0 };
  const sliding: WindowSpec = { kind: 'sliding', differenceMs: 10, graceMs: 0 };

  test.each([
    ['session', session, [1, 7], [9, 9]],
    ['sliding', sliding, [1, 11], [9, 19]],
  ] as const)('knows its windows again after a restart: %s', async (_, window, first, second) => {
    const engine = createMemoryEngine();
    const open = async () => {
      const stores = await openTaskStores({ storage: await engine.open('task'), specs: [windowSpec('w', { window })] });
      await stores.load();
      return stores;
    };
    const before = await open();
    const store = before.store('w') as WindowStore;
    store.put('k', 1, 'a', 7);
    store.put('k', 9, 'b', 9);
    store.put('l', 3, 'c', 3);
    before.drainChanges(() => {});
    await before.commit(new Map());
    store.delete('l', 3);
    const tombstones: (Uint8Array | null)[] = [];
    before.drainChanges((_topic, _key, value) => tombstones.push(value));
    expect(tombstones).toEqual([null]);
    await before.commit(new Map());
    expect(store.get('l', 3)).toBeUndefined();
    await before.close();

    const after = await open();
    const again = after.store('w') as WindowStore;
    expect(again.open.of('k').map(({ startMs, endMs }) => [startMs, endMs])).toEqual([first, second]);
    expect(again.open.of('l')).toEqual([]);
    expect([...after.query('w').fetch('k', 0, 5)].map(([startMs, { value }]) => [startMs, value])).toEqual([[1, 'a']]);
    const all: unknown[] = [];
    for await (const [key, { value }] of after.query('w').all()) all.push([key, value]);
    expect(all).toEqual([
      [{ key: 'k', startMs: first[0], endMs: first[1] }, 'a'],
      [{ key: 'k', startMs: second[0], endMs: second[1] }, 'b'],
    ]);
    await after.close();
  });

  test('lets go of what was deleted', async () => {
    const storage = await createMemoryEngine().open('task');
    const stores = await openTaskStores({ storage, specs: [windowSpec('w', { window: session })] });
    await stores.load();
    const store = stores.store('w') as WindowStore;
    for (let at = 0; at < 1_000; at++) {
      store.put('k', at, 'x', at);
      if (at > 0) store.delete('k', at - 1);
      if (at % 10 !== 0) continue;
      stores.drainChanges(() => {});
      await stores.commit(new Map());
    }
    stores.drainChanges(() => {});
    await stores.commit(new Map());
    expect(stores.cachedBytes).toBeLessThan(2_000);
    await stores.close();
  });
});

import { expect, test } from 'vitest';
import { BatchBuilder } from '../../../core/protocol/batch-builder.ts';
import { RecordCursor } from '../../../core/protocol/record-cursor.ts';
import { createMemoryEngine } from '../../../core/storage/memory-storage.ts';
import { stamp, windowChangelogKey } from '../../../runtime/state/keyspace.ts';
import { createRestorer } from '../../../runtime/state/restore.ts';
import type { KeyValueStore, WindowStore } from '../../../runtime/state/store.ts';
import { openTaskStores } from '../../../runtime/state/task-stores.ts';
import { createFaultyEngine } from '../../support/faulty-storage.ts';
import { json, keyValueSpec, windowSpec } from '../../support/store-specs.ts';

const bytes = (text: string) => new Uint8Array(Buffer.from(text));

function batchOf(
  baseOffset: number,
  records: readonly (readonly [key: Uint8Array | null, value: string | null, timestampMs: number])[],
): Uint8Array {
  const builder = new BatchBuilder({});
  // A changelog's records carry the time of writing; event time stands before the value.
  for (const [key, value, timestampMs] of records)
    builder.append(wroteAtMs, key, value === null ? null : stamp(timestampMs, bytes(value)));
  return builder.build({ baseOffset });
}

const wroteAtMs = 1_700_000_000_000;

test.each(['memory', 'disk'])(
  'batches of a changelog become state in %s, from the offset asked to the end given',
  async (place) => {
    const storage = place === 'memory' ? null : await createMemoryEngine().open('task');
    const stores = await openTaskStores({ storage, specs: [keyValueSpec('s'), windowSpec('w')] });
    const restorer = createRestorer({ stores, cursor: new RecordCursor() });
    await restorer.restoreBatches('job-s-changelog', {
      fetchOffset: 11,
      batches: [
        batchOf(10, [
          [bytes('before'), '1', 1],
          [bytes('a'), '1', 2],
          [bytes('b'), '1', 3],
        ]),
        batchOf(13, [
          [bytes('b'), null, 4],
          [null, '1', 5],
          [bytes(''), '0', 6],
          [bytes('a'), '2', 7],
          [bytes('after'), '1', 8],
        ]),
      ],
      nextOffset: 18,
      endOffset: 17,
    });
    await restorer.restoreBatches('job-w-changelog', {
      fetchOffset: 0,
      batches: [batchOf(0, [[windowChangelogKey(20, bytes('k')), '5', 25]])],
      nextOffset: 3,
    });
    await restorer.finish();
    const store = stores.store('s') as KeyValueStore;
    expect(['before', 'a', 'b', '', 'after'].map((key) => store.get(key))).toEqual([
      undefined,
      { value: 2, timestampMs: 7 },
      undefined,
      { value: 0, timestampMs: 6 },
      undefined,
    ]);
    expect((stores.store('w') as WindowStore).get('k', 20)).toEqual({ value: 5, timestampMs: 25 });
    expect([stores.checkpoint('job-s-changelog'), stores.checkpoint('job-w-changelog')]).toEqual([17, 3]);
    expect(restorer.records).toBe(6);
    expect([stores.streamTimeMs('w'), stores.streamTimeMs('nothing')]).toEqual([25, null]);
  },
);

test('a restore that is cut short goes on at what it has written (C27)', async () => {
  const engine = createFaultyEngine();
  const specs = [keyValueSpec('s')];
  const open = async () => openTaskStores({ storage: await engine.open('task'), specs });
  const first = await open();
  const restorer = createRestorer({ stores: first, cursor: new RecordCursor(), bufferBytesMax: 40 });
  const batches = [0, 3, 6].map((base) =>
    batchOf(
      base,
      [0, 1, 2].map((i) => [bytes(`k${base + i}`), '1', 1] as const),
    ),
  );
  await restorer.restoreBatches('job-s-changelog', { fetchOffset: 0, batches: batches.slice(0, 2), nextOffset: 6 });
  await restorer.restoreBatches('job-s-changelog', {
    fetchOffset: 6,
    batches: [batchOf(6, [[bytes('x'), '1', 1]])],
    nextOffset: 7,
  });
  await engine.crash();
  const second = await open();
  const from = second.checkpoint('job-s-changelog')!;
  expect(from).toBe(6);
  const again = createRestorer({ stores: second, cursor: new RecordCursor() });
  await again.restoreBatches('job-s-changelog', { fetchOffset: from, batches: batches.slice(2), nextOffset: 9 });
  await again.finish();
  for (let i = 0; i < 9; i++) expect((second.store('s') as KeyValueStore).get(`k${i}`)?.value).toBe(1);
});

test('restored windows expire like others (C29), and late records stay late on another host (C12)', async () => {
  const storage = await createMemoryEngine().open('task');
  const stores = await openTaskStores({ storage, specs: [windowSpec('w')] });
  const restorer = createRestorer({ stores, cursor: new RecordCursor() });
  const records = [0, 10, 20, 30].map(
    (startMs) => [windowChangelogKey(startMs, bytes('k')), '1', startMs + 5] as const,
  );
  await restorer.restoreBatches('job-w-changelog', { fetchOffset: 0, batches: [batchOf(0, records)], nextOffset: 4 });
  await restorer.finish();
  expect(stores.streamTimeMs('w')).toBe(35);
  (stores.store('w') as WindowStore).expireBefore(20);
  await stores.commit(new Map());
  expect(await storage.scanPage({ gte: Uint8Array.of(0x10) })).toHaveLength(2);
});

test("a table's topic that others write: keys are found however they were encoded, what can't be read is left out", async () => {
  const stores = await openTaskStores({
    storage: await createMemoryEngine().open('task'),
    specs: [keyValueSpec('s', { key: json, ownChangelog: false, changelog: 'airports' })],
  });
  const builder = new BatchBuilder({});
  builder.append(5, bytes('{ "iata": "DFW" }'), bytes('{"city":"Dallas"}'));
  builder.append(5, bytes('{"iata":"ORD"}'), bytes('poison'));
  builder.append(5, bytes('poison'), bytes('1'));
  const restorer = createRestorer({ stores, cursor: new RecordCursor() });
  await restorer.restoreBatches('airports', {
    fetchOffset: 0,
    batches: [builder.build({ baseOffset: 0 })],
    nextOffset: 3,
  });
  await restorer.finish();
  const store = stores.store('s') as KeyValueStore;
  expect(store.get({ iata: 'DFW' })).toEqual({ value: { city: 'Dallas' }, timestampMs: 5 });
  expect(store.get({ iata: 'ORD' })).toBeUndefined();
});

test('a look at what is being restored right now hides it no longer than until it is written', async () => {
  const inner = await createMemoryEngine().open('task');
  const store = (open: Awaited<ReturnType<typeof openTaskStores>>) => open.store('s') as KeyValueStore;
  let whileWriting: (() => void) | null = null;
  const storage = Object.assign(Object.create(inner) as typeof inner, {
    async write(...given: Parameters<typeof inner.write>) {
      whileWriting?.();
      await inner.write(...given);
      whileWriting?.();
    },
  });
  const stores = await openTaskStores({ storage, specs: [keyValueSpec('s')] });
  for (const value of ['1', '2', null]) {
    whileWriting = () => void store(stores).get('a');
    stores.restore('job-s-changelog', bytes('a'), value === null ? null : stamp(1, bytes(value)), 1);
    await stores.flushRestored(new Map([['job-s-changelog', 1]]));
    whileWriting = null;
    expect(store(stores).get('a')?.value).toBe(value === null ? undefined : Number(value));
  }
});

// A task's stores against Maps: random records, commits, and crashes that lose a part of what was written. The changelog
// is an array and a transaction covers it together with the input's position, so each record must count exactly once.
import { expect, test } from 'vitest';
import { type Random, seededRandom } from '../../core/kernel/random.ts';
import type { KeyValueStore, TaskStores, WindowStore } from '../../runtime/state/store.ts';
import { openTaskStores } from '../../runtime/state/task-stores.ts';
import { createFaultyEngine } from '../support/faulty-storage.ts';
import { json, keyValueSpec, windowSpec } from '../support/store-specs.ts';

const specs = [
  keyValueSpec('s', { key: json }),
  windowSpec('w', { window: { kind: 'hopping', sizeMs: 20, advanceMs: 10, graceMs: 0 } }),
];
const changelogs = specs.map(({ changelog }) => changelog);

interface Logged {
  readonly key: Uint8Array;
  readonly value: Uint8Array | null;
  readonly timestampMs: number;
}

interface InputRecord {
  readonly key: string | number | readonly number[];
  readonly delete: boolean;
  readonly timestampMs: number;
}

const anyKey = (random: Random): InputRecord['key'] =>
  [`k${random.integer(12)}`, '', random.integer(4), [random.integer(3)]][random.integer(4)]!;

/** What a step does with a record; run on the stores, and on Maps. */
interface State {
  get(key: string): number | undefined;
  set(key: string, count: number, timestampMs: number): void;
  delete(key: string, timestampMs: number): void;
  getWindow(key: string, startMs: number): number | undefined;
  setWindow(key: string, startMs: number, count: number, timestampMs: number): void;
  streamTimeMs: number;
  expireBefore(startMs: number): void;
}

function apply(state: State, record: InputRecord): void {
  const key = JSON.stringify(record.key);
  if (record.delete) state.delete(key, record.timestampMs);
  else state.set(key, (state.get(key) ?? 0) + 1, record.timestampMs);
  state.streamTimeMs = Math.max(state.streamTimeMs, record.timestampMs);
  for (let startMs = Math.floor(record.timestampMs / 10) * 10; startMs > record.timestampMs - 20; startMs -= 10) {
    if (startMs < 0 || startMs + 20 <= state.streamTimeMs) continue;
    state.setWindow(key, startMs, (state.getWindow(key, startMs) ?? 0) + 1, record.timestampMs);
  }
  state.expireBefore(state.streamTimeMs - 60);
}

interface Model extends State {
  readonly entries: Map<string, { count: number; timestampMs: number }>;
  readonly windows: Map<string, { key: string; startMs: number; count: number; timestampMs: number }>;
}

function createModel(): Model {
  const entries: Model['entries'] = new Map();
  const windows: Model['windows'] = new Map();
  return {
    entries,
    windows,
    streamTimeMs: -1,
    get: (key) => entries.get(key)?.count,
    set: (key, count, timestampMs) => void entries.set(key, { count, timestampMs }),
    delete: (key) => void entries.delete(key),
    getWindow: (key, startMs) => windows.get(`${startMs} ${key}`)?.count,
    setWindow: (key, startMs, count, timestampMs) =>
      void windows.set(`${startMs} ${key}`, { key, startMs, count, timestampMs }),
    expireBefore(startMs) {
      for (const [id, window] of windows) if (window.startMs < startMs) windows.delete(id);
    },
  };
}

function stateOf(stores: TaskStores): State {
  const store = stores.store('s') as KeyValueStore;
  const windows = stores.store('w') as WindowStore<string, number>;
  return {
    get: (key) => store.get(JSON.parse(key))?.value.count,
    set(key, count, timestampMs) {
      // Changed in place, as user code may, and put again.
      const accumulator = store.get(JSON.parse(key))?.value ?? {};
      accumulator.count = count;
      store.put(JSON.parse(key), accumulator, timestampMs);
    },
    delete: (key, timestampMs) => store.delete(JSON.parse(key), timestampMs),
    getWindow: (key, startMs) => windows.get(key, startMs)?.value,
    setWindow: (key, startMs, count, timestampMs) => windows.put(key, startMs, count, timestampMs),
    get streamTimeMs() {
      return stores.streamTimeMs('w') ?? -1;
    },
    set streamTimeMs(timeMs) {
      stores.setStreamTimeMs('w', timeMs);
    },
    expireBefore: (startMs) => windows.expireBefore(startMs),
  };
}

async function expectSame(stores: TaskStores, model: Model): Promise<void> {
  const found = new Map<string, unknown>();
  for await (const [key, { value, timestampMs }] of stores.query('s').all())
    found.set(JSON.stringify(key), { count: value.count, timestampMs });
  expect(found).toEqual(model.entries);
  const windows = [];
  for await (const [{ key, startMs }, { value, timestampMs }] of stores.query('w').all())
    windows.push({ key, startMs, count: value, timestampMs });
  expect(windows).toEqual(
    [...model.windows.values()].sort((a, b) => a.startMs - b.startMs || (a.key < b.key ? -1 : 1)),
  );
  for (const { key, startMs, count } of model.windows.values())
    expect(stores.store('w').get(key, startMs)?.value).toBe(count);
  for (const [key, { count }] of model.entries)
    expect(stores.store('s').get(JSON.parse(key), 0)?.value.count).toBe(count);
}

test.each(Array.from({ length: 60 }, (_, i) => i + 1))(
  'a task that crashes ends with the state of one that never did, seed %i',
  async (seed) => {
    const random = seededRandom(seed);
    let clockMs = 0;
    const input: InputRecord[] = Array.from({ length: 400 }, () => {
      clockMs += random.integer(6);
      return {
        key: anyKey(random),
        delete: random.integer(6) === 0,
        timestampMs: Math.max(0, clockMs - random.integer(30)),
      };
    });
    const engine = createFaultyEngine();
    const log = new Map<string, Logged[]>(changelogs.map((topic) => [topic, []]));
    let committedInput = 0;
    const model = createModel();
    let modelled = 0;

    async function start(): Promise<TaskStores> {
      const storage = await engine.open('task');
      const stores = await openTaskStores({ storage, specs, cacheBytesMax: seed % 2 === 0 ? 5_000 : 1 << 20 });
      for (const topic of changelogs) {
        const records = log.get(topic)!;
        const from = stores.checkpoint(topic) ?? 0;
        expect(from, 'state is never ahead of the log').toBeLessThanOrEqual(records.length);
        const halfway = from + random.integer(records.length - from + 1);
        for (let offset = from; offset < records.length; offset++) {
          const { key, value, timestampMs } = records[offset]!;
          stores.restore(topic, key, value, timestampMs);
          if (offset + 1 === halfway) await stores.flushRestored(new Map([[topic, offset + 1]]));
        }
        await stores.flushRestored(new Map([[topic, records.length]]));
      }
      return stores;
    }

    let stores = await start();
    let position = 0;
    for (let steps = 0; committedInput < input.length && steps < 5_000; steps++) {
      const state = stateOf(stores);
      const until = Math.min(input.length, position + random.integer(40));
      for (; position < until; position++) apply(state, input[position]!);

      const some = () => {
        const ahead = Math.min(input.length, position + random.integer(5));
        for (; position < ahead; position++) apply(state, input[position]!);
      };
      /** What a drain gave, until its transaction ends. */
      let transaction: [string, Logged][] = [];
      let drainedTo = position;
      const drain = () => {
        stores.drainChanges((topic, key, value, timestampMs) =>
          transaction.push([topic, { key: key.slice(), value: value?.slice() ?? null, timestampMs }]),
        );
        drainedTo = position;
      };
      const endTransaction = () => {
        for (const [topic, record] of transaction) log.get(topic)!.push(record);
        transaction = [];
        committedInput = drainedTo;
        for (; modelled < committedInput; modelled++) apply(model, input[modelled]!);
      };
      const checkpoints = () => new Map(changelogs.map((topic) => [topic, log.get(topic)!.length]));

      drain();
      const crashAt = random.integer(10);
      if (crashAt > 0) {
        some();
        endTransaction();
      }
      if (crashAt > 1) {
        some();
        const held = crashAt === 2 || crashAt >= 7;
        if (held) engine.hold();
        const committed = stores.commit(checkpoints(), !held && random.integer(3) > 0 ? 'later' : 'now');
        // The task goes on while the write is under way, and so does the next transaction.
        some();
        if (crashAt >= 7) {
          drain();
          some();
          if (crashAt > 7) endTransaction();
          engine.letThrough();
        }
        if (crashAt > 2) await committed;
        if (crashAt === 5) await expectSame(stores, advanced(model, input.slice(modelled, position)));
        if (crashAt > 7) {
          some();
          await stores.commit(checkpoints(), random.integer(2) > 0 ? 'later' : 'now');
        } else if (crashAt === 7) {
          // Its transaction never ended.
          stores.discard();
          position = committedInput;
          stateOf(stores).expireBefore(model.streamTimeMs - 60);
          stateOf(stores).streamTimeMs = model.streamTimeMs;
          await expectSame(stores, model);
        }
      }
      if (crashAt === 6 && random.integer(2) > 0) {
        await stores.close();
        stores = await start();
        position = committedInput;
        stateOf(stores).expireBefore(model.streamTimeMs - 60);
        await expectSame(stores, model);
      }
      if (crashAt < 4) {
        await engine.crash({ keepUnsynced: random.integer(3) === 0 ? random.integer(4) : 'all' });
        if (random.integer(8) === 0) await engine.destroy('task');
        stores = await start();
        position = committedInput;
        stateOf(stores).expireBefore(model.streamTimeMs - 60);
        await expectSame(stores, model);
      }
    }
    expect(modelled).toBe(input.length);
  },
);

/** The model after some more records, without changing it. */
function advanced(model: Model, records: readonly InputRecord[]): Model {
  const copy = createModel();
  for (const [key, entry] of model.entries) copy.entries.set(key, entry);
  for (const [id, window] of model.windows) copy.windows.set(id, window);
  copy.streamTimeMs = model.streamTimeMs;
  for (const record of records) apply(copy, record);
  return copy;
}

// The stores of a processor as its code sees them: plain values, stamped here with the time at hand. Entries of windows and
// sessions leave one by one when stream time has passed them, since no aggregation decides for them.
// biome-ignore-all lint/suspicious/noExplicitAny: erased, as the plan is
import type { Windowed } from '../../core/schema/windowed-key.ts';
import type { KeyValueState, SessionState, WindowState } from '../../dsl/process-stores.ts';
import type { KeyValueStore, Stamped, StoreQuery, WindowStore } from '../state/store.ts';
import type { StreamTime } from '../task/stream-time.ts';
import type { StepOf, StepParts } from './step.ts';

type StepStore = StepOf<'process'>['stores'][number];

export interface StateParts extends Pick<StepParts, 'stores'> {
  readonly time: StreamTime;
  /** What a put is stamped with. */
  readonly nowMs: () => number;
}

export interface ProcessState {
  /** By the names that the code has for them. */
  readonly stores: Readonly<Record<string, unknown>>;
  /** Lets go of what is older than it is kept. Called when stream time has moved. */
  expire(): void;
}

export function openProcessState(declared: readonly StepStore[], parts: StateParts): ProcessState {
  const opened = declared.map((store) => ({ name: store.name, ...openState(store, parts) }));
  const expiring = opened.flatMap(({ expire }) => (expire === null ? [] : [expire]));
  return {
    stores: Object.fromEntries(opened.map(({ name, state }) => [name, state])),
    expire() {
      for (const expire of expiring) expire();
    },
  };
}

function openState({ store: name, kind, window }: StepStore, parts: StateParts) {
  const store = parts.stores.store(name);
  const query = parts.stores.query(name);
  if (window === null) return { state: keyValueState(store as KeyValueStore, query, parts), expire: null };
  const windows = store as WindowStore;
  const { open } = windows;
  const state =
    kind === 'session'
      ? sessionState(windows, query, parts, window.graceMs)
      : windowState(windows, query, parts, window);
  return {
    state,
    expire() {
      for (const { key, startMs } of open.takeUntil(parts.time.nowMs - window.graceMs)) windows.delete(key, startMs);
    },
  };
}

async function* plain<K>(rows: AsyncIterable<[K, Stamped<any>]>): AsyncIterable<readonly [K, any]> {
  for await (const [key, { value }] of rows) yield [key, value];
}

function keyValueState(store: KeyValueStore, query: StoreQuery, { nowMs }: StateParts): KeyValueState<any, any> {
  return {
    get: (key) => store.get(key)?.value,
    put: (key, value) => store.put(key, value, nowMs()),
    delete: (key) => store.delete(key, nowMs()),
    all: () => plain(query.all()),
    range: (from, to) => plain(query.range(from, to)),
  };
}

function windowState(
  store: WindowStore,
  query: StoreQuery,
  { time, nowMs }: StateParts,
  window: NonNullable<StepStore['window']>,
): WindowState<any, any> {
  const keptMs = window.graceMs + (window.kind === 'tumbling' ? window.sizeMs : 0);
  return {
    get: (key, startMs) => store.get(key, startMs)?.value,
    put(key, startMs, value) {
      if (startMs + keptMs > time.nowMs) store.put(key, startMs, value, nowMs());
    },
    delete: (key, startMs) => store.delete(key, startMs, nowMs()),
    fetch: (key, fromMs, toMs) =>
      [...store.fetch(key, fromMs, toMs)].map(([startMs, { value }]) => [startMs, value] as const),
    all: () => plain(query.all() as AsyncIterable<[Windowed<any>, Stamped<any>]>),
  };
}

/** The stamp of a session is its end. */
function sessionState(
  store: WindowStore,
  query: StoreQuery,
  { time }: StateParts,
  keepMs: number,
): SessionState<any, any> {
  return {
    find: (key, fromMs, toMs) =>
      store.open
        .of(key)
        .filter(({ startMs, endMs }) => endMs >= fromMs && startMs <= toMs)
        .flatMap(({ startMs, endMs }) => {
          const stored = store.get(key, startMs);
          return stored === undefined ? [] : [[{ key, startMs, endMs }, stored.value] as const];
        }),
    put({ key, startMs, endMs }, value) {
      if (endMs + keepMs > time.nowMs) store.put(key, startMs, value, endMs);
    },
    delete: ({ key, startMs, endMs }) => store.delete(key, startMs, endMs),
    all: () => plain(query.all() as AsyncIterable<[Windowed<any>, Stamped<any>]>),
  };
}

// The state stores of a processor: as a program declares them, and as its functions use them. Data and types only.
import type { Duration } from '../core/kernel/duration.ts';
import { durationMs } from '../core/kernel/duration.ts';
import { Fault } from '../core/kernel/fault.ts';
import { utf8 } from '../core/schema/primitive.ts';
import type { Serde } from '../core/schema/serde.ts';
import type { Windowed } from '../core/schema/windowed-key.ts';
import type { ProcessStore } from './plan.ts';

declare const contents: unique symbol;

/** A store that is declared: what `process()` makes of it is an `S`. */
export interface StoreDeclaration<out S> {
  readonly store: Omit<ProcessStore, 'name'>;
  readonly [contents]: S;
}

/** A value for each key. Keys are the same when their encoded bytes are. */
export interface KeyValueState<in out K, in out V> {
  get(key: K): V | undefined;
  /** The store keeps the value it is given, not a copy: put again what was changed in place. */
  put(key: K, value: V): void;
  delete(key: K): void;
  /** For timers: every entry, in the order of encoded keys, as the store was when it began. */
  all(): AsyncIterable<readonly [K, V]>;
  /** As `all()`, from one key to another, both inclusive. */
  range(from: K, to: K): AsyncIterable<readonly [K, V]>;
}

/** A value for each key and start of a window. Windows may start at any time, and leave once they are older than `keep`. */
export interface WindowState<in out K, in out V> {
  get(key: K, startMs: number): V | undefined;
  /** Does nothing for a window that would have left already. */
  put(key: K, startMs: number, value: V): void;
  delete(key: K, startMs: number): void;
  /** The windows of a key that start from `fromMs` to `toMs`, both inclusive, earliest first. */
  fetch(key: K, fromMs: number, toMs: number): readonly (readonly [startMs: number, V])[];
  /** For timers: every window, by start, as the store was when it began. */
  all(): AsyncIterable<readonly [Windowed<K>, V]>;
}

/** A value for each key and span of time. Spans leave once their end is older than `keep`. */
export interface SessionState<in out K, in out V> {
  /** The sessions of a key that have something of the time from `fromMs` to `toMs`, both inclusive, earliest first. */
  find(key: K, fromMs: number, toMs: number): readonly (readonly [Windowed<K>, V])[];
  /** Replaces the session of that key and start. Does nothing for one that would have left already. */
  put(session: Windowed<K>, value: V): void;
  delete(session: Windowed<K>): void;
  /** For timers: every session, by start, as the store was when it began. */
  all(): AsyncIterable<readonly [Windowed<K>, V]>;
}

interface KeyOption<K> {
  /** How keys are written. Default `utf8`. */
  readonly key?: Serde<K>;
}

interface KeepOption {
  /** How long after its end an entry stays, in stream time of the processor. */
  readonly keep: Duration;
}

/**
 * Declares a store of one value a key for `process()`.
 *
 * @param value how values are written to store and changelog
 * @example
 * const seen = keyValueStore(safeInt64);
 */
export function keyValueStore<V, K = string>(
  value: Serde<V>,
  { key }: KeyOption<K> = {},
): StoreDeclaration<KeyValueState<NoInfer<K>, V>> {
  return declared({ kind: 'keyValue', key: key ?? utf8, value, window: null });
}

/**
 * Declares a store of one value a key and window for `process()`. Keys and times of its windows are in memory, about a
 * hundred bytes each.
 *
 * @throws Fault `BAD_DURATION`, or `BAD_WINDOW` for a size of nothing
 * @example
 * const perMinute = windowStore(safeInt64, { size: '1 minute', keep: '1 hour' });
 */
export function windowStore<V, K = string>(
  value: Serde<V>,
  { key, size, keep }: KeyOption<K> & KeepOption & { readonly size: Duration },
): StoreDeclaration<WindowState<NoInfer<K>, V>> {
  const sizeMs = durationMs(size);
  if (sizeMs < 1) throw new Fault('BAD_WINDOW', { reason: `size must be 1 ms or more, not '${size}'` });
  return declared({
    kind: 'window',
    key: key ?? utf8,
    value,
    window: { kind: 'tumbling', sizeMs, graceMs: durationMs(keep) },
  });
}

/**
 * Declares a store of one value a key and span of time for `process()`. Keys and times of its sessions are in memory,
 * about a hundred bytes each.
 *
 * @throws Fault `BAD_DURATION`
 * @example
 * const visits = sessionStore(json<{ pages: number }>(), { keep: '1 hour' });
 */
export function sessionStore<V, K = string>(
  value: Serde<V>,
  { key, keep }: KeyOption<K> & KeepOption,
): StoreDeclaration<SessionState<NoInfer<K>, V>> {
  return declared({
    kind: 'session',
    key: key ?? utf8,
    value,
    window: { kind: 'session', gapMs: 0, graceMs: durationMs(keep) },
  });
}

const declared = <S>(store: Omit<ProcessStore, 'name'>): StoreDeclaration<S> =>
  ({ store }) as unknown as StoreDeclaration<S>;

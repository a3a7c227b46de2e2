// process: the way out. A person's own code over the records of a stream, with stores, timers and outputs of its own.
import type { Duration } from '../../core/kernel/duration.ts';
import { durationMs } from '../../core/kernel/duration.ts';
import { Fault } from '../../core/kernel/fault.ts';
import type { Serde } from '../../core/schema/serde.ts';
import type { ProcessNode, ProcessTimer, RecordContext } from '../plan.ts';
import type { StoreDeclaration } from '../process-stores.ts';
import type { KStream, Op, Sink } from '../stage.ts';
import { sinkOf, streamOf } from '../stage.ts';

declare const facts: unique symbol;
declare const kept: unique symbol;

/** The key of an output that has the key of the stream. */
export interface KeptKey {
  readonly [kept]: true;
}

/** One output of a processor. */
export interface Emits<out V, out K = KeptKey> {
  readonly key: Serde<unknown> | null;
  readonly [facts]: { readonly value: V; readonly key: K };
}

/**
 * Declares an output of `process()` and the type of its values. Without a serde its records have the keys of the stream;
 * with one they have keys of their own, and what groups or joins them repartitions first.
 *
 * @example
 * const alarms = emits<{ text: string }>();
 * const byShop = emits<{ amount: number }, bigint>({ key: int64 });
 */
export function emits<V>(): Emits<V>;
export function emits<V, K>(options: { readonly key: Serde<K> }): Emits<V, K>;
export function emits<V, K>(options?: { readonly key: Serde<K> }): Emits<V, K> {
  return { key: options?.key ?? null } as unknown as Emits<V, K>;
}

/** What `forward()` may say of a record besides its value. */
export interface ForwardOptions {
  /** Event time in milliseconds. Default: that of the record at hand; in a timer the time that it is given. */
  readonly timestampMs?: number;
  /** Default: those of the record at hand; none in a timer. */
  readonly headers?: RecordContext['headers'];
}

/** Sends one record on, at once: what comes after it is done with it when this returns. */
export type ForwardTo<K, E> =
  E extends Emits<infer V, infer L>
    ? [L] extends [KeptKey]
      ? (
          value: V,
          options?: ForwardOptions & {
            /** Default: that of the record at hand. A timer has none and must say it: a key that came to this processor. */
            readonly key?: K;
          },
        ) => void
      : (value: V, options: ForwardOptions & { readonly key: L }) => void
    : never;

type AnyEmits = Emits<unknown, unknown>;
type NamedOutputs = { readonly [name: string]: AnyEmits };
type Timer = { readonly streamTime: Duration } | { readonly wallClock: Duration };

/** What a processor has, besides its code. */
export interface ProcessDeclaration {
  /** State, by the name that the code has for it: any number of `keyValueStore()`, `windowStore()` and `sessionStore()`. */
  readonly stores?: { readonly [name: string]: StoreDeclaration<unknown> };
  /** `emits<V>()`, or several by name. Left out: the processor is an end, and goes into `job()`. */
  readonly outputs?: AnyEmits | NamedOutputs;
  /**
   * Timers by name. `{ streamTime: '1 minute' }`: when stream time has come to another multiple of it, after the record
   * that moved time, and first at the first record; once more when a job of bounded sources ends. `{ wallClock: '1
   * minute' }`: so often by the clock on the wall, first after that time. Several that were missed are one. Both go on
   * over a restart where they were, also on another machine.
   */
  readonly every?: { readonly [name: string]: Timer };
  /**
   * Timers by name that are set for a key and go off once, at a time: `once.<name>.set(key, whenMs)`. 'streamTime': after
   * the record with which stream time has come to it; all that are set when a job of bounded sources ends. 'wallClock': by
   * the clock on the wall. Over a restart too, also on another machine. Keys and times are in memory, about a hundred bytes
   * each.
   */
  readonly once?: { readonly [name: string]: 'streamTime' | 'wallClock' };
}

type StoresIn<D> = D extends { readonly stores: infer S }
  ? { readonly [Name in keyof S]: S[Name] extends StoreDeclaration<infer Store> ? Store : never }
  : Record<never, never>;

type ForwardIn<K, D> = D extends { readonly outputs: infer O }
  ? O extends AnyEmits
    ? ForwardTo<K, O>
    : { readonly [Name in keyof O]: ForwardTo<K, O[Name]> }
  : Record<never, never>;

/** A timer of a processor for each key. */
export interface OnceTimer<in K> {
  /** Instead of the time that it was set for before, if it was. A time that has come goes off after the record at hand. */
  set(key: K, whenMs: number): void;
  clear(key: K): void;
  /** The time that it is set for. */
  get(key: K): number | undefined;
}

/** What a processor has at hand, made once for each partition. */
export interface ProcessContext<K, D> {
  readonly stores: StoresIn<D>;
  /** To the one output, or to each by its name. */
  readonly forward: ForwardIn<K, D>;
  readonly once: D extends { readonly once: infer T }
    ? { readonly [Name in keyof T]: OnceTimer<K> }
    : Record<never, never>;
  /** The highest event time that has come here, in milliseconds; -1 before the first record. It survives a restart. */
  streamTimeMs(): number;
  /** Milliseconds since the epoch, by the clock on the wall. */
  wallClockMs(): number;
}

/** Called once a record. Not asynchronous: what waits belongs into `mapAsync()` or a timer. */
export type RecordHandler<K, V> = (value: V, record: RecordContext<K>) => void;

/** Called when its time has come; the processor takes no record until its promise is settled. */
export type TimerHandler = (nowMs: number) => void | Promise<unknown>;

/** Called when the timer of a key goes off, with the time that it was set for; as a `TimerHandler`. */
export type OnceHandler<K> = (key: K, whenMs: number) => void | Promise<unknown>;

/** What the setup of a processor gives: the function for its records, or with timers all functions by name. */
export type Handlers<K, V, D> = D extends { readonly every: unknown } | { readonly once: unknown }
  ? { readonly process: RecordHandler<K, V> } & EveryIn<D> & OnceIn<K, D>
  : RecordHandler<K, V>;

type EveryIn<D> = D extends { readonly every: infer T }
  ? { readonly every: { readonly [Name in keyof T]: TimerHandler } }
  : unknown;
type OnceIn<K, D> = D extends { readonly once: infer T }
  ? { readonly once: { readonly [Name in keyof T]: OnceHandler<K> } }
  : unknown;

type KeyOf<K, L> = [L] extends [KeptKey] ? K : L;
type StreamOf<K, E> = E extends Emits<infer V, infer L> ? KStream<KeyOf<K, L>, V> : never;

/** A stream for one output, streams by name for several, an end for none. */
export type Processed<K, D> = D extends { readonly outputs: infer O }
  ? O extends AnyEmits
    ? StreamOf<K, O>
    : { readonly [Name in keyof O]: StreamOf<K, O[Name]> }
  : Sink;

/**
 * Runs your own code over the records of a stream (Kafka Streams' Processor API): with any number of stores, timers by
 * stream time and wall clock, and outputs by name. What none of the other operators can say.
 *
 * `setup` is called once for each partition when its task starts, and gives the function that takes the records (and
 * those of the timers). It sees key, time, headers, topic, partition and offset of a record in its context, which is valid
 * during the call. Stores named `<name>-<store>` have their changelogs and are committed with the records; behind
 * `selectKey()` a stream is repartitioned first where there are any. A store's entries are walked over in timers only,
 * since that waits for the disk.
 *
 * A timer of a key is for what should have come, and has not: an order that was not paid within an hour.
 *
 * What a function throws goes to the job's `onError.process`; what it forwarded before that is gone on, what it put stays.
 *
 * @param name of the operator and its state, unique in the job
 * @throws Fault `BAD_OPERATOR` for a declaration that can't be. While it runs: `FORWARD_OUTSIDE`
 * @example
 * const orders = topic('orders', json<{ amount: number }>());
 * const { large, quiet } = orders.pipe(
 *   process(
 *     'watch',
 *     {
 *       stores: { last: keyValueStore(safeInt64) },
 *       outputs: { large: emits<{ amount: number }>(), quiet: emits<string>() },
 *       every: { look: { streamTime: '1 hour' } },
 *     },
 *     ({ stores, forward }) => ({
 *       process(order, { key, timestampMs }) {
 *         stores.last.put(key, timestampMs);
 *         if (order.amount > 1_000) forward.large(order);
 *       },
 *       every: {
 *         async look(nowMs) {
 *           for await (const [key, lastMs] of stores.last.all()) {
 *             if (nowMs - lastMs > 86_400_000) forward.quiet('nothing for a day', { key });
 *           }
 *         },
 *       },
 *     }),
 *   ),
 * );
 */
export function process<K, V, const D extends ProcessDeclaration>(
  name: string,
  declaration: D,
  setup: (context: ProcessContext<K, D>) => Handlers<K, V, D>,
): Op<KStream<K, V>, Processed<K, D>> {
  return processor(name, declaration, setup, false);
}

/** For operators that are made of a processor: `needsKey` drops and counts records without a key. */
export function processor<K, V, const D extends ProcessDeclaration>(
  name: string,
  declaration: D,
  setup: (context: ProcessContext<K, D>) => Handlers<K, V, D>,
  needsKey: boolean,
): Op<KStream<K, V>, Processed<K, D>> {
  const stores = Object.entries(declaration.stores ?? {}).map(([local, { store }]) => ({
    name: local,
    ...store,
  }));
  const timers = Object.entries(declaration.every ?? {}).map(([timer, given]) => timerOf(timer, given));
  const once = Object.entries(declaration.once ?? {}).map(([timer, by]): ProcessNode['once'][number] => ({
    name: timer,
    time: by === 'streamTime' ? 'stream' : 'wall',
  }));
  const { outputs } = declaration;
  const one = outputs === undefined ? null : isOne(outputs) ? outputs : null;
  const named = outputs === undefined || one !== null ? [] : Object.entries(outputs as NamedOutputs);
  return ({ node }) => {
    const processor: ProcessNode = {
      kind: 'process',
      parent: node,
      name,
      stores,
      timers,
      once,
      outputs: named.map(([output]) => output),
      needsKey,
      setup: setup as ProcessNode['setup'],
    };
    const streamFor = (output: string | null, { key }: AnyEmits) =>
      streamOf<unknown, unknown>({ kind: 'processOutput', parent: processor, output, key });
    const result =
      one !== null
        ? streamFor(null, one)
        : outputs === undefined
          ? sinkOf({ kind: 'processSink', parent: processor })
          : Object.fromEntries(named.map(([output, given]) => [output, streamFor(output, given)]));
    return result as Processed<K, D>;
  };
}

/** An output's `key` is a serde or null, and a name's is an output. */
const isOne = (outputs: AnyEmits | NamedOutputs): outputs is AnyEmits =>
  'key' in outputs && (outputs.key === null || !('key' in outputs.key));

function timerOf(name: string, given: Timer): ProcessTimer {
  const [time, every] =
    'streamTime' in given ? (['stream', given.streamTime] as const) : (['wall', given.wallClock] as const);
  const everyMs = durationMs(every);
  if (everyMs < 1) {
    throw new Fault('BAD_OPERATOR', { operator: 'process', reason: `timer '${name}' must be 1 ms or more apart` });
  }
  return { name, time, everyMs };
}

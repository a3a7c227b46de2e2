// Topics as a program names them: a topic is a stream to read and a place to write to, a table is a topic of which the
// newest value of each key counts. Declares only; topics are made when a job starts.
import type { Duration } from '../core/kernel/duration.ts';
import { durationMs } from '../core/kernel/duration.ts';
import { Fault } from '../core/kernel/fault.ts';
import { utf8 } from '../core/schema/primitive.ts';
import type { Serde } from '../core/schema/serde.ts';
import type { RecordContext, TopicSpec } from './plan.ts';
import type { Destination, KStream, KTable } from './stage.ts';
import { streamOf, tableOf } from './stage.ts';

declare const contents: unique symbol;

/** A topic of the person's own that a view can show. */
export interface Viewable<out K, out V> {
  readonly topic: TopicSpec;
  readonly [contents]: { readonly key: K; readonly value: V };
}

/** A topic: a stream when read, a destination when written. */
export interface Topic<in out K, in out V> extends KStream<K, V>, Destination<K, V | null>, Viewable<K, V> {}

/** A topic read as a table; a destination as well. */
export interface TableTopic<in out K, in out V> extends KTable<K, V>, Destination<K, V | null>, Viewable<K, V> {}

/** A topic of which every process of a job has all rows; a destination as well. For `joinGlobal()` alone. */
export interface GlobalTable<in out K, in out V> extends Destination<K, V | null>, Viewable<K, V> {
  readonly kind: 'globalTable';
}

/** Settings of a topic. All but `key`, `timestamp` and `tombstones` are used when the job makes the topic. */
export interface TopicOptions<K, V> {
  /** How keys are written. Default `utf8`; `noKey` where records have none. */
  readonly key?: Serde<K>;
  /** Checked against the topic where it is there already. Default: the cluster's `num.partitions`. */
  readonly partitions?: number;
  /** Default: the cluster's `default.replication.factor`. */
  readonly replicationFactor?: number;
  /** How long records are kept (`retention.ms`). Default: the cluster's; a table's is 'forever'. */
  readonly retention?: Duration | 'forever';
  /** Kafka's `cleanup.policy`. Default 'delete' for a topic, 'compact' for a table. */
  readonly cleanup?: 'delete' | 'compact' | 'compact,delete';
  /** More of Kafka's topic settings by their names; they win over the options above. */
  readonly config?: Readonly<Record<string, string>>;
  /** Event time of a record in milliseconds, instead of the timestamp it carries. */
  readonly timestamp?: (value: V, context: RecordContext<K>) => number;
  /**
   * What happens to a record without a value (null bytes) that is read as a stream. 'drop', the default: functions of
   * yours never meet it; a plain copy (`a.to(b)`) and `toTable()` straight behind the topic still do what it says.
   * 'pass': it comes as null, and the value's type says so.
   */
  readonly tombstones?: 'drop' | 'pass';
}

/** Settings of a topic that is read as a table. */
export interface TableOptions<K, V> extends Omit<TopicOptions<K, V>, 'tombstones'> {
  /**
   * Keeps earlier rows for that long, in event time back from the latest record: a stream that joins the table meets the
   * row of the record's own time. An update that comes out of order takes its place in the history and changes nothing
   * else; one that is older than the history is dropped and counted as late. Default: only the newest row is kept, and
   * updates count in the order of offsets.
   */
  readonly versioned?: Duration;
}

// In the results NoInfer: the key's type comes from its serde alone, never from the stream that is written to the topic.

/**
 * Declares a topic: `orders.pipe(…)` reads it, `stream.to(orders)` writes it.
 *
 * Declare a topic once and use the constant: two declarations of one name that differ are an issue of `compile`.
 * Records without a key have the key null, whatever the type says.
 *
 * @param name Kafka's rules: letters, digits, '.', '_', '-', at most 249
 * @param value how values are written
 * @throws Fault `BAD_TOPIC` for settings that can't be
 * @example
 * const orders = topic('orders', json<{ id: string; amount: number }>(), { partitions: 4, retention: '7 days' });
 */
export function topic<V, K = string>(
  name: string,
  value: Serde<V>,
  options: TopicOptions<K, V> & { readonly tombstones: 'pass' },
): Topic<NoInfer<K>, V | null>;
export function topic<V, K = string>(name: string, value: Serde<V>, options?: TopicOptions<K, V>): Topic<NoInfer<K>, V>;
export function topic<V, K = string>(name: string, value: Serde<V>, options: TopicOptions<K, V> = {}): Topic<K, V> {
  const spec: TopicSpec = { ...specOf(name, value, options, {}), tombstones: options.tombstones ?? 'drop' };
  return { ...streamOf<K, V>({ kind: 'topicSource', topic: spec }), topic: spec } as unknown as Topic<K, V>;
}

/**
 * Declares a topic that is read as a table: the newest value of each key, kept in a state store named after the topic.
 * The topic is its own changelog. A null value deletes the row.
 *
 * Compacted and kept for ever by default. Where a bounded source of the same job fills it, it is read to its end before
 * the streams that join it start, so that the answer is no race.
 *
 * @throws Fault `BAD_TOPIC` for settings that can't be, `BAD_DURATION`
 * @example
 * const airports = table('airports', json<{ iata: string; city: string }>(), { partitions: 4 });
 */
export function table<V, K = string>(
  name: string,
  value: Serde<V>,
  options: TableOptions<K, V> = {},
): TableTopic<NoInfer<K>, V> {
  const { versioned } = options;
  const history = versioned === undefined ? {} : { versionedMs: durationMs(versioned) };
  const spec = { ...specOf(name, value, options, { 'cleanup.policy': 'compact' }), ...history };
  const stage = tableOf<K, V, V | null>({ kind: 'tableSource', topic: spec });
  return { ...stage, topic: spec } as unknown as TableTopic<NoInfer<K>, V>;
}

/**
 * Declares a topic that every process of a job reads whole, as one table: for what is small and needed everywhere, looked
 * up by any key of the stream's values with `joinGlobal()`, whatever the partitions. It is read to its end before the job
 * begins, and followed afterwards; a change triggers nothing. Where a bounded source of the same job fills it, what looks
 * into it waits for the source.
 *
 * Compacted and kept for ever by default. A null value deletes the row; records that can't be read are passed over.
 *
 * @throws Fault `BAD_TOPIC` for settings that can't be
 * @example
 * const currencies = globalTable('currencies', json<{ code: string; perEuro: number }>());
 */
export function globalTable<V, K = string>(
  name: string,
  value: Serde<V>,
  options: Omit<TopicOptions<K, V>, 'tombstones'> = {},
): GlobalTable<NoInfer<K>, V> {
  const topic = specOf(name, value, options, { 'cleanup.policy': 'compact' });
  return { kind: 'globalTable', topic } as unknown as GlobalTable<NoInfer<K>, V>;
}

function specOf<K, V>(
  name: string,
  value: Serde<V>,
  options: TopicOptions<K, V>,
  defaults: Readonly<Record<string, string>>,
): TopicSpec {
  const { partitions, replicationFactor, retention, cleanup, timestamp } = options;
  for (const [what, count] of Object.entries({ partitions, replicationFactor })) {
    if (count !== undefined && (!Number.isInteger(count) || count < 1)) {
      throw new Fault('BAD_TOPIC', { topic: name, reason: `${what} must be a whole number from 1 up, not ${count}` });
    }
  }
  if (typeof value?.decode !== 'function' || typeof value.encode !== 'function') {
    throw new Fault('BAD_TOPIC', { topic: name, reason: 'the second argument must be a serde, for example json()' });
  }
  return {
    name,
    key: options.key ?? utf8,
    value,
    ...(partitions === undefined ? {} : { partitions }),
    ...(replicationFactor === undefined ? {} : { replicationFactor }),
    ...(timestamp === undefined ? {} : { timestampOf: timestamp as NonNullable<TopicSpec['timestampOf']> }),
    config: {
      ...defaults,
      ...(cleanup === undefined ? {} : { 'cleanup.policy': cleanup }),
      ...(retention === undefined
        ? {}
        : { 'retention.ms': retention === 'forever' ? '-1' : String(durationMs(retention)) }),
      ...options.config,
    },
  };
}

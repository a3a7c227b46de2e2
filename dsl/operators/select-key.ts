// selectKey: another key for the same value. The rule about serdes: a string key needs none and is written as plain
// UTF-8, the encoding every Kafka client uses, so that partitions agree; every other key brings its serde, because the
// partition depends on the bytes and a number has several encodings. The rule is in the types, hence known at compile.
import type { RecordContext } from '../plan.ts';
import type { KStream, Op } from '../stage.ts';
import { streamOf } from '../stage.ts';
import type { KeyOptions, KeyWithoutSerde } from '../type-error.ts';

/**
 * Gives each record another key. Where the stream is then grouped, joined or made a table, it goes through a
 * repartition topic first (`<job>-<name>-repartition`), so that records of one key meet; a stream used twice shares one.
 *
 * @param keyOf the key of a record. A record whose key is null stays in the stream, and is dropped and counted where
 * it would be repartitioned
 * @param options `key`: how the key is written; needed unless it is a string. `as`: names the repartition topic
 * @example
 * const orders = topic('orders', json<{ customer: string; shop: bigint }>());
 * orders.pipe(selectKey((order) => order.customer));
 * orders.pipe(selectKey((order) => order.shop, { key: int64 }));
 */
export function selectKey<K, V, L>(
  keyOf: (value: V, context: RecordContext<K>) => L & KeyWithoutSerde<L, 'selectKey'>,
  options?: { readonly as?: string },
): Op<KStream<K, V>, KStream<L, V>>;
export function selectKey<K, V, L>(
  keyOf: (value: V, context: RecordContext<K>) => L,
  options: KeyOptions<Exclude<L, null>> & { readonly key: unknown },
): Op<KStream<K, V>, KStream<L, V>>;
export function selectKey<K, V, L>(
  keyOf: (value: V, context: RecordContext<K>) => L,
  { key, as }: KeyOptions<Exclude<L, null>> = {},
): Op<KStream<K, V>, KStream<L, V>> {
  return ({ node }) =>
    streamOf({
      kind: 'selectKey',
      parent: node,
      keyOf: keyOf as (value: unknown) => unknown,
      key: key ?? null,
      as: as ?? null,
    });
}

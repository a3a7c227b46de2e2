// mapRecord: key, value and time in one go (Kafka Streams' map). It may change the key, so it marks the stream as rekeyed.
import type { RecordContext } from '../plan.ts';
import type { KStream, Op } from '../stage.ts';
import { streamOf } from '../stage.ts';
import type { KeyOptions, KeyWithoutSerde } from '../type-error.ts';

/** What `mapRecord()` makes of a record. */
export interface NewRecord<out K, out V> {
  readonly key: K;
  readonly value: V;
  /** Event time, milliseconds since the epoch. Default: the record's. */
  readonly timestampMs?: number;
}

/**
 * Replaces key and value, and the event time where it is given. Headers stay. The stream counts as rekeyed even where
 * the key comes out the same: write `map()` where only the value changes.
 *
 * @param options as for `selectKey()`: a key that is no string brings its serde
 * @example
 * topic('orders', json<{ shop: string; amount: number }>()).pipe(
 *   mapRecord((order) => ({ key: order.shop, value: order.amount })),
 * );
 */
export function mapRecord<K, V, L, W>(
  project: (value: V, context: RecordContext<K>) => NewRecord<L, W> & KeyOf<L>,
  options?: { readonly as?: string },
): Op<KStream<K, V>, KStream<L, W>>;
export function mapRecord<K, V, L, W>(
  project: (value: V, context: RecordContext<K>) => NewRecord<L, W>,
  options: KeyOptions<Exclude<L, null>> & { readonly key: unknown },
): Op<KStream<K, V>, KStream<L, W>>;
export function mapRecord<K, V, L, W>(
  project: (value: V, context: RecordContext<K>) => NewRecord<L, W>,
  { key, as }: KeyOptions<Exclude<L, null>> = {},
): Op<KStream<K, V>, KStream<L, W>> {
  return ({ node }) =>
    streamOf({
      kind: 'mapRecord',
      parent: node,
      project: project as (value: unknown) => { key: unknown; value: unknown },
      key: key ?? null,
      as: as ?? null,
    });
}

type KeyOf<L> = { readonly key: KeyWithoutSerde<L, 'mapRecord'> };

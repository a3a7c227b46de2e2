// cogroup: several grouped streams as one, to be aggregated together into one table.
import type { GroupedNode, StreamNode } from '../plan.ts';
import type { Grouped } from '../stage.ts';
import { groupedOf } from '../stage.ts';
import type { CogroupNotWindowed } from '../type-error.ts';

/** A record of a cogroup: which stream it is of, and its value. */
export type Cogrouped<V> = { readonly [Name in keyof V]: { readonly from: Name; readonly value: V[Name] } }[keyof V];

type KeyIn<S> = S[keyof S] extends Grouped<infer K, unknown, unknown> ? K : never;
type ValuesIn<S> = { readonly [Name in keyof S]: S[Name] extends Grouped<unknown, infer V, unknown> ? V : never };
type Unwindowed<S> = S[keyof S] extends Grouped<infer K, unknown, infer R> ? CogroupNotWindowed<K, R> : unknown;

/**
 * Groups several streams by one key, so that one aggregation, with one store, takes the records of all (Kafka Streams'
 * cogroup, KIP-150). What follows sees each record as `{ from, value }`, and may be any aggregation, in windows too.
 *
 * Topics that are grouped together need the same number of partitions and one way to write their keys; where a key was
 * chosen on the way all streams go through one repartition topic.
 *
 * @param streams grouped streams by the names that `from` will have
 * @example
 * const clicks = topic('clicks', json<{ page: string }>());
 * const orders = topic('orders', json<{ amount: number }>());
 * cogroup({ clicks: clicks.pipe(groupByKey()), orders: orders.pipe(groupByKey()) }).pipe(
 *   aggregate(
 *     () => ({ clicks: 0, spent: 0 }),
 *     (state, record) =>
 *       record.from === 'clicks'
 *         ? { ...state, clicks: state.clicks + 1 }
 *         : { ...state, spent: state.spent + record.value.amount },
 *     { as: 'customers' },
 *   ),
 * );
 */
export function cogroup<S extends Readonly<Record<string, Grouped<unknown, unknown, unknown>>>>(
  streams: S & Unwindowed<S>,
): Grouped<KeyIn<S>, Cogrouped<ValuesIn<S>>, KeyIn<S>> {
  const parents = Object.entries<Grouped<unknown, unknown, unknown>>(streams).map(
    ([from, { node }]): StreamNode => ({
      kind: 'map',
      parent: keyedOf(node),
      project: (value: unknown) => (value === null || value === undefined ? null : { from, value }),
    }),
  );
  return groupedOf({
    kind: 'grouped',
    parent: { kind: 'merge', parents },
    keyOf: null,
    key: null,
    as: null,
    window: null,
  });
}

/** The stream with the key by which it is grouped. */
const keyedOf = ({ parent, keyOf, key, as }: GroupedNode): StreamNode =>
  keyOf === null ? parent : { kind: 'selectKey', parent, keyOf, key, as };

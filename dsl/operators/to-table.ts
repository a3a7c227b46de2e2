// toTable: a stream read as the changes of a table.
import { type Duration, durationMs } from '../../core/kernel/duration.ts';
import type { Serde } from '../../core/schema/serde.ts';
import { structured } from '../../core/schema/structured.ts';
import type { KStream, KTable, Op } from '../stage.ts';
import { tableOf } from '../stage.ts';
import type { NeedsKey } from '../type-error.ts';

/** Options of `toTable()`. */
export interface ToTableOptions<V> {
  /** Name of the state store and its changelog. Needed where the job requires names. */
  readonly as?: string;
  /** How values are written to store and changelog. Default `structured()`. */
  readonly value?: Serde<V>;
  /** Keeps earlier rows for that long, as of `table()`. Default: only the newest row is kept. */
  readonly versioned?: Duration;
}

/**
 * Reads a stream as changes of a table: the newest value of each key, in the order of offsets; null deletes the row.
 * Records without a key are dropped and counted. Behind `selectKey()` the stream is repartitioned first.
 *
 * Where the stream is a topic as it is, `table()` does the same without a store of its own in the log.
 *
 * @example
 * topic('addresses', json<{ city: string }>()).pipe(map((address) => address.city), toTable({ as: 'cities' }));
 */
export function toTable<K, V>({
  as,
  value,
  versioned,
}: ToTableOptions<Exclude<V, null>> = {}): Op<
  KStream<K, V> & NeedsKey<K, 'toTable'>,
  KTable<Exclude<K, null>, Exclude<V, null>>
> {
  const versionedMs = versioned === undefined ? null : durationMs(versioned);
  const store = { as: as ?? null, value: value ?? structured() };
  return ({ node }) => tableOf({ kind: 'toTable', parent: node, store, versionedMs });
}

// aggregateAll: several aggregations of the same records in one pass, one store and one result.
import { structured } from '../../core/schema/structured.ts';
import type { Aggregator } from '../aggregator.ts';
import type { RecordContext } from '../plan.ts';
import type { Grouped, KTable, Op } from '../stage.ts';
import { tableOf } from '../stage.ts';

type Row = Record<string, unknown>;

/**
 * Runs several aggregators over the values of each key, or of each key and window; the result has a field for each.
 * Records whose key or value is null are skipped.
 *
 * The state is kept by field name: a field that is added later begins with the next record, the others go on.
 *
 * @param fields `count()`, `sum(of)`, `mean(of)`, `min(of)`, `max(of)`, `quantile(share, of)`, `deviation(of)`, `top(n, …)`,
 * `distinct(of)`, `earliest(of)`, `latest(of)`, `collect(of, …)`, or aggregators of your own
 * @param options `as`: name of the state store and its changelog; needed where the job requires names
 * @example
 * topic('flights', json<{ delay: number }>()).pipe(
 *   groupByKey(),
 *   aggregateAll(
 *     { flights: count(), meanDelay: mean((f) => f.delay), worst: max((f) => f.delay), p99: quantile(0.99, (f) => f.delay) },
 *     { as: 'delays' },
 *   ),
 * );
 */
export function aggregateAll<K, V, R, N, A>(
  fields: { readonly [Name in keyof A]: Aggregator<V, A[Name]> },
  { as }: { readonly as?: string } = {},
): Op<
  Grouped<K, V, R, N>,
  KTable<R, { readonly [Name in keyof A]: A[Name] }, { readonly [Name in keyof A]: A[Name] } | N>
> {
  const aggregators = Object.entries<Aggregator<unknown, unknown>>(
    fields as Record<string, Aggregator<unknown, unknown>>,
  );
  return ({ node }) =>
    tableOf({
      kind: 'aggregate',
      operator: 'aggregateAll',
      parent: node,
      initial: () => initialOf(aggregators),
      add: addTo(aggregators),
      ...(aggregators.every(([, { fold }]) => fold.merge !== undefined) ? { merge: mergeOf(aggregators) } : {}),
      result: aggregators.every(([, { fold }]) => fold.result === null) ? null : resultOf(aggregators),
      store: { as: as ?? null, value: structured() },
    });
}

type Named = readonly (readonly [name: string, aggregator: Aggregator<unknown, unknown>])[];

function initialOf(aggregators: Named): Row {
  const row: Row = {};
  for (const [name, { fold }] of aggregators) row[name] = fold.initial();
  return row;
}

/** Called once a record: one object, and no closure. */
function addTo(aggregators: Named) {
  return (row: Row, value: unknown, context: RecordContext): Row => {
    const next: Row = {};
    for (const [name, { fold }] of aggregators) {
      const before = row[name];
      next[name] = fold.add(before === undefined ? fold.initial() : before, value, context);
    }
    return next;
  };
}

/** A field that one of the two hasn't, because it was added to the program later, is the other's. */
function mergeOf(aggregators: Named) {
  return (earlier: Row, later: Row): Row => {
    const merged: Row = {};
    for (const [name, { fold }] of aggregators) {
      const [a, b] = [earlier[name], later[name]];
      merged[name] = a === undefined ? b : b === undefined ? a : fold.merge!(a, b);
    }
    return merged;
  };
}

function resultOf(aggregators: Named) {
  return (row: Row): Row => {
    const result: Row = {};
    for (const [name, { fold }] of aggregators) {
      const state = row[name] === undefined ? fold.initial() : row[name];
      result[name] = fold.result === null ? state : fold.result(state);
    }
    return result;
  };
}

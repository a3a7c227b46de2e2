// The node that a join is, by what stands on its two sides: shared by join, leftJoin and outerJoin, whose overloads are
// the types of what happens here.
import type { Duration } from '../../core/kernel/duration.ts';
import { durationMs } from '../../core/kernel/duration.ts';
import { Fault } from '../../core/kernel/fault.ts';
import type { Serde } from '../../core/schema/serde.ts';
import { structured } from '../../core/schema/structured.ts';
import { keptSerde } from '../kept-serde.ts';
import type { JoinWindowSpec, StreamNode, TableNode } from '../plan.ts';
import type { KStream, KTable } from '../stage.ts';
import { streamOf, tableOf } from '../stage.ts';

/** Options of a join of two tables. */
export interface TableJoinOptions<X> {
  /** Keeps the result in a store of this name, to be queried. Default: it isn't kept, and computed where it is looked up. */
  readonly as?: string;
  /** How the result is written to that store. Default `structured()`. */
  readonly value?: Serde<X>;
}

/** Options of a join with a table: of a table, what it is kept in; of a stream, how long its records wait. */
export interface JoinOptions<V, X> extends TableJoinOptions<X> {
  /**
   * Of a stream with a versioned table: each record waits until stream time is that much past its own, so that rows that
   * come late are there. One that is already later is joined at once. The wait is in a store, named `as`.
   */
  readonly grace?: Duration;
  /**
   * With `grace`: when no record has come for this long, stream time goes on with the wall clock until the next one, so
   * that the last records are joined without one after them. Default: off, as of `window()`.
   */
  readonly idle?: Duration;
  /** How the values that wait are written. Default the topic's serde, for primitives as they came; else `structured()`. */
  readonly waiting?: Serde<Exclude<V, null>>;
}

/** Options of a join of two streams. */
export interface StreamJoinOptions<V, W> {
  /** Name of the state stores and their changelogs. Needed where the job requires names. */
  readonly as?: string;
  /** How the left side's values are kept while they may still meet others. Default as for `waiting` of `JoinOptions`. */
  readonly left?: Serde<Exclude<V, null>>;
  /** Likewise the right side's. */
  readonly right?: Serde<Exclude<W, null>>;
}

/** Options of a join of two streams that gives what has no partner. */
export interface UnmatchedOptions<V, W> extends StreamJoinOptions<V, W> {
  /**
   * When no record of either side has come for this long, stream time goes on with the wall clock until the next one, so
   * that the last rows without a partner come without a record after them. Default: off, as of `window()`.
   */
  readonly idle?: Duration;
}

type Kind = 'inner' | 'left' | 'outer';
type Joiner = (left: unknown, right: unknown) => unknown;
type Side =
  | { readonly kind: 'stream'; readonly node: StreamNode }
  | { readonly kind: 'table'; readonly node: TableNode };

const operators = { inner: 'join', left: 'leftJoin', outer: 'outerJoin' } as const;
const bad = (join: Kind, reason: string) => new Fault('BAD_OPERATOR', { operator: operators[join], reason });

export function joinWithTable(join: Kind, other: KTable<unknown, unknown>, rest: readonly unknown[]) {
  const [joiner, options = {}] = rest as [Joiner, JoinOptions<unknown, unknown>?];
  if (typeof joiner !== 'function') throw bad(join, 'after the table comes a function of both values');
  const { as = null, value, grace, idle, waiting } = options;
  if (idle !== undefined && grace === undefined) throw bad(join, 'idle is for records that wait: give a grace too');
  return (stage: Side) => {
    if (stage.kind === 'table') {
      if (grace !== undefined) throw bad(join, 'two tables have no grace, since neither waits for the other');
      const store = as === null && value === undefined ? null : { as, value: value ?? structured() };
      return tableOf({ kind: 'joinTables', parents: [stage.node, other.node], join, joiner, store });
    }
    if (join === 'outer') throw bad(join, 'a stream and a table have a leftJoin() only');
    const buffer =
      grace === undefined
        ? null
        : { as, value: waiting ?? keptSerde(stage.node), graceMs: durationMs(grace), idleMs: msOrNull(idle) };
    return streamOf({ kind: 'joinTable', parent: stage.node, table: other.node, join, joiner, buffer });
  };
}

export function joinWithStream(join: Kind, other: KStream<unknown, unknown>, rest: readonly unknown[]) {
  const [within, joiner, options = {}] = rest as [JoinWindowSpec, Joiner, UnmatchedOptions<unknown, unknown>?];
  if (typeof within !== 'object') {
    throw bad(join, "two streams join within a span of time: (other, within('5 minutes', { grace: 0 }), joiner)");
  }
  if (typeof joiner !== 'function') throw bad(join, 'after within() comes a function of both values');
  const { as = null, left, right = keptSerde(other.node), idle } = options;
  if (join === 'inner' && idle !== undefined)
    throw bad(join, 'no row waits for time here, so there is nothing for idle');
  const idleMs = msOrNull(idle);
  return ({ node }: { readonly node: StreamNode }) =>
    streamOf({
      kind: 'joinStreams',
      ...{ parents: [node, other.node], join, within, joiner, idleMs, as, left: left ?? keptSerde(node), right },
    });
}

const msOrNull = (duration: Duration | undefined): number | null =>
  duration === undefined ? null : durationMs(duration);

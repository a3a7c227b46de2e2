// Stages: what stands between two operators. The types are phantom (`facts` is never there), wrapped around an erased
// node of the plan, so the compiler sees only data and the plan only what was said. Nothing runs here.
import type { Windowed } from '../core/schema/windowed-key.ts';
import type { GroupedNode, GroupedRowsNode, SinkNode, StreamNode, TableNode, TopicSpec } from './plan.ts';
import type { DslError, Hint, Keyless } from './type-error.ts';

declare const facts: unique symbol;
declare const accepts: unique symbol;

/** An operator is a function from stage to stage, so a person's own operators are written like ours. */
export type Op<in A, out B> = (stage: A) => B;

/**
 * Anything operators can be applied to.
 *
 * Exact arities and no rest overload: then an error names the operator at fault. More than twelve operators are
 * written as two pipes.
 */
export interface Pipeable {
  pipe<A, B>(this: A, ab: Op<A, B>): B;
  pipe<A, B, C>(this: A, ab: Op<A, B>, bc: Op<B, C>): C;
  pipe<A, B, C, D>(this: A, ab: Op<A, B>, bc: Op<B, C>, cd: Op<C, D>): D;
  pipe<A, B, C, D, E>(this: A, ab: Op<A, B>, bc: Op<B, C>, cd: Op<C, D>, de: Op<D, E>): E;
  pipe<A, B, C, D, E, F>(this: A, ab: Op<A, B>, bc: Op<B, C>, cd: Op<C, D>, de: Op<D, E>, ef: Op<E, F>): F;
  // biome-ignore format: one arity a line
  pipe<A, B, C, D, E, F, G>(this: A, ab: Op<A, B>, bc: Op<B, C>, cd: Op<C, D>, de: Op<D, E>, ef: Op<E, F>, fg: Op<F, G>): G;
  // biome-ignore format: one arity a line
  pipe<A, B, C, D, E, F, G, H>(this: A, ab: Op<A, B>, bc: Op<B, C>, cd: Op<C, D>, de: Op<D, E>, ef: Op<E, F>, fg: Op<F, G>, gh: Op<G, H>): H;
  // biome-ignore format: one arity a line
  pipe<A, B, C, D, E, F, G, H, I>(this: A, ab: Op<A, B>, bc: Op<B, C>, cd: Op<C, D>, de: Op<D, E>, ef: Op<E, F>, fg: Op<F, G>, gh: Op<G, H>, hi: Op<H, I>): I;
  // biome-ignore format: one arity a line
  pipe<A, B, C, D, E, F, G, H, I, J>(this: A, ab: Op<A, B>, bc: Op<B, C>, cd: Op<C, D>, de: Op<D, E>, ef: Op<E, F>, fg: Op<F, G>, gh: Op<G, H>, hi: Op<H, I>, ij: Op<I, J>): J;
  // biome-ignore format: one arity a line
  pipe<A, B, C, D, E, F, G, H, I, J, K>(this: A, ab: Op<A, B>, bc: Op<B, C>, cd: Op<C, D>, de: Op<D, E>, ef: Op<E, F>, fg: Op<F, G>, gh: Op<G, H>, hi: Op<H, I>, ij: Op<I, J>, jk: Op<J, K>): K;
  // biome-ignore format: one arity a line
  pipe<A, B, C, D, E, F, G, H, I, J, K, L>(this: A, ab: Op<A, B>, bc: Op<B, C>, cd: Op<C, D>, de: Op<D, E>, ef: Op<E, F>, fg: Op<F, G>, gh: Op<G, H>, hi: Op<H, I>, ij: Op<I, J>, jk: Op<J, K>, kl: Op<K, L>): L;
  // biome-ignore format: one arity a line
  pipe<A, B, C, D, E, F, G, H, I, J, K, L, M>(this: A, ab: Op<A, B>, bc: Op<B, C>, cd: Op<C, D>, de: Op<D, E>, ef: Op<E, F>, fg: Op<F, G>, gh: Op<G, H>, hi: Op<H, I>, ij: Op<I, J>, jk: Op<J, K>, kl: Op<K, L>, lm: Op<L, M>): M;
}

/** Where a stream may end: a topic that takes keys and values of these types. A stream of more fields fits a topic of fewer. */
export interface Destination<in K, in V> {
  readonly topic: TopicSpec;
  readonly [accepts]: (key: K, value: V) => void;
}

/**
 * A stream of records. `K` is null until a key is chosen.
 *
 * Order is that of the partition; there is none across partitions. Nothing happens until a job with it is run.
 */
export interface KStream<out K, out V> extends Pipeable {
  readonly kind: 'stream';
  readonly node: StreamNode;
  readonly [facts]: { readonly stage: 'stream'; readonly key: K; readonly value: V };
  /**
   * Ends the stream in a topic. A null value is written as a tombstone.
   *
   * The topic's serdes write key and value; the partition is Kafka's for the bytes of the key. The record keeps its
   * event time and headers.
   *
   * @example
   * topic('orders', json<{ amount: number }>()).to(topic('copies', json<{ amount: number }>()));
   */
  readonly to: {
    (destination: Destination<K, V>): Sink;
    (destination: Keyless<K, Destination<K, V>>): Sink;
  };
}

/**
 * A table: the newest value of each key. `Change` is what its stream of changes carries: with null where rows may be
 * deleted.
 */
export interface KTable<out K, out V, out Change = V | null> extends Pipeable {
  readonly kind: 'table';
  readonly node: TableNode;
  readonly [facts]: { readonly stage: 'table'; readonly key: K; readonly value: V; readonly change: Change };
  /** Never there: for the compiler to say what comes first. */
  readonly to: DslError<'a table goes on as the stream of its changes: put toStream() before it'>;
}

/** What a join can be applied to, and what comes of it: a stream stays one, a table too. */
export interface Joinable<out Kind extends 'stream' | 'table', out K, out V> extends Pipeable {
  readonly kind: Kind;
  readonly node: StreamNode | TableNode;
  readonly [facts]: { readonly key: K; readonly value: V };
}

/** What a join gives of that kind of stage. */
export type Joined<Kind extends 'stream' | 'table', K, V> = Kind extends 'stream' ? KStream<K, V> : KTable<K, V>;

/**
 * A stream that is keyed and waits for an aggregation. `R` is the key of the result: `K`, or `Windowed<K>` behind
 * `window()`. Null values are gone: aggregations skip them. `Retraction` is null where results are taken back, as those
 * of sessions are when they grow.
 */
export interface Grouped<out K, out V, out R, out Retraction = never> extends Pipeable {
  readonly kind: 'grouped' | Hint<'a stream is grouped first: put groupByKey() or groupBy() before it'>;
  readonly node: GroupedNode;
  readonly [facts]: {
    readonly stage: 'grouped';
    readonly key: K;
    readonly value: V;
    readonly result: R;
    readonly retraction: Retraction;
  };
}

/** A table whose rows are keyed anew and wait for an aggregation, which subtracts a row when it is gone or has moved. */
export interface GroupedRows<out K, out V> extends Pipeable {
  readonly kind: 'groupedRows' | Hint<'the rows of a table are grouped first: put groupRows() before it'>;
  readonly node: GroupedRowsNode;
  readonly [facts]: { readonly stage: 'groupedRows'; readonly key: K; readonly value: V };
}

/** The end of a stream; what `job()` takes. */
export interface Sink {
  readonly kind: 'sink';
  readonly node: SinkNode;
}

export type { Windowed };

type Stages = { stream: StreamNode; table: TableNode; grouped: GroupedNode; groupedRows: GroupedRowsNode };

// biome-ignore lint/suspicious/noExplicitAny: the overloads above are its types
function pipe(this: unknown, ...operators: readonly Op<any, unknown>[]): unknown {
  return operators.reduce((stage, operator) => operator(stage), this);
}

function stage<Kind extends keyof Stages>(kind: Kind, node: Stages[Kind]) {
  return { kind, node, pipe };
}

/** Wraps a node of the plan; the caller answers for the types. */
export function streamOf<K, V>(node: StreamNode): KStream<K, V> {
  const to = ({ topic }: Destination<K, V>): Sink => sinkOf({ kind: 'topicSink', parent: node, topic });
  return { ...stage('stream', node), to } as unknown as KStream<K, V>;
}

export function tableOf<K, V, Change>(node: TableNode): KTable<K, V, Change> {
  return stage('table', node) as unknown as KTable<K, V, Change>;
}

export function groupedOf<K, V, R, Retraction = never>(node: GroupedNode): Grouped<K, V, R, Retraction> {
  return stage('grouped', node) as unknown as Grouped<K, V, R, Retraction>;
}

export function groupedRowsOf<K, V>(node: GroupedRowsNode): GroupedRows<K, V> {
  return stage('groupedRows', node) as unknown as GroupedRows<K, V>;
}

export function sinkOf(node: SinkNode): Sink {
  return { kind: 'sink', node };
}

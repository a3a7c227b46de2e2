// split: one stream into several, each record into exactly one.
import type { RecordContext, StreamNode } from '../plan.ts';
import type { KStream, Op } from '../stage.ts';
import { streamOf } from '../stage.ts';

type Predicates<K, V> = {
  readonly [name: string]: (value: V, context: RecordContext<K>) => boolean;
};

/** What a branch holds: what its type guard says, or everything. */
// biome-ignore lint/suspicious/noExplicitAny: any guard, to ask what it guards
type Guarded<P, V> = P extends (value: any, ...rest: any[]) => value is infer S ? Extract<V, S> | (S & V) : V;

/** The streams of a `split()`: one for each predicate, and the rest. */
export type Branches<K, V, P> = {
  readonly [Name in keyof P]: KStream<K, Guarded<P[Name], V>>;
} & {
  readonly rest: KStream<K, V>;
};

/**
 * Sends each record to the first branch, in the order written, whose predicate holds; to `rest` where none does. A
 * branch that isn't used is dropped. A predicate that is a type guard narrows its branch.
 *
 * Ends a `pipe`, since what it gives is a record of streams and no stage.
 *
 * @example
 * const { large, rest } = topic('orders', json<{ amount: number }>()).pipe(
 *   split({ large: (order) => order.amount > 1_000, small: (order) => order.amount > 0 }),
 * );
 */
export function split<K, V, P extends Predicates<K, V> & { readonly rest?: never }>(
  predicates: P,
): Op<KStream<K, V>, Branches<K, V, P>> {
  return ({ node }) => {
    const group = Symbol('split');
    const names = Object.keys(predicates);
    const tests = names.map((name) => predicates[name] as (value: unknown) => boolean);
    const branch = (name: string, index: number): StreamNode => ({
      kind: 'branch',
      parent: node,
      group,
      name,
      index,
      predicates: tests,
    });
    const branches = [...names, 'rest'].map((name, index) => [name, streamOf(branch(name, index))]);
    return Object.fromEntries(branches) as Branches<K, V, P>;
  };
}

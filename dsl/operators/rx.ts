// rx: operators of RxJS inside a pipeline. The only file of the DSL that knows rxjs, and by its types only: loading it
// takes 65 ms, which a job without rx() shouldn't pay. runtime/rx runs what is declared here.
import type { Observable, OperatorFunction, SchedulerLike } from 'rxjs';
import type { KStream, Op } from '../stage.ts';
import { streamOf } from '../stage.ts';

/**
 * An operator of RxJS, or a function from a scheduler to one: `(time) => debounceTime(1_000, time)`. The scheduler moves
 * with stream time only. One type serves both, since both are functions of one thing that is here source and scheduler.
 */
export type RxOperator<A, B> = (sourceOrTime: Observable<A> & SchedulerLike) => Observable<B> | OperatorFunction<A, B>;

/** Arities of `rx()`. */
export interface Rx {
  <K, V, A>(a: RxOperator<V, A>): Op<KStream<K, V>, KStream<K, A>>;
  <K, V, A, B>(a: RxOperator<V, A>, b: RxOperator<A, B>): Op<KStream<K, V>, KStream<K, B>>;
  <K, V, A, B, C>(a: RxOperator<V, A>, b: RxOperator<A, B>, c: RxOperator<B, C>): Op<KStream<K, V>, KStream<K, C>>;
  // biome-ignore format: one arity a line
  <K, V, A, B, C, D>(a: RxOperator<V, A>, b: RxOperator<A, B>, c: RxOperator<B, C>, d: RxOperator<C, D>): Op<KStream<K, V>, KStream<K, D>>;
  // biome-ignore format: one arity a line
  <K, V, A, B, C, D, E>(a: RxOperator<V, A>, b: RxOperator<A, B>, c: RxOperator<B, C>, d: RxOperator<C, D>, e: RxOperator<D, E>): Op<KStream<K, V>, KStream<K, E>>;
  // biome-ignore format: one arity a line
  <K, V, A, B, C, D, E, F>(a: RxOperator<V, A>, b: RxOperator<A, B>, c: RxOperator<B, C>, d: RxOperator<C, D>, e: RxOperator<D, E>, f: RxOperator<E, F>): Op<KStream<K, V>, KStream<K, F>>;
}

type AnyStream = KStream<unknown, unknown>;
type AnyRxOperator = RxOperator<unknown, unknown>;

const withState =
  (stateless: boolean) =>
  (...operators: readonly AnyRxOperator[]): Op<AnyStream, AnyStream> =>
  ({ node }) =>
    streamOf({
      kind: 'rx',
      parent: node,
      make: (time: SchedulerLike) => operators.map((op) => resolve(op, time)),
      stateless,
    });

/**
 * Pipes the values of a partition, in the order of offsets, through operators of RxJS: one subscription a task, made
 * when it starts. What they emit while a record is pushed is that record's output, with its key, time and headers.
 *
 * For operators that need time write `rx((time) => debounceTime(1_000, time))`: `time` is a scheduler that moves with
 * stream time, so they emit while a record is pushed, the same at every run.
 *
 * What the operators keep is forgotten at a restart, so under exactlyOnce `compile` refuses it; `rx.stateless(…)`
 * promises that they keep nothing. While running, emitting at any other moment is Fault `RX_ASYNC_EMISSION` (use
 * `mapAsync()`), completing (`take`, `first`) is `RX_COMPLETED`, and an error goes to the job's `onError.process`.
 *
 * @example
 * topic('readings', json<{ celsius: number }>()).pipe(
 *   rx(rxMap((reading) => reading.celsius), pairwise(), rxMap(([before, after]) => after - before)),
 * );
 */
export const rx: Rx & {
  /** As `rx(…)`, with the promise that the operators keep nothing between two records. */
  readonly stateless: Rx;
} = Object.assign(withState(false) as Rx, { stateless: withState(true) as Rx });

/**
 * Finds out which of the two a function is: given something that is source and scheduler in one, an operator answers
 * with an Observable, or fails because the source is no real one; only a maker answers with an operator.
 */
function resolve(operator: AnyRxOperator, time: SchedulerLike): OperatorFunction<unknown, unknown> {
  const answer = answerTo(operator, time);
  return typeof answer === 'function'
    ? (answer as OperatorFunction<unknown, unknown>)
    : (operator as OperatorFunction<unknown, unknown>);
}

function answerTo(operator: AnyRxOperator, time: SchedulerLike): unknown {
  const probe = {
    now: () => time.now(),
    schedule: (...args: Parameters<SchedulerLike['schedule']>) => time.schedule(...args),
    lift: () => probe,
    pipe: () => probe,
    subscribe: () => ({ closed: true, unsubscribe: () => undefined }),
  };
  try {
    return operator(probe as never);
  } catch {
    return null;
  }
}

// deviation: an aggregator for how far numbers spread.
import { type Aggregator, aggregator } from './aggregator.ts';

/**
 * Standard deviation of a number of each record, as of all there are (divided by n). Nulls are left out; null where there
 * was no number.
 *
 * By Welford's method, and Chan's for two sessions that become one: sums of squares lose all digits where the mean is large.
 *
 * @example
 * const jitter = deviation((ping: { ms: number }) => ping.ms);
 */
export function deviation<V, N extends number | null>(of: (value: V) => N): Aggregator<V, number | Extract<N, null>> {
  return aggregator({
    initial: () => ({ n: 0, mean: 0, squares: 0 }),
    add(state, value: V) {
      const number = of(value);
      if (number === null) return state;
      const n = state.n + 1;
      const away = number - state.mean;
      const mean = state.mean + away / n;
      return { n, mean, squares: state.squares + away * (number - mean) };
    },
    merge(a, b) {
      const n = a.n + b.n;
      if (n === 0) return a;
      const apart = b.mean - a.mean;
      return {
        n,
        mean: a.mean + (apart * b.n) / n,
        squares: a.squares + b.squares + (apart * apart * a.n * b.n) / n,
      };
    },
    // Without a number there was a null, so N has null.
    result: ({ n, squares }) => (n === 0 ? null : Math.sqrt(squares / n)) as number | Extract<N, null>,
  });
}

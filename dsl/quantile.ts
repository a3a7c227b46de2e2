// quantile: an aggregator for percentiles. Exact while values are few; then a DDSketch (Masson, Rim, Lee: "DDSketch: A Fast and
// Fully-Mergeable Quantile Sketch with Relative-Error Guarantees", 2019): counts by powers of a base a little above 1, so
// that what it says depends neither on the order of the records nor on how sessions were merged. Counts stand in chunks,
// because an accumulator is not changed in place, and a chunk is what one more value copies.
import { Fault } from '../core/kernel/fault.ts';
import { type Aggregator, aggregator } from './aggregator.ts';

/** Options of `quantile()`. */
export interface QuantileOptions {
  /** How far a result may be from the true value, as a share of it. Default 0.01. Half of it takes twice the room. */
  readonly accuracy?: number;
}

/** Counts of `chunkSize` neighbouring powers. */
interface Chunk {
  /** The first power is `at * chunkSize`. */
  readonly at: number;
  /** Of all of them, so that who looks for a place passes over whole chunks. */
  readonly total: number;
  readonly counts: readonly number[];
}

type Chunks = readonly Chunk[];

interface State {
  readonly n: number;
  readonly least: number;
  readonly greatest: number;
  /** All values, in order, while they are few; then null. */
  readonly exact: readonly number[] | null;
  readonly zeros: number;
  readonly positive: Chunks;
  /** Of the values below 0, by their absolute values. */
  readonly negative: Chunks;
}

const exactMax = 128;
const chunkSize = 32;

/**
 * The value below which a share of the numbers lies: 0.5 is the median, 0.99 the 99th percentile. Of `n` values the one
 * at place `share × n`, rounded up. Null, NaN and infinite values are left out; null where there was no other.
 *
 * Exact up to 128 values of a key, then within `accuracy` of the true value, whatever the values and their order. The
 * least and the greatest stay exact. State grows with the logarithm of the values' range: with 0.01, from 1 to a billion,
 * about a thousand counts.
 *
 * @param share from 0 to 1
 * @throws Fault `BAD_OPERATOR` for a share or an accuracy that is none
 * @example
 * const p99 = quantile(0.99, (request: { ms: number }) => request.ms);
 */
export function quantile<V, N extends number | null>(
  share: number,
  of: (value: V) => N,
  { accuracy = 0.01 }: QuantileOptions = {},
): Aggregator<V, number | Extract<N, null>> {
  const bad = (reason: string) => new Fault('BAD_OPERATOR', { operator: 'quantile', reason });
  if (!(share >= 0 && share <= 1)) throw bad(`share must be from 0 to 1, not ${share}`);
  if (!(accuracy > 0 && accuracy < 1)) throw bad(`accuracy must be between 0 and 1, not ${accuracy}`);
  const sketch = createSketch((1 + accuracy) / (1 - accuracy));
  return aggregator({
    initial: (): State => empty,
    add(state, value: V) {
      const number = of(value);
      return number === null || !Number.isFinite(number) ? state : sketch.add(state, number);
    },
    merge: (earlier, later) => sketch.merge(earlier, later),
    // Without a number there was a null, so N has null.
    result: (state) => sketch.at(state, share) as number | Extract<N, null>,
  });
}

const empty: State = {
  n: 0,
  least: Number.POSITIVE_INFINITY,
  greatest: Number.NEGATIVE_INFINITY,
  exact: [],
  zeros: 0,
  positive: [],
  negative: [],
};

function createSketch(base: number) {
  const logOfBase = Math.log(base);
  const powerOf = (number: number): number => Math.ceil(Math.log(number) / logOfBase);
  /** The middle of what has that power, by relative error. */
  const numberOf = (power: number): number => (2 * base ** power) / (base + 1);

  function count(state: State, number: number): State {
    if (number === 0) return { ...state, zeros: state.zeros + 1 };
    return number > 0
      ? { ...state, positive: increased(state.positive, powerOf(number), 1) }
      : { ...state, negative: increased(state.negative, powerOf(-number), 1) };
  }

  const counted = (state: State): State =>
    state.exact === null ? state : state.exact.reduce(count, { ...state, exact: null });

  const bounds = (a: State, b: State) => ({
    n: a.n + b.n,
    least: Math.min(a.least, b.least),
    greatest: Math.max(a.greatest, b.greatest),
  });

  return {
    add(state: State, number: number): State {
      const grown = {
        ...state,
        n: state.n + 1,
        least: Math.min(state.least, number),
        greatest: Math.max(state.greatest, number),
      };
      if (state.exact !== null && state.exact.length < exactMax)
        return { ...grown, exact: inserted(state.exact, number) };
      return count(counted(grown), number);
    },
    merge(a: State, b: State): State {
      if (a.exact !== null && b.exact !== null && a.n + b.n <= exactMax) {
        return { ...a, ...bounds(a, b), exact: [...a.exact, ...b.exact].sort((x, y) => x - y) };
      }
      const [left, right] = [counted(a), counted(b)];
      return {
        ...bounds(a, b),
        exact: null,
        zeros: left.zeros + right.zeros,
        positive: together(left.positive, right.positive),
        negative: together(left.negative, right.negative),
      };
    },
    at(state: State, share: number): number | null {
      const { n, exact, least, greatest } = state;
      if (n === 0) return null;
      const place = Math.max(1, Math.ceil(share * n));
      if (exact !== null) return exact[place - 1]!;
      if (place === 1) return least;
      if (place === n) return greatest;
      return Math.min(greatest, Math.max(least, numberAt(state, place)));
    },
  };

  function numberAt({ negative, zeros, positive }: State, place: number): number {
    const below = totalOf(negative);
    if (place <= below) return -numberOf(powerAt(negative, below - place + 1));
    if (place <= below + zeros) return 0;
    return numberOf(powerAt(positive, place - below - zeros));
  }
}

function totalOf(chunks: Chunks): number {
  let total = 0;
  for (const chunk of chunks) total += chunk.total;
  return total;
}

/** The power that the value at a place has, the least first. */
function powerAt(chunks: Chunks, place: number): number {
  let left = place;
  for (const { at, total, counts } of chunks) {
    if (left > total) {
      left -= total;
      continue;
    }
    for (let i = 0; i < counts.length; i++) {
      left -= counts[i]!;
      if (left <= 0) return at * chunkSize + i;
    }
  }
  return Number.POSITIVE_INFINITY;
}

function inserted(numbers: readonly number[], number: number): readonly number[] {
  let at = numbers.length;
  while (at > 0 && numbers[at - 1]! > number) at -= 1;
  return [...numbers.slice(0, at), number, ...numbers.slice(at)];
}

function increased(chunks: Chunks, power: number, by: number): Chunks {
  const chunkAt = Math.floor(power / chunkSize);
  let place = chunks.length;
  while (place > 0 && chunks[place - 1]!.at >= chunkAt) place -= 1;
  const known = chunks[place]?.at === chunkAt ? chunks[place] : undefined;
  const counts = known === undefined ? new Array<number>(chunkSize).fill(0) : [...known.counts];
  counts[power - chunkAt * chunkSize]! += by;
  return [
    ...chunks.slice(0, place),
    { at: chunkAt, total: (known?.total ?? 0) + by, counts },
    ...chunks.slice(place + (known === undefined ? 0 : 1)),
  ];
}

const together = (a: Chunks, b: Chunks): Chunks =>
  [...powers(b)].reduce((sum, [power, some]) => increased(sum, power, some), a);

function* powers(chunks: Chunks): Iterable<readonly [power: number, count: number]> {
  for (const { at, counts } of chunks) {
    for (const [i, some] of counts.entries()) if (some > 0) yield [at * chunkSize + i, some];
  }
}

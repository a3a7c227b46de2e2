// Made-up records, at a rate or as fast as they are taken, for trying things and for load. Record n depends on the seed
// and n alone, so that the source can be replayed from anywhere and two runs see the same.
import { type Random, seededRandom } from '../../core/kernel/random.ts';
import type { SourceConnector, SourceRecord } from '../../dsl/connector.ts';

export interface GenerateOptions<V> {
  /** For `describe` and the key of its offsets. Default 'generate'. */
  readonly name?: string;
  /** Record n, from 0. `random` is the record's own: the same numbers at every run. */
  readonly value: (index: number, random: Random) => V;
  /** How many. Default: without end. */
  readonly count?: number;
  /** Records per second, from when it is opened. Default: as fast as they are taken. */
  readonly rate?: number;
  /** Default 0. */
  readonly seed?: number;
  /** Event time of record n, in milliseconds since the epoch. Default: the time of making it. */
  readonly timestampMs?: (index: number) => number;
}

/** What a poll of a source without a rate gives at most, so that a sink's back-pressure has something to hold. */
const recordsAtOnceMax = 1_000;

/**
 * A source of made-up records.
 *
 * @example
 * source(generate({ value: (n, random) => ({ order: n, amount: random.integer(100) }), rate: 50, count: 1_000 }));
 */
export function generate<V>(options: GenerateOptions<V>): SourceConnector<V> {
  const { name = 'generate', value, count = Number.POSITIVE_INFINITY, rate, seed = 0, timestampMs } = options;

  function make(index: number): SourceRecord<V> {
    const offset = { index: index + 1 };
    const made = value(index, seededRandom(mix(seed, index)));
    return timestampMs === undefined
      ? { value: made, offset }
      : { value: made, offset, timestampMs: timestampMs(index) };
  }

  return {
    name,
    bounded: count !== Number.POSITIVE_INFINITY,
    replayable: true,
    async open(from, { clock, signal }) {
      const first = from === null ? 0 : Number(from['index']);
      const openedAtMs = clock.monotonicMs();
      let next = first;
      const due = () =>
        rate === undefined
          ? count
          : Math.min(count, first + Math.floor(((clock.monotonicMs() - openedAtMs) * rate) / 1_000));
      return {
        async poll(recordsMax) {
          signal.throwIfAborted();
          if (next >= count) return [];
          while (due() <= next) {
            const dueAtMs = openedAtMs + ((next + 1 - first) * 1_000) / rate!;
            await clock.sleep(Math.max(1, Math.ceil(dueAtMs - clock.monotonicMs())), signal);
          }
          const end = Math.min(due(), next + recordsMax, next + recordsAtOnceMax);
          const records: SourceRecord<V>[] = [];
          while (next < end) records.push(make(next++));
          return records;
        },
        ...(count === Number.POSITIVE_INFINITY
          ? {}
          : { progress: () => (count === 0 ? 1 : Math.min(1, next / count)) }),
        close: async () => {},
      };
    },
  };
}

/** Seeds of neighbours must not be neighbours, or their first numbers would be alike. */
const mix = (seed: number, index: number): number =>
  Math.imul(Math.imul(seed | 0, 0x9e3779b1) ^ index, 0x85ebca6b) ^ Math.floor(index / 2 ** 32);

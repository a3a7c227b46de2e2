// countWindow: so many records of a key at a time, whatever their times are.
import { Fault } from '../../core/kernel/fault.ts';
import { utf8 } from '../../core/schema/primitive.ts';
import type { Serde } from '../../core/schema/serde.ts';
import { structured } from '../../core/schema/structured.ts';
import { keyValueStore } from '../process-stores.ts';
import type { KStream, Op } from '../stage.ts';
import type { NeedsKey } from '../type-error.ts';
import { emits, processor } from './process.ts';

/** Options of `countWindow()`. */
export interface CountWindowOptions<K> {
  /** Name of the operator, its state and its changelog. */
  readonly as: string;
  /** A window begins at every so many records of a key. Default: the size, so that each record is in one window. */
  readonly every?: number;
  /** How keys are written in the state. Default `utf8`. */
  readonly key?: Serde<K>;
}

interface Waiting<V> {
  readonly values: readonly V[];
  readonly newestMs: number;
  /** Records until a window is full. */
  readonly missing: number;
}

/**
 * Gathers the records of a key, `size` at a time, and passes on their values, in the order in which they came (Flink's
 * countWindow, RxJS's bufferCount). The time of the result is the latest of its records' times. What a window isn't full
 * of waits, over restarts too; when a job of bounded sources ends, what waits is passed on as it is.
 *
 * With `every` below `size` windows overlap: a result comes after each `every` records, with the last `size` of them, and
 * with fewer as long as there are no more.
 *
 * Records without a key are dropped and counted. Not event time but order decides, so that the result of a replay differs
 * where several partitions come together before it; `window()` doesn't.
 *
 * @throws Fault `BAD_OPERATOR` for a size that is no positive integer, or an `every` that isn't from 1 to the size
 * @example
 * topic('readings', float64).pipe(
 *   countWindow(10, { as: 'tens' }),
 *   map((readings) => readings.reduce((sum, one) => sum + one, 0) / readings.length),
 * );
 */
export function countWindow<K, V>(
  size: number,
  { as, every = size, key }: CountWindowOptions<NoInfer<K>>,
): Op<KStream<K, V> & NeedsKey<K, 'countWindow'>, KStream<Exclude<K, null>, readonly V[]>> {
  check(size, every);
  const declaration = {
    stores: { waiting: keyValueStore(structured<Waiting<V>>(), { key: key ?? (utf8 as Serde<unknown> as Serde<K>) }) },
    outputs: emits<readonly V[]>(),
    once: { rest: 'streamTime' },
  } as const;
  const operator = processor<K, V, typeof declaration>(
    as,
    declaration,
    ({ stores: { waiting }, forward, once: { rest } }) => ({
      process(value, record) {
        const before = waiting.get(record.key);
        const values = [...(before?.values.slice(1 - size || size) ?? []), value];
        const newestMs = Math.max(before?.newestMs ?? record.timestampMs, record.timestampMs);
        const missing = (before?.missing ?? every) - 1;
        if (missing > 0) {
          waiting.put(record.key, { values, newestMs, missing });
          rest.set(record.key, whenNothingComesMs);
          return;
        }
        if (every === size) waiting.delete(record.key);
        else waiting.put(record.key, { values, newestMs, missing: every });
        rest.clear(record.key);
        forward(values, { timestampMs: newestMs });
      },
      once: {
        rest(key) {
          const left = waiting.get(key);
          if (left === undefined) return;
          waiting.delete(key);
          forward(left.values, { key, timestampMs: left.newestMs });
        },
      },
    }),
    true,
  );
  return operator as unknown as ReturnType<typeof countWindow<K, V>>;
}

/** No record comes to it; a bounded job's end does. */
const whenNothingComesMs = Number.MAX_SAFE_INTEGER;

function check(size: number, every: number): void {
  const wrong = (reason: string) => new Fault('BAD_OPERATOR', { operator: 'countWindow', reason });
  if (!Number.isSafeInteger(size) || size < 1) throw wrong(`the size must be a whole number from 1 on, not ${size}`);
  if (!Number.isSafeInteger(every) || every < 1 || every > size)
    throw wrong(`every must be a whole number from 1 to ${size}, not ${every}`);
}

// A source and a sink in this process's memory, for tests of jobs and connectors. They live in one thread: a job that runs
// on several sees each thread's own.
import { createLatch, type Latch } from '../../core/kernel/latch.ts';
import type { SinkConnector, SinkRecord, SourceConnector } from '../../dsl/connector.ts';

/** A source that a test fills. */
export interface MemorySource<V> extends SourceConnector<V> {
  /** Adds values, which readers get in this order. */
  push(...values: readonly V[]): void;
  /** There will be no more: readers come to their end. Only for a bounded source. */
  end(): void;
}

export interface MemorySourceOptions {
  /** For `describe` and the key of its offsets. Default 'memory'. */
  readonly name?: string;
  /** Ends after `end()`. Default true. */
  readonly bounded?: boolean;
}

/**
 * A source of the values in an array, and of those pushed later. It keeps all of them, so it can be read again.
 *
 * @example
 * const clicks = memorySource([{ page: '/' }]);
 * clicks.push({ page: '/about' });
 * clicks.end();
 */
export function memorySource<V>(
  values: Iterable<V> = [],
  { name = 'memory', bounded = true }: MemorySourceOptions = {},
): MemorySource<V> {
  const kept = [...values];
  let ended = false;
  let change: Latch<void> = createLatch();
  const changed = () => {
    change.resolve();
    change = createLatch();
  };
  return {
    name,
    bounded,
    replayable: true,
    push(...more) {
      if (ended) throw new Error(`'${name}' has ended: push before end()`);
      kept.push(...more);
      changed();
    },
    end() {
      if (!bounded) throw new Error(`'${name}' is not bounded and can't end: make it with { bounded: true }`);
      ended = true;
      changed();
    },
    async open(from, { signal }) {
      let next = from === null ? 0 : Number(from['index']);
      signal.addEventListener('abort', changed);
      return {
        async poll(recordsMax) {
          while (next >= kept.length && !ended) {
            signal.throwIfAborted();
            await change.promise;
          }
          const records = kept
            .slice(next, next + recordsMax)
            .map((value, i) => ({ value, offset: { index: next + i + 1 } }));
          next += records.length;
          return records;
        },
        progress: () => (kept.length === 0 ? Number(ended) : next / kept.length),
        close: async () => signal.removeEventListener('abort', changed),
      };
    },
  };
}

/** A sink whose records can be looked at. */
export interface MemorySink<K, V> extends SinkConnector<K, V> {
  /** What was written, oldest first; only what was flushed. */
  readonly records: readonly SinkRecord<K, V>[];
  readonly values: readonly V[];
}

/**
 * A sink that keeps what is written in an array. What was written and not flushed when its task closes is dropped, as by a
 * system that was never told to keep it.
 *
 * @example
 * const out = memorySink<string, number>();
 * // … run a job that ends in sink(out)
 * expect(out.values).toEqual([1, 2]);
 */
export function memorySink<K = unknown, V = unknown>({
  name = 'memory',
}: {
  readonly name?: string;
} = {}): MemorySink<K, V> {
  const records: SinkRecord<K, V>[] = [];
  return {
    name,
    delivery: 'repeats',
    records,
    get values() {
      return records.map(({ value }) => value);
    },
    async open() {
      let unflushed: SinkRecord<K, V>[] = [];
      return {
        async write(more) {
          for (const record of more) unflushed.push({ ...record });
        },
        async flush() {
          for (const record of unflushed) records.push(record);
          unflushed = [];
        },
        async close() {
          unflushed = [];
        },
      };
    },
  };
}

// The ends of a driven job: where a test puts records in and takes them out.

import { serialize } from 'node:v8';
import type { Clock } from '../../core/kernel/clock.ts';
import { Fault } from '../../core/kernel/fault.ts';
import type { TopicSpec } from '../../dsl/plan.ts';
import type { RecordHeaders } from '../task/record-cursor.ts';
import type { Task } from '../task/task.ts';
import type { DriverTopics } from './driver-topics.ts';
import { drawMarbles, type MarbleOptions, parseMarbles } from './record-marbles.ts';

export interface SendOptions {
  /** Event time, in milliseconds since the epoch. Default: the driver's wall clock. */
  readonly timestampMs?: number;
  readonly headers?: RecordHeaders;
}

export interface DriverInput<K, V> {
  /** Sends one record and runs the job until it is quiet. A null value is a tombstone. */
  send(key: K | null, value: V | null, options?: SendOptions): void;
  /**
   * Sends a picture of records, see `parseMarbles`: `marbles('a-b', { a: ['k', 1], b: ['k', 2] })`.
   *
   * @throws Fault `BAD_MARBLES`, also for a letter without a record
   */
  marbles(
    picture: string,
    records: Readonly<Record<string, readonly [key: K | null, value: V | null]>>,
    options?: MarbleOptions,
  ): void;
}

export interface OutputRecord<K, V> {
  readonly key: K;
  readonly value: V;
  readonly timestampMs: number;
  /** Left out where there are none. */
  readonly headers?: RecordHeaders;
}

export interface DriverOutput<K, V> {
  /** The next record that wasn't read yet, by whatever reads this topic or sink of the driver; or undefined. */
  read(): OutputRecord<K, V> | undefined;
  /** All records that weren't read yet. */
  readAll(): OutputRecord<K, V>[];
  /** The newest value of each key of all that weren't read yet, as a table would have them. */
  readTable(): Map<K, V>;
  /** Draws what wasn't read yet, see `drawMarbles`. */
  toMarbles(legend: Readonly<Record<string, readonly [key: K, value: V]>>, options?: MarbleOptions): string;
}

export interface DriverSource<V> {
  /** Plays one record of the source. Event time by default the driver's wall clock. */
  send(value: V, options?: SendOptions): void;
}

export function createInput<K, V>(
  { name, key: keySerde, value: valueSerde }: TopicSpec,
  { topics, clock, run }: { readonly topics: DriverTopics; readonly clock: Clock; readonly run: () => void },
): DriverInput<K, V> {
  const input: DriverInput<K, V> = {
    send(key, value, { timestampMs = clock.now(), headers = [] } = {}) {
      topics.write(name, {
        key: key === null ? null : keySerde.encode(key),
        value: value === null ? null : valueSerde.encode(value),
        timestampMs,
        headers,
      });
      run();
    },
    marbles(picture, records, options) {
      for (const { symbol, timestampMs } of parseMarbles(picture, options)) {
        const record = records[symbol];
        if (record === undefined)
          throw new Fault('BAD_MARBLES', { picture, reason: `no record is given for '${symbol}'` });
        input.send(record[0], record[1], { timestampMs });
      }
    },
  };
  return input;
}

/** How far an output was read. */
export interface ReadPlace {
  at: number;
}

export function createOutput<Raw extends { readonly headers: RecordHeaders; readonly timestampMs: number }>(
  written: () => readonly Raw[],
  place: ReadPlace,
  decode: (record: Raw) => Omit<OutputRecord<unknown, unknown>, 'headers'> & { readonly headers: RecordHeaders },
): DriverOutput<unknown, unknown> {
  const output: DriverOutput<unknown, unknown> = {
    read() {
      const record = written()[place.at];
      if (record === undefined) return undefined;
      place.at += 1;
      const { key, value, timestampMs, headers } = decode(record);
      return { key, value, timestampMs, ...(headers.length === 0 ? {} : { headers }) };
    },
    readAll() {
      const records: OutputRecord<unknown, unknown>[] = [];
      for (let record = output.read(); record !== undefined; record = output.read()) records.push(record);
      return records;
    },
    readTable() {
      // Two keys that are decoded are two objects, and may be one key.
      const keys = new Map<unknown, unknown>();
      const table = new Map<unknown, unknown>();
      for (const { key, value } of output.readAll()) {
        const id = typeof key === 'object' && key !== null ? serialize(key).toString('latin1') : key;
        if (!keys.has(id)) keys.set(id, key);
        table.set(keys.get(id), value);
      }
      return table;
    },
    toMarbles: (legend, options) => drawMarbles(output.readAll(), legend, options),
  };
  return output;
}

export function createSource({
  feed,
  run,
}: {
  readonly feed: readonly { readonly task: Task; readonly input: number }[];
  readonly run: () => void;
}): DriverSource<unknown> {
  let count = 0;
  return {
    send(value, options = {}) {
      count += 1;
      for (const { task, input } of feed) task.enqueueSource(input, [{ value, offset: { record: count }, ...options }]);
      run();
    },
  };
}

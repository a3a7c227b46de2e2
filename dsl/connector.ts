// What a connector is: a source that makes records out of a system, a sink that puts them into one. Contracts only; the
// connectors stand in connectors/, the code that drives them in runtime/connect, how a program names one in operators/.
import type { Clock } from '../core/kernel/clock.ts';
import type { Logger } from '../core/kernel/logger.ts';
import type { Random } from '../core/kernel/random.ts';

/** Where a source task stands, as plain JSON: `{ line: 120 }`. Kept in the job's offsets topic, written with the records it covers. */
export type SourceOffset = { readonly [field: string]: string | number | boolean | null };

/** One record of a source. */
export interface SourceRecord<out V> {
  readonly value: V;
  /** Where to go on after this record. */
  readonly offset: SourceOffset;
  /** Milliseconds since the epoch. Default: the time of reading. */
  readonly timestampMs?: number;
  readonly headers?: readonly (readonly [string, Uint8Array | null])[];
}

/** What a connector is opened with. */
export interface ConnectorContext {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Aborts when the task must stop. */
  readonly signal: AbortSignal;
}

/** An open source. Called by one caller, one call at a time. */
export interface SourceTask<out V> {
  /**
   * The next records, in order; waits until there are some. An empty array says that the source is at its end; only a
   * bounded source may say so.
   */
  poll(recordsMax: number): Promise<readonly SourceRecord<V>[]>;
  /** Share of the input that has been read, from 0 to 1, where the source knows it. */
  progress?(): number;
  close(): Promise<void>;
}

/** A source as a program names it; nothing is opened before the job runs. */
export interface SourceConnector<out V> {
  /** For `describe`, errors and the key of its offsets: must be the same at every start, e.g. 'csv:flights.csv'. */
  readonly name: string;
  /** Ends by itself. */
  readonly bounded: boolean;
  /** Gives the same records again when opened at an earlier offset. Exactly-once needs it. */
  readonly replayable: boolean;
  /** @param from where to go on, or null to begin. @throws a Fault or Error whose message says what to do */
  open(from: SourceOffset | null, context: ConnectorContext): Promise<SourceTask<V>>;
}

/** One record for a sink, with where it came from. */
export interface SinkRecord<out K, out V> {
  readonly key: K;
  readonly value: V;
  readonly timestampMs: number;
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly headers: readonly (readonly [string, Uint8Array | null])[];
}

/** An open sink. Called by one caller, one call at a time. */
export interface SinkTask<in K, in V> {
  /** Takes records in order. The records are only read while the call runs; waiting in it is back-pressure. */
  write(records: readonly SinkRecord<K, V>[]): Promise<void>;
  /** Resolves once everything written is safe; offsets are committed after it. */
  flush(): Promise<void>;
  close(): Promise<void>;
}

/** A sink as a program names it; nothing is opened before the job runs. */
export interface SinkConnector<in K, in V> {
  readonly name: string;
  /** `repeats`: a record may be written again after a crash. `idempotent`: writing it again changes nothing. */
  readonly delivery: 'repeats' | 'idempotent';
  /** Resolved once per task. */
  open(context: ConnectorContext & { readonly task: string }): Promise<SinkTask<K, V>>;
}

/** A picture of a topic in the terminal of the process that runs the job: rebuilt from the topic at every start, never committed. */
export interface ViewConnector<in K, in V> {
  readonly name: string;
  /** Called for every record of the topic, oldest first per partition; a null value is a tombstone. */
  update(key: K, value: V | null): void;
  /** The text to show, without colour where `colour` is false. */
  render(options: { readonly columns: number; readonly colour: boolean }): string;
}

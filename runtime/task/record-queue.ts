// The records of one input that wait to be processed: wire batches under a cursor, or what a connector made. The head
// record's time is known before it is taken, so that a task can take the oldest of its inputs. Classes, because the
// task's loop reads their fields once a record. Nothing here runs steps.
import { Fault } from '../../core/kernel/fault.ts';
import { utf8 } from '../../core/schema/primitive.ts';
import type { Serde } from '../../core/schema/serde.ts';
import type { SourceOffset, SourceRecord } from '../../dsl/connector.ts';
import type { JobOptions, TopicSpec } from '../../dsl/plan.ts';
import type { ErrorHandler } from '../delivery/error-policy.ts';
import { decodeKey, type Origin, type TaskRecord, undecoded } from './record-context.ts';
import { RecordCursor, type RecordHeaders } from './record-cursor.ts';
import type { TaskMetrics } from './task-metrics.ts';

export interface QueueParts {
  readonly input: number;
  readonly record: TaskRecord;
  readonly errors: ErrorHandler;
  readonly metrics: TaskMetrics;
  readonly negativeTimestamp: JobOptions['negativeTimestamp'];
}

export interface InputQueue extends Origin {
  /** Event time of the head record; valid after `ready()` said so. */
  readonly timestampMs: number;
  readonly bufferedBytes: number;
  /** Whether there is a head record; moves to the next one if the last was taken. Decides on records without a usable time. */
  ready(): boolean;
  /** The head's value, and takes the head: `ready()` moves on. `unreadable` where it can't be decoded and that was dealt with. */
  take(): unknown;
  /** The head that was taken is entirely processed. */
  done(): void;
}

/** Stands for a value that could not be decoded. */
export const unreadable: unique symbol = Symbol('a value that could not be decoded');

export interface Fetched {
  /** Records below it are skipped: a batch may begin before what was asked for. */
  readonly fetchOffset: number;
  readonly batches: readonly Uint8Array[];
  /** Where the next fetch begins, past control batches and gaps. */
  readonly nextOffset: number;
}

/** As the log keeps it; -1 for what is no time, such as `Date.parse` gives for other text. Seconds times 1,000 have fractions. */
export const wholeMs = (timestampMs: number): number => (Number.isFinite(timestampMs) ? Math.floor(timestampMs) : -1);

/** Whether the time of a record can't be used and it is to be dropped. @throws Fault `BAD_TIMESTAMP` */
function unusable(origin: Origin, timestampMs: number, parts: QueueParts): boolean {
  if (timestampMs >= 0) return false;
  if (parts.negativeTimestamp === 'fail') {
    const where = origin.topic === '' ? 'a source' : `${origin.topic}-${origin.partition} offset ${origin.offset}`;
    throw new Fault('BAD_TIMESTAMP', { where, timestampMs });
  }
  parts.metrics.dropped.negativeTimestamp += 1;
  return true;
}

export class TopicQueue implements InputQueue {
  readonly input: number;
  readonly topic: string;
  readonly partition: number;
  readonly keySerde: Serde<unknown>;
  timestampMs = -1;
  bufferedBytes = 0;
  /** Next offset to process: what a commit says. */
  position = -1;
  /** Next offset to fetch: past all that is buffered. */
  nextOffset = -1;
  readonly #parts: QueueParts;
  readonly #valueSerde: Serde<unknown>;
  readonly #isText: boolean;
  readonly #timestampOf: TopicSpec['timestampOf'];
  readonly #cursor = new RecordCursor();
  readonly #fetched: Fetched[] = [];
  #batchAt = 0;
  #openBytes = 0;
  #from = 0;
  #hasHead = false;
  #key: unknown = undecoded;
  /** Decoded while looking for the event time; `undecoded` where the record carries it. */
  #value: unknown = undecoded;

  constructor(parts: QueueParts, topic: TopicSpec, partition: number) {
    this.input = parts.input;
    this.topic = topic.name;
    this.partition = partition;
    this.keySerde = topic.key;
    this.#parts = parts;
    this.#valueSerde = topic.value;
    this.#isText = topic.value === (utf8 as Serde<unknown>);
    this.#timestampOf = topic.timestampOf;
  }

  get offset(): number {
    return this.#cursor.offset;
  }

  enqueue(fetched: Fetched): void {
    if (this.position < 0) this.position = fetched.fetchOffset;
    this.#fetched.push(fetched);
    for (const batch of fetched.batches) this.bufferedBytes += batch.length;
    this.nextOffset = fetched.nextOffset;
    if (this.bufferedBytes === 0 && !this.#hasHead) this.#open();
  }

  ready(): boolean {
    return this.#hasHead || this.#next();
  }

  take(): unknown {
    this.#hasHead = false;
    if (this.#value !== undecoded) return this.#value;
    if (this.#isText) return this.#cursor.valueText();
    const bytes = this.#cursor.value();
    if (bytes === null) return null;
    try {
      return this.#valueSerde.decode(bytes);
    } catch (error) {
      this.#parts.errors.decode(`read ${this.topic}`, error);
      return unreadable;
    }
  }

  done(): void {
    this.position = this.#cursor.offset + 1;
  }

  #next(): boolean {
    for (;;) {
      while (this.#cursor.next()) {
        if (this.#cursor.offset < this.#from) continue;
        this.#key = undecoded;
        this.timestampMs = this.#cursor.timestampMs;
        if (this.#timestampOf !== undefined && !this.#extractTime(this.#timestampOf)) continue;
        if (this.timestampMs < 0 && unusable(this, this.timestampMs, this.#parts)) continue;
        this.position = this.#cursor.offset;
        return (this.#hasHead = true);
      }
      if (!this.#open()) return false;
    }
  }

  /** Opens the next batch that is buffered. */
  #open(): boolean {
    this.bufferedBytes -= this.#openBytes;
    this.#openBytes = 0;
    for (let first = this.#fetched[0]; first !== undefined; first = this.#fetched[0]) {
      if (this.#batchAt < first.batches.length) {
        const batch = first.batches[this.#batchAt++]!;
        this.#openBytes = batch.length;
        this.#from = first.fetchOffset;
        this.#cursor.open(batch);
        return true;
      }
      this.position = first.nextOffset;
      this.#batchAt = 0;
      this.#fetched.shift();
    }
    return false;
  }

  #extractTime(timestampOf: NonNullable<TopicSpec['timestampOf']>): boolean {
    const { record, errors } = this.#parts;
    record.origin = this;
    record.currentKey = undecoded;
    record.timestampMs = this.timestampMs;
    this.#value = undecoded;
    const value = this.take();
    if (value === unreadable) return false;
    this.#value = value;
    if (value === null) return true;
    try {
      this.timestampMs = timestampOf(value, record);
    } catch (error) {
      errors.process(`timestamp of ${this.topic}`, value, error);
      return false;
    }
    this.timestampMs = wholeMs(this.timestampMs);
    return true;
  }

  readHeaders(): RecordHeaders {
    return this.#cursor.headers();
  }

  keyBytes(): Uint8Array | null {
    return this.#cursor.key();
  }

  lentKeyBytes(): Uint8Array | null {
    return this.#cursor.lentKey();
  }

  valueBytes(): Uint8Array | null {
    return this.#cursor.value();
  }

  readKey(): unknown {
    if (this.#key !== undecoded) return this.#key;
    const isText = this.keySerde === (utf8 as Serde<unknown>);
    this.#key = isText ? this.#cursor.keyText() : decodeKey(this.keySerde, this.#cursor.key());
    return this.#key;
  }
}

const noHeaders: RecordHeaders = [];
/** A guess, since what a connector makes was never measured: enough for a bound. */
const sourceRecordBytes = 256;

export class SourceQueue implements InputQueue {
  readonly input: number;
  readonly topic = '';
  readonly partition = -1;
  readonly offset = -1;
  readonly keySerde = null;
  timestampMs = -1;
  /** Where the source goes on after what was processed. */
  sourceOffset: SourceOffset | null = null;
  readonly #parts: QueueParts;
  readonly #now: () => number;
  #records: readonly SourceRecord<unknown>[] = [];
  #waiting: (readonly SourceRecord<unknown>[])[] = [];
  #at = -1;
  #hasHead = false;
  #readMs = 0;

  constructor(parts: QueueParts, now: () => number) {
    this.input = parts.input;
    this.#parts = parts;
    this.#now = now;
  }

  get bufferedBytes(): number {
    const waiting = this.#waiting.reduce((sum, records) => sum + records.length, 0);
    return (waiting + this.#records.length - this.#at - (this.#hasHead ? 0 : 1)) * sourceRecordBytes;
  }

  enqueue(records: readonly SourceRecord<unknown>[]): void {
    if (records.length > 0) this.#waiting.push(records);
  }

  ready(): boolean {
    return this.#hasHead || this.#next();
  }

  take(): unknown {
    this.#hasHead = false;
    return this.#records[this.#at]!.value;
  }

  done(): void {
    this.sourceOffset = this.#records[this.#at]!.offset;
  }

  #next(): boolean {
    for (;;) {
      if (this.#at + 1 >= this.#records.length) {
        const records = this.#waiting.shift();
        if (records === undefined) return false;
        this.#records = records;
        this.#at = -1;
        this.#readMs = this.#now();
      }
      this.#at += 1;
      this.timestampMs = wholeMs(this.#records[this.#at]!.timestampMs ?? this.#readMs);
      if (this.timestampMs < 0 && unusable(this, this.timestampMs, this.#parts)) this.done();
      else return (this.#hasHead = true);
    }
  }

  readHeaders(): RecordHeaders {
    return this.#records[this.#at]?.headers ?? noHeaders;
  }

  keyBytes(): null {
    return null;
  }

  lentKeyBytes(): null {
    return null;
  }

  valueBytes(): null {
    return null;
  }

  readKey(): null {
    return null;
  }
}

// What joins and versioned tables keep under one key, and how it is written. A store finds single keys and can't scan, so
// what belongs together stands together, in parts small enough to be written again with every commit.
import { ByteReader } from '../../core/kernel/byte-reader.ts';
import { ByteWriter } from '../../core/kernel/byte-writer.ts';
import { Fault } from '../../core/kernel/fault.ts';
import { utf8 } from '../../core/schema/primitive.ts';
import type { Serde } from '../../core/schema/serde.ts';

// biome-ignore lint/suspicious/noExplicitAny: erased, as the plan is
type Any = any;

/** A record that waits in a join of streams. Changed in place, and then put again. */
export interface JoinRow {
  readonly timestampMs: number;
  readonly value: Any;
  /** It has met one of the other side: then it never comes out unmatched. */
  matched: boolean;
}

/** The rows of a key in a span of time, or some of many: the first part says how many parts there are. */
export interface JoinRows {
  parts: number;
  readonly left: JoinRow[];
  readonly right: JoinRow[];
}

/** A queue by time: what it holds where, or some of its entries. */
export type QueuePart =
  | {
      readonly kind: 'index';
      /** How long a span is; null in what an earlier version wrote. */
      spanMs: number | null;
      drainedBeforeMs: number;
      readonly parts: Map<number, number>;
    }
  | { readonly kind: 'entries'; readonly entries: QueueEntry[] };

export interface QueueEntry {
  readonly timestampMs: number;
  readonly item: Any;
}

/** The rows of a key, newest first; null is a deletion. */
export type Versions = readonly { readonly timestampMs: number; readonly value: Any }[];

/** A record of a stream that waits for a table's row of its time. */
export interface WaitingRecord {
  readonly key: Any;
  readonly value: Any;
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly headers: readonly (readonly [string, Uint8Array | null])[];
  /** As they came, for a dead letter. */
  readonly keyBytes: Uint8Array | null;
  readonly valueBytes: Uint8Array | null;
}

/** One part of what subscribes to a foreign key: -1 is the index. */
export interface SubscriptionKey {
  readonly key: Any;
  readonly part: number;
}

/** A row that refers to a foreign key: its key's bytes, and what its value was when it said so. */
export interface Subscriber {
  readonly key: Uint8Array;
  readonly hash: Uint8Array;
}

/** Subscribers stand in 2^`bits` parts, by the hash of their keys. */
export type Subscribers =
  | { readonly kind: 'index'; readonly bits: number }
  | { readonly kind: 'part'; readonly subscribers: readonly Subscriber[] };

const marks = { rows: 0xb1, index: 0xb2, entries: 0xb3, versions: 0xb4, waiting: 0xb5, subscribers: 0xb6 } as const;

/** Reused: encoding is synchronous, and nested serdes make writers of their own. */
function encoder(name: string): (mark: number, write: (writer: ByteWriter) => void) => Uint8Array {
  let writer: ByteWriter | null = new ByteWriter(256);
  return (mark, write) => {
    const mine = writer ?? new ByteWriter(256);
    writer = null;
    try {
      mine.reset();
      mine.int8(mark);
      write(mine);
      return mine.view().slice();
    } catch (error) {
      throw new Fault('UNWRITABLE_VALUE', { serde: name, why: (error as Error).message }, error);
    } finally {
      writer = mine;
    }
  };
}

function open(bytes: Uint8Array, name: string): { readonly mark: number; readonly reader: ByteReader } {
  const reader = new ByteReader(bytes);
  const mark = reader.int8() & 0xff;
  if (!(Object.values(marks) as number[]).includes(mark)) {
    throw new Fault('UNREADABLE_BYTES', { serde: name, why: `they begin with ${mark}, as nothing it writes does` });
  }
  return { mark, reader };
}

function writeBytes(writer: ByteWriter, bytes: Uint8Array): void {
  writer.uvarint(bytes.length);
  writer.bytes(bytes);
}

/** A text goes straight to its place, in the length that it has where it is ASCII. */
function writeValue(writer: ByteWriter, serde: Serde<Any>, value: Any): void {
  if (serde === utf8 && typeof value === 'string') {
    const start = writer.length;
    writer.uvarint(value.length);
    if (writer.utf8(value) === value.length) return;
    writer.length = start;
  }
  writeBytes(writer, serde.encode(value));
}

function writeNullable(writer: ByteWriter, bytes: Uint8Array | null): void {
  writer.int8(bytes === null ? 0 : 1);
  if (bytes !== null) writeBytes(writer, bytes);
}

const readNullable = (reader: ByteReader): Uint8Array | null =>
  reader.int8() === 0 ? null : readBytes(reader).slice();

const readBytes = (reader: ByteReader): Uint8Array => reader.view(reader.uvarint());

export function joinRowsSerde(left: Serde<Any>, right: Serde<Any>): Serde<JoinRows> {
  const name = `rows of ${left.name} and ${right.name}`;
  const encode = encoder(name);
  const writeSide = (writer: ByteWriter, rows: readonly JoinRow[], serde: Serde<Any>) => {
    writer.uvarint(rows.length);
    let before = 0;
    for (const { timestampMs, value, matched } of rows) {
      writer.varlong(timestampMs - before);
      writer.int8(matched ? 1 : 0);
      writeValue(writer, serde, value);
      before = timestampMs;
    }
  };
  const readSide = (reader: ByteReader, serde: Serde<Any>): JoinRow[] => {
    let timestampMs = 0;
    return Array.from({ length: reader.uvarint() }, () => {
      timestampMs += reader.varlong();
      const matched = reader.int8() === 1;
      return { timestampMs, matched, value: serde.decode(readBytes(reader)) };
    });
  };
  return {
    name,
    encode: (rows) =>
      encode(marks.rows, (writer) => {
        writer.uvarint(rows.parts);
        writeSide(writer, rows.left, left);
        writeSide(writer, rows.right, right);
      }),
    decode(bytes) {
      const { reader } = open(bytes, name);
      return { parts: reader.uvarint(), left: readSide(reader, left), right: readSide(reader, right) };
    },
  };
}

export function queueSerde(item: Serde<Any>): Serde<QueuePart> {
  const name = `queue of ${item.name}`;
  const encode = encoder(name);
  return {
    name,
    encode(part) {
      if (part.kind === 'index') {
        return encode(marks.index, (writer) => {
          writer.float64(part.drainedBeforeMs);
          writer.uvarint(part.parts.size);
          for (const [span, count] of part.parts) {
            writer.varlong(span);
            writer.uvarint(count);
          }
          if (part.spanMs !== null) writer.float64(part.spanMs);
        });
      }
      return encode(marks.entries, (writer) => {
        writer.uvarint(part.entries.length);
        for (const entry of part.entries) {
          writer.varlong(entry.timestampMs);
          writeValue(writer, item, entry.item);
        }
      });
    },
    decode(bytes) {
      const { mark, reader } = open(bytes, name);
      if (mark === marks.index) {
        const drainedBeforeMs = reader.float64();
        const parts = new Map(Array.from({ length: reader.uvarint() }, () => [reader.varlong(), reader.uvarint()]));
        return { kind: 'index', drainedBeforeMs, parts, spanMs: reader.remaining === 0 ? null : reader.float64() };
      }
      const entries = Array.from({ length: reader.uvarint() }, () => {
        const timestampMs = reader.varlong();
        return { timestampMs, item: item.decode(readBytes(reader)) };
      });
      return { kind: 'entries', entries };
    },
  };
}

export function versionsSerde(value: Serde<Any>): Serde<Versions> {
  const name = `history of ${value.name}`;
  const encode = encoder(name);
  return {
    name,
    encode: (versions) =>
      encode(marks.versions, (writer) => {
        writer.uvarint(versions.length);
        for (const version of versions) {
          writer.varlong(version.timestampMs);
          writer.int8(version.value === null ? 0 : 1);
          if (version.value !== null) writeValue(writer, value, version.value);
        }
      }),
    decode(bytes) {
      const { reader } = open(bytes, name);
      return Array.from({ length: reader.uvarint() }, () => {
        const timestampMs = reader.varlong();
        return { timestampMs, value: reader.int8() === 0 ? null : value.decode(readBytes(reader)) };
      });
    },
  };
}

export function waitingSerde(key: Serde<Any>, value: Serde<Any>): Serde<WaitingRecord> {
  const name = `records of ${key.name} and ${value.name}`;
  const encode = encoder(name);
  const writeText = (writer: ByteWriter, text: string) => writeBytes(writer, Buffer.from(text));
  const readText = (reader: ByteReader) => Buffer.from(readBytes(reader)).toString();
  return {
    name,
    encode: (record) =>
      encode(marks.waiting, (writer) => {
        writeValue(writer, key, record.key);
        writeValue(writer, value, record.value);
        writeText(writer, record.topic);
        writer.varlong(record.partition);
        writer.varlong(record.offset);
        writer.uvarint(record.headers.length);
        for (const [header, content] of record.headers) {
          writeText(writer, header);
          writeNullable(writer, content);
        }
        writeNullable(writer, record.keyBytes);
        writeNullable(writer, record.valueBytes);
      }),
    decode(bytes) {
      const { reader } = open(bytes, name);
      const record = {
        key: key.decode(readBytes(reader)),
        value: value.decode(readBytes(reader)),
        topic: readText(reader),
      };
      const [partition, offset] = [reader.varlong(), reader.varlong()];
      const headers = Array.from({ length: reader.uvarint() }, () => {
        const header = readText(reader);
        return [header, readNullable(reader)] as const;
      });
      const [keyBytes, valueBytes] = [readNullable(reader), readNullable(reader)];
      return { ...record, partition, offset, headers, keyBytes, valueBytes };
    },
  };
}

export function subscriptionKey(foreign: Serde<Any>): Serde<SubscriptionKey> {
  return {
    name: `${foreign.name} in parts`,
    encode({ key, part }) {
      const bytes = foreign.encode(key);
      const encoded = Buffer.alloc(bytes.length + 4);
      encoded.set(bytes);
      encoded.writeInt32BE(part, bytes.length);
      return encoded;
    },
    decode(bytes) {
      const at = bytes.length - 4;
      const part = new DataView(bytes.buffer, bytes.byteOffset + at, 4).getInt32(0);
      return { key: foreign.decode(bytes.subarray(0, at)), part };
    },
  };
}

export function subscribersSerde(): Serde<Subscribers> {
  const name = 'subscribers';
  const encode = encoder(name);
  return {
    name,
    encode(part) {
      if (part.kind === 'index') return encode(marks.index, (writer) => writer.uvarint(part.bits));
      return encode(marks.subscribers, (writer) => {
        writer.uvarint(part.subscribers.length);
        for (const { key, hash } of part.subscribers) {
          writeBytes(writer, key);
          writeBytes(writer, hash);
        }
      });
    },
    decode(bytes) {
      const { mark, reader } = open(bytes, name);
      if (mark === marks.index) return { kind: 'index', bits: reader.uvarint() };
      const subscribers = Array.from({ length: reader.uvarint() }, () => {
        const key = readBytes(reader).slice();
        return { key, hash: readBytes(reader).slice() };
      });
      return { kind: 'part', subscribers };
    },
  };
}

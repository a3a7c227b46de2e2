// The kinds of fields that Kafka's messages are made of, each in its old and its flexible encoding. What a peer sends
// is bounded before anything is allocated for it. Which fields a message has is said in messages/, nowhere here.
import type { ByteReader } from '../kernel/byte-reader.ts';
import type { ByteWriter } from '../kernel/byte-writer.ts';
import {
  type Codec,
  cannotEncode,
  type Field,
  type Kind,
  malformed,
  type NullableOptions,
  type Options,
  type PartOf,
  type Shape,
  type ValueOf,
} from './field.ts';
import { structOf } from './struct.ts';
import { isUuid, readUuid, writeUuid, zeroUuid } from './uuid.ts';

type ScalarKind<T> = (options?: Options<T>) => Field<T>;
interface NullableKind<T> {
  (options: NullableOptions<T>): Field<T | null>;
  (options?: Options<T>): Field<T>;
}
type AnyOptions = Options<unknown> & { readonly nullableFrom?: number };

interface Fixed<T> {
  readonly kind: Kind;
  readonly zero: T;
  readonly sizeMin: number;
  read(reader: ByteReader): T;
  write(writer: ByteWriter, value: T): void;
}

const fixed = <T>({ kind, zero, ...codec }: Fixed<T>): ScalarKind<T> => {
  return (options = {}) => {
    const fallback = options.fallback ?? zero;
    return { ...ranges(kind, options), fallback, compile: () => codec, isDefault: (value) => value === fallback };
  };
};

export const bool = fixed({
  kind: 'bool',
  zero: false,
  sizeMin: 1,
  read: (r) => r.int8() !== 0,
  write: (w, v) => w.int8(v ? 1 : 0),
});
export const int8 = fixed({ kind: 'int8', zero: 0, sizeMin: 1, read: (r) => r.int8(), write: (w, v) => w.int8(v) });
export const int16 = fixed({ kind: 'int16', zero: 0, sizeMin: 2, read: (r) => r.int16(), write: (w, v) => w.int16(v) });
export const uint16 = fixed({
  kind: 'uint16',
  zero: 0,
  sizeMin: 2,
  read: (r) => r.uint16(),
  write: (w, v) => w.uint16(v),
});
export const int32 = fixed({ kind: 'int32', zero: 0, sizeMin: 4, read: (r) => r.int32(), write: (w, v) => w.int32(v) });
export const uint32 = fixed({
  kind: 'uint32',
  zero: 0,
  sizeMin: 4,
  read: (r) => r.uint32(),
  write: (w, v) => w.uint32(v),
});
/**
 * As a number. What is read beyond ±(2^53 - 1) becomes that bound: peers say "never" and "no limit" with the largest
 * 64-bit integer (timestamps of ListOffsets, expiry times), and a request must not be cut off for that. So it is for
 * all such fields, because any of them may be meant so and none counts that far; what may not lose a digit (hashes) is
 * a `bigint64`. A default of Kafka's that is the largest integer is written as `Number.MAX_SAFE_INTEGER` here.
 */
export const int64 = fixed({
  kind: 'int64',
  zero: 0,
  sizeMin: 8,
  read(r) {
    const high = r.int32();
    const n = high * 2 ** 32 + r.uint32();
    return Math.min(Math.max(n, Number.MIN_SAFE_INTEGER), Number.MAX_SAFE_INTEGER);
  },
  write: (w, v) => w.int64(v),
});
export const bigint64 = fixed({
  kind: 'bigint64',
  zero: 0n,
  sizeMin: 8,
  read: (r) => r.bigint64(),
  write: (w, v) => w.bigint64(v),
});
export const float64 = fixed({
  kind: 'float64',
  zero: 0,
  sizeMin: 8,
  read: (r) => r.float64(),
  write: (w, v) => w.float64(v),
});

/** Lower-case hex with dashes; default all zeros, Kafka's "none". */
export const uuid: ScalarKind<string> = (options = {}) => {
  const fallback = options.fallback ?? zeroUuid;
  return {
    ...ranges('uuid', options),
    fallback,
    isDefault: (value) => value === fallback,
    compile: (version, _flexible, path) => ({
      sizeMin: 16,
      read: readUuid,
      write(writer, value) {
        if (!isUuid(value)) throw cannotEncode(path, version, `'${value}' is no uuid`);
        writeUuid(writer, value);
      },
    }),
  };
};

export const string = ((options: AnyOptions = {}): Field<string | null> => {
  const fallback = given<string | null>(options, '');
  return {
    ...ranges('string', options),
    fallback,
    isDefault: (value) => value === fallback,
    compile(version, flexible, path) {
      const length = lengths(options, version, flexible, path, 'int16');
      return {
        sizeMin: length.sizeMin,
        read(reader) {
          const size = length.read(reader);
          return size < 0 ? null : reader.utf8(size);
        },
        write(writer, value) {
          if (value === null) return length.writeNull(writer);
          length.write(writer, Buffer.byteLength(value));
          writer.utf8(value);
        },
      };
    },
  };
}) as NullableKind<string>;

/** Decoded bytes share memory with what was decoded: copy what is kept. */
export const bytes = ((options: AnyOptions = {}): Field<Uint8Array | null> => {
  const fallback = given<Uint8Array | null>(options, emptyBytes);
  return {
    ...ranges('bytes', options),
    fallback,
    isDefault: (value) => (fallback === null || value === null ? value === fallback : value.length === 0),
    compile(version, flexible, path) {
      const length = lengths(options, version, flexible, path, 'int32');
      return {
        sizeMin: length.sizeMin,
        read(reader) {
          const size = length.read(reader);
          return size < 0 ? null : reader.view(size);
        },
        write(writer, value) {
          if (value === null) return length.writeNull(writer);
          length.write(writer, value.length);
          writer.bytes(value);
        },
      };
    },
  };
}) as NullableKind<Uint8Array>;

/**
 * Whole record batches, never looked into. Written from as many chunks as there are, read as one that shares memory.
 */
export const records = (
  options: Omit<AnyOptions, 'fallback' | 'nullableFrom'> = {},
): Field<readonly Uint8Array[] | null> => ({
  ...ranges('records', { ...options, nullableFrom: 0 }),
  fallback: null,
  isDefault: (value) => value === null,
  compile(version, flexible, path) {
    const length = lengths({ ...options, nullableFrom: 0 }, version, flexible, path, 'int32');
    return {
      sizeMin: length.sizeMin,
      read(reader) {
        const size = length.read(reader);
        return size < 0 ? null : size === 0 ? none : [reader.view(size)];
      },
      write(writer, value, pieces) {
        if (value === null) return length.writeNull(writer);
        let size = 0;
        for (let i = 0; i < value.length; i++) size += value[i]!.length;
        length.write(writer, size);
        if (pieces?.add(writer.length, value, size) === true) return;
        for (let i = 0; i < value.length; i++) writer.bytes(value[i]!);
      },
    };
  },
});

type Element = Field | Shape;
type ElementOf<E extends Element> = E extends Field<infer T, infer _> ? T : E extends Shape ? ValueOf<E> : never;
type ElementPart<E extends Element> = E extends Field<infer _, infer I> ? I : E extends Shape ? PartOf<E> : never;
type Items<E extends Element> = Field<readonly ElementOf<E>[], readonly ElementPart<E>[]>;
type ItemsOrNull<E extends Element> = Field<readonly ElementOf<E>[] | null, readonly ElementPart<E>[] | null>;
type Fallback = readonly never[];

/** @param element a field, or for structs their fields by name */
export function array<E extends Element>(element: E, options: NullableOptions<Fallback>): ItemsOrNull<E>;
export function array<E extends Element>(element: E, options?: Options<Fallback>): Items<E>;
export function array(element: Element, options: AnyOptions = {}): Field<readonly unknown[] | null> {
  const fallback = given<readonly unknown[] | null>(options, none);
  const inner = (isField(element) ? element : structOf(element)) as Pick<Field, 'compile' | 'create'>;
  const create = inner.create;
  return {
    ...ranges('array', options, element),
    fallback,
    isDefault: (value) => (fallback === null || value === null ? value === fallback : value.length === 0),
    ...(create !== undefined && { create: (init: readonly unknown[] | null) => fill(init, create) }),
    compile: (version, flexible, path) =>
      arrayCodec(inner.compile(version, flexible, path), lengths(options, version, flexible, path, 'int32'), path),
  };
}

function arrayCodec(item: Codec, length: LengthCodec, path: string): Codec<readonly unknown[] | null> {
  const itemSizeMin = Math.max(item.sizeMin, 1);
  return {
    sizeMin: length.sizeMin,
    read(reader) {
      const count = length.read(reader);
      if (count <= 0) return count === 0 ? none : null;
      if (count * itemSizeMin > reader.remaining)
        throw malformed(`${path} claims ${count} elements in ${reader.remaining} bytes`);
      const items: unknown[] = [];
      for (let i = 0; i < count; i++) items.push(item.read(reader));
      return items;
    },
    write(writer, value, pieces) {
      if (value === null) return length.writeNull(writer);
      length.write(writer, value.length);
      for (let i = 0; i < value.length; i++) item.write(writer, value[i], pieces);
    },
  };
}

/** One struct inside another. Where it may be null, a byte in front says whether it is there. */
export function struct<S extends Shape>(
  shape: S,
  options: NullableOptions<never>,
): Field<ValueOf<S> | null, PartOf<S> | null>;
export function struct<S extends Shape>(shape: S, options?: Options<never>): Field<ValueOf<S>, PartOf<S>>;
export function struct<S extends Shape>(
  shape: S,
  options: AnyOptions = {},
): Field<ValueOf<S> | null, PartOf<S> | null> {
  const inner = structOf(shape);
  const fallback = given<ValueOf<S> | null>(options, inner.defaults);
  return {
    ...ranges('struct', options, shape),
    fallback,
    isDefault: (value) => value === fallback || (fallback !== null && value !== null && inner.isDefault(value)),
    create: (init) => (init === null ? null : init === fallback ? fallback : inner.create(init)),
    compile(version, flexible, path) {
      const codec = inner.compile(version, flexible, path);
      if (version >= (options.nullableFrom ?? Infinity)) return orNull(codec, path, options.tag === undefined ? -1 : 0);
      return {
        ...codec,
        write(writer, value, pieces) {
          if (value === null) throw cannotEncode(path, version, 'it may not be null there');
          codec.write(writer, value, pieces);
        },
      };
    },
  };
}

/** @param absent what Kafka writes for null: -1, and 0 in a tagged field */
const orNull = <T>(codec: Codec<T>, path: string, absent: -1 | 0): Codec<T | null> => ({
  sizeMin: 1,
  read(reader) {
    const there = reader.int8();
    if (there !== 1 && there !== absent)
      throw malformed(`${path} starts with ${there}, which is neither 1 nor ${absent}`);
    return there === 1 ? codec.read(reader) : null;
  },
  write(writer, value, pieces) {
    writer.int8(value === null ? absent : 1);
    if (value !== null) codec.write(writer, value, pieces);
  },
});

const none = Object.freeze([]) as readonly never[];
const emptyBytes = new Uint8Array(0);

const ranges = (kind: Kind, options: AnyOptions, inner: Field | Shape | null = null) => ({
  kind,
  inner,
  since: options.since ?? 0,
  until: options.until ?? Infinity,
  nullableFrom: options.nullableFrom ?? Infinity,
  tag: options.tag ?? null,
  ignorable: options.ignorable ?? false,
});

/** Not `??`: null is a default that can be given. */
const given = <T>(options: AnyOptions, zero: T): T => (options.fallback === undefined ? zero : (options.fallback as T));

const isField = (element: Element): element is Field => typeof element['compile'] === 'function';

function fill(init: readonly unknown[] | null, create: (init: unknown) => unknown): readonly unknown[] | null {
  if (init === null || init.length === 0) return init;
  const items: unknown[] = [];
  for (let i = 0; i < init.length; i++) items.push(create(init[i]));
  return items;
}

interface LengthCodec {
  readonly sizeMin: number;
  /** -1 for null. */
  read(reader: ByteReader): number;
  write(writer: ByteWriter, length: number): void;
  writeNull(writer: ByteWriter): void;
}

/**
 * What stands in front of strings, bytes and arrays: int16 or int32 with -1 for null, or in flexible versions length
 * + 1 as a varint with 0 for null.
 */
function lengths(
  options: AnyOptions,
  version: number,
  inFlexible: boolean,
  path: string,
  old: 'int16' | 'int32',
): LengthCodec {
  const flexible = inFlexible && options.flexible !== false;
  const nullable = version >= (options.nullableFrom ?? Infinity);
  const read = flexible
    ? (r: ByteReader) => r.uvarint() - 1
    : old === 'int16'
      ? (r: ByteReader) => r.int16()
      : (r: ByteReader) => r.int32();
  const lengthMax = !flexible && old === 'int16' ? 0x7fff : 0x7fffffff;
  return {
    sizeMin: flexible ? 1 : old === 'int16' ? 2 : 4,
    read(reader) {
      const length = read(reader);
      if (length < (nullable ? -1 : 0)) throw malformed(`${path} has a length of ${length}`);
      return length;
    },
    write(writer, length) {
      if (length > lengthMax) throw cannotEncode(path, version, `its ${length} bytes are more than ${lengthMax}`);
      if (flexible) writer.uvarint(length + 1);
      else if (old === 'int16') writer.int16(length);
      else writer.int32(length);
    },
    writeNull(writer) {
      if (!nullable) throw cannotEncode(path, version, 'it may not be null there');
      if (flexible) writer.uvarint(0);
      else if (old === 'int16') writer.int16(-1);
      else writer.int32(-1);
    },
  };
}

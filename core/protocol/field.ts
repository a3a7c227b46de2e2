// What one field of a wire message is: its versions, its default, and how it becomes a codec for one version. Here are
// the shapes only; fields.ts has the kinds, struct.ts puts them together. No message is described here.
import type { ByteReader } from '../kernel/byte-reader.ts';
import type { ByteWriter } from '../kernel/byte-writer.ts';
import { Fault } from '../kernel/fault.ts';
import type { Pieces } from './pieces.ts';

/** Reads and writes one value in one version: what depends on the version was decided when it was made. */
export interface Codec<T = unknown> {
  /** The fewest bytes a value can take; bounds how many elements a hostile array length can claim. */
  readonly sizeMin: number;
  /** @param pieces where given, large records are noted there instead of being copied into the writer */
  write(writer: ByteWriter, value: T, pieces: Pieces | null): void;
  read(reader: ByteReader): T;
}

/** Which versions a field has, as Kafka's message definitions say it. */
export interface Options<T> {
  /** First version that has it; default 0. */
  readonly since?: number;
  /** Last version that has it; default all later ones. */
  readonly until?: number;
  /** Sent as a tagged field with this number, in all its versions, and only where it differs from its default. */
  readonly tag?: number;
  /** A value other than the default is left out of versions that lack the field; otherwise encoding it there throws. */
  readonly ignorable?: boolean;
  /** What `create` fills in, and what decoding a version without the field gives; default zero, '' or []. */
  readonly fallback?: T;
  /** Keeps the old encoding in flexible versions too. */
  readonly flexible?: false;
}

export interface NullableOptions<T> extends Options<T | null> {
  /** First version in which it may be null. */
  readonly nullableFrom: number;
}

export type Kind =
  | 'bool'
  | 'int8'
  | 'int16'
  | 'uint16'
  | 'int32'
  | 'uint32'
  | 'int64'
  | 'bigint64'
  | 'float64'
  | 'uuid'
  | 'string'
  | 'bytes'
  | 'records'
  | 'array'
  | 'struct';

/** @typeParam I what `create` takes for it: for structs, any part of T */
export interface Field<T = unknown, I = T> {
  readonly kind: Kind;
  /** What an array has in it, or a struct's fields; null for others. */
  readonly inner: Field | Shape | null;
  readonly since: number;
  readonly until: number;
  /** Infinity where it may never be null. */
  readonly nullableFrom: number;
  readonly tag: number | null;
  readonly ignorable: boolean;
  readonly fallback: T;
  /** @param path of the field from its message on, for errors */
  compile(version: number, flexible: boolean, path: string): Codec<T>;
  isDefault(value: T): boolean;
  /** Absent where the given value is taken as it is. */
  create?(init: I): T;
}

export type Shape = { readonly [name: string]: Field };

export type ValueOf<S extends Shape> = { readonly [K in keyof S]: S[K] extends Field<infer T, infer _> ? T : never };
export type PartOf<S extends Shape> = { readonly [K in keyof S]?: S[K] extends Field<infer _, infer I> ? I : never };

/** For a value of ours that a version can't say. */
export const cannotEncode = (path: string, version: number, why: string) =>
  new Fault('CANNOT_ENCODE', { field: path, version, why });

export const malformed = (what: string) => new Fault('MALFORMED_BYTES', { what });

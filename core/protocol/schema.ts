// One schema a message, for all its versions: its type, its codec and its defaults. How fields are written is in
// fields.ts; nothing here knows a message by name.
import { assert } from '../kernel/assert.ts';
import type { ByteReader } from '../kernel/byte-reader.ts';
import type { ByteWriter } from '../kernel/byte-writer.ts';
import { type Codec, malformed, type PartOf, type Shape, type ValueOf } from './field.ts';
import type { Pieces } from './pieces.ts';
import { structOf } from './struct.ts';

export interface MessageSpec {
  /** As Kafka names it; leads the path of a field in errors. */
  readonly name: string;
  /** Absent for what is no request or response. */
  readonly apiKey?: number;
  readonly versions: readonly [lowest: number, highest: number];
  /** First version with compact lengths and tagged fields (KIP-482); absent where none has. */
  readonly flexibleFrom?: number;
}

export interface Message<T = unknown, I = unknown> {
  readonly name: string;
  /** -1 for what is no request or response. */
  readonly apiKey: number;
  readonly versions: readonly [lowest: number, highest: number];
  readonly flexibleFrom: number;
  readonly shape: Shape;
  /**
   * @param pieces where given, large records are noted there instead of being copied; `pieces.join(writer.take())` is
   * then the whole
   * @throws Fault `CANNOT_ENCODE` where the value has what that version can't say
   */
  encode(value: T, version: number, writer: ByteWriter, pieces?: Pieces): void;
  /**
   * Bytes and records of the value share memory with what is read; fields which that version lacks have their defaults.
   * @throws Fault `MALFORMED_BYTES`, also for a version outside `versions`
   */
  decode(reader: ByteReader, version: number): T;
  /** A whole value: what is left out, at any depth, gets Kafka's default. */
  create(init?: I): T;
}

/** The type of a message's values, in all versions at once. */
export type Infer<M> = M extends Message<infer T, infer _> ? T : never;
/** What `create` takes. */
export type InitOf<M> = M extends Message<infer _, infer I> ? I : never;

export function message<S extends Shape>(spec: MessageSpec, shape: S): Message<ValueOf<S>, PartOf<S>> {
  const { name, apiKey = -1, versions, flexibleFrom = Infinity } = spec;
  const [lowest, highest] = versions;
  const struct = structOf(shape);
  const codecs: (Codec<ValueOf<S>> | undefined)[] = [];
  const codecOf = (version: number): Codec<ValueOf<S>> =>
    (codecs[version] ??= struct.compile(version, version >= flexibleFrom, name));
  return {
    name,
    apiKey,
    versions,
    flexibleFrom,
    shape,
    encode(value, version, writer, pieces) {
      assert(version >= lowest && version <= highest, `${name} has no version ${version}`);
      codecOf(version).write(writer, value, pieces ?? null);
    },
    decode(reader, version) {
      if (!(version >= lowest && version <= highest)) throw malformed(`${name} has no version ${version}`);
      return codecOf(version).read(reader);
    },
    create: (init) => struct.create(init ?? ({} as PartOf<S>)),
  };
}

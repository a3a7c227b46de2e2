// Fields put together: a struct's codec for one version, its defaults, and the filling in of what a caller left out.
// Versions are decided once, when a codec is compiled: encoding and decoding only walk lists.
import { assert } from '../kernel/assert.ts';
import type { ByteReader } from '../kernel/byte-reader.ts';
import { ByteWriter } from '../kernel/byte-writer.ts';
import { type Codec, cannotEncode, type Field, malformed, type PartOf, type Shape, type ValueOf } from './field.ts';

export interface Struct<S extends Shape> {
  /** A value with every default; frozen, so that it can stand in many messages. */
  readonly defaults: ValueOf<S>;
  compile(version: number, flexible: boolean, path: string): Codec<ValueOf<S>>;
  isDefault(value: ValueOf<S>): boolean;
  create(init: PartOf<S>): ValueOf<S>;
}

type Values = Record<string, unknown>;
type Named = readonly [name: string, field: Field];

export function structOf<S extends Shape>(shape: S): Struct<S> {
  const fields: readonly Named[] = Object.entries(shape);
  // Copied for each value, so that all have one hidden class whatever their version.
  const template: Values = {};
  for (const [name, field] of fields) template[name] = field.fallback;
  const filled = fields.filter(([, field]) => field.create !== undefined);
  return {
    defaults: Object.freeze({ ...template }) as ValueOf<S>,
    compile: (version, flexible, path) =>
      compile(fields, template, version, flexible, path) as unknown as Codec<ValueOf<S>>,
    isDefault: (value) => fields.every(([name, field]) => field.isDefault((value as Values)[name])),
    create(init) {
      const value: Values = { ...template, ...init };
      for (let i = 0; i < filled.length; i++) {
        const [name, field] = filled[i]!;
        value[name] = field.create!(value[name]);
      }
      return value as ValueOf<S>;
    },
  };
}

function compile(
  fields: readonly Named[],
  template: Values,
  version: number,
  flexible: boolean,
  path: string,
): Codec<Values> {
  const has = ([, field]: Named) => field.since <= version && version <= field.until;
  const here = fields.filter(has);
  const plain = here.filter(([, field]) => field.tag === null);
  const tagged = here.filter(([, field]) => field.tag !== null);
  assert(flexible || tagged.length === 0, `${path} has tagged fields in version ${version}, which is not flexible`);
  const names = plain.map(([name]) => name);
  const codecs = plain.map(([name, field]) => field.compile(version, flexible, `${path}.${name}`));
  const unsayable = fields.filter((named) => !has(named) && !named[1].ignorable);
  const tags = flexible ? compileTags(tagged, version, path) : null;
  return {
    sizeMin: codecs.reduce((sum, codec) => sum + codec.sizeMin, flexible ? 1 : 0),
    write(writer, value, pieces) {
      for (let i = 0; i < unsayable.length; i++) {
        const [name, field] = unsayable[i]!;
        if (!field.isDefault(value[name])) throw cannotEncode(`${path}.${name}`, version, 'that version lacks it');
      }
      for (let i = 0; i < codecs.length; i++) codecs[i]!.write(writer, value[names[i]!], pieces);
      if (tags !== null) tags.write(writer, value);
    },
    read(reader) {
      const value: Values = { ...template };
      for (let i = 0; i < codecs.length; i++) value[names[i]!] = codecs[i]!.read(reader);
      if (tags !== null) tags.read(reader, value);
      return value;
    },
  };
}

interface Tags {
  write(writer: ByteWriter, value: Values): void;
  read(reader: ByteReader, value: Values): void;
}

/**
 * The tail of a flexible struct: how many tagged fields, then for each its number, its size and its bytes (KIP-482).
 */
function compileTags(tagged: readonly Named[], version: number, path: string): Tags {
  const known = tagged
    .map(([name, field]) => ({ name, field, tag: field.tag!, codec: field.compile(version, true, `${path}.${name}`) }))
    .sort((a, b) => a.tag - b.tag);
  const byTag = new Map(known.map((entry) => [entry.tag, entry]));
  return {
    write(writer, value) {
      if (known.length === 0) {
        writer.uvarint(0);
        return;
      }
      const sent = known.filter(({ name, field }) => !field.isDefault(value[name]));
      writer.uvarint(sent.length);
      for (const { name, tag, codec } of sent) {
        const inner = new ByteWriter(64);
        codec.write(inner, value[name], null);
        writer.uvarint(tag);
        writer.uvarint(inner.length);
        writer.bytes(inner.view());
      }
    },
    read(reader, value) {
      for (let left = reader.uvarint(); left > 0; left--) {
        const entry = byTag.get(reader.uvarint());
        const size = reader.uvarint();
        if (entry === undefined) {
          reader.skip(size);
          continue;
        }
        const end = reader.position + size;
        if (size > reader.remaining)
          throw malformed(`${size} bytes of ${path}.${entry.name}, ${reader.remaining} are left`);
        value[entry.name] = entry.codec.read(reader);
        if (reader.position !== end) throw malformed(`${path}.${entry.name} does not end where its size says`);
      }
    },
  };
}

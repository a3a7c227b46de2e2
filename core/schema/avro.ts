// Avro's binary encoding by avsc, one datum a record, no header: the schema is known to both sides. Longs are bigint,
// because avsc's own turn the sign of every one below -2^52 (mtth/avsc issue 455) and refuse those beyond ±2^53.
import avsc from 'avsc';
import { Fault } from '../kernel/fault.ts';
import type { AvroSchema, AvroType } from './avro-type.ts';
import type { Serde } from './serde.ts';

export interface AvroOptions {
  /**
   * The schema that the bytes were written with, where it is another: fields are matched by name and alias, ones that
   * are missing get their default, and numbers are widened (Avro specification, schema resolution).
   */
  readonly writer?: AvroSchema;
}

/**
 * Values of an Avro schema. Written as a literal in the call, it gives their type (`AvroType`).
 *
 * With `writer` it only reads: what it wrote it could not read again.
 *
 * @throws Fault `BAD_SCHEMA` for one that is no Avro, or that can't read the writer's; from its encode and decode
 * `UNWRITABLE_VALUE`, naming the field, and `UNREADABLE_BYTES`
 * @example
 * avro({ type: 'record', name: 'Order', fields: [{ name: 'id', type: 'string' }, { name: 'cents', type: 'long' }] })
 */
export function avro<const S extends AvroSchema>(schema: S, options?: AvroOptions): Serde<AvroType<S>>;
/** For a schema loaded from a file, whose values are then what you say. */
export function avro<T>(schema: AvroSchema, options?: AvroOptions): Serde<T>;
export function avro(schema: AvroSchema, { writer }: AvroOptions = {}): Serde<unknown> {
  const type = typeOf(schema);
  const name = `avro ${type.name ?? type.typeName}`;
  const resolver = writer === undefined ? undefined : resolverOf(type, typeOf(writer), name);
  return {
    name,
    encode(value) {
      if (resolver !== undefined) {
        throw new Fault('UNWRITABLE_VALUE', {
          serde: name,
          why: 'it was made to read what another schema wrote; leave out writer',
        });
      }
      try {
        return type.toBuffer(value);
      } catch (error) {
        throw new Fault(
          'UNWRITABLE_VALUE',
          { serde: name, why: whyInvalid(type, value) ?? (error as Error).message },
          error,
        );
      }
    },
    decode(bytes) {
      try {
        return type.fromBuffer(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length), resolver);
      } catch (error) {
        throw new Fault('UNREADABLE_BYTES', { serde: name, why: (error as Error).message }, error);
      }
    },
  };
}

const long = avsc.types.LongType.__with({
  fromBuffer: (bytes: Buffer) => bytes.readBigInt64LE(),
  toBuffer(value: bigint) {
    const bytes = Buffer.allocUnsafe(8);
    bytes.writeBigInt64LE(value);
    return bytes;
  },
  fromJSON: (value: number | string) => BigInt(value),
  toJSON: (value: bigint) => Number(value),
  isValid: (value: unknown) => typeof value === 'bigint' && BigInt.asIntN(64, value) === value,
  compare: (a: bigint, b: bigint) => (a === b ? 0 : a < b ? -1 : 1),
});

/** Stands on avsc's own long: those that a Date can hold are the ones it gets right, so the rest are refused. */
class TimestampMillis extends avsc.types.LogicalType {
  override _fromValue(ms: number): Date {
    return new Date(ms);
  }
  override _toValue(value: unknown): number | undefined {
    const ms = value instanceof Date ? value.getTime() : Number.NaN;
    return ms > -(2 ** 52) ? ms : undefined;
  }
}

const logicalTypes = { 'timestamp-millis': TimestampMillis };

/** A long in whichever form it is written, but for what a logical type stands on. */
function useBigint(schema: unknown): avsc.Type | undefined {
  if (schema === 'long') return long;
  if (typeof schema !== 'object' || schema === null) return undefined;
  const { type, logicalType } = schema as { type?: unknown; logicalType?: string };
  return type === 'long' && !(logicalType !== undefined && logicalType in logicalTypes) ? long : undefined;
}

function typeOf(schema: AvroSchema): avsc.Type {
  try {
    return avsc.Type.forSchema(schema as avsc.Schema, { logicalTypes, typeHook: useBigint, omitRecordMethods: true });
  } catch (error) {
    throw new Fault('BAD_SCHEMA', { schema: 'the Avro schema', why: (error as Error).message }, error);
  }
}

function resolverOf(reader: avsc.Type, writer: avsc.Type, schema: string) {
  try {
    return reader.createResolver(writer);
  } catch (error) {
    throw new Fault(
      'BAD_SCHEMA',
      { schema, why: `it can't read what the writer's schema wrote: ${(error as Error).message}` },
      error,
    );
  }
}

/** The first field that doesn't fit; avsc's own message says only what the value was. */
function whyInvalid(type: avsc.Type, value: unknown): string | undefined {
  let why: string | undefined;
  type.isValid(value, {
    errorHook(path, found, expected) {
      why ??= `${path.join('.') || 'the value'} is ${describe(found)} where ${expected.toString()} is due`;
    },
  });
  return why;
}

function describe(value: unknown): string {
  if (typeof value === 'object' && value !== null) return Array.isArray(value) ? 'an array' : 'an object';
  return `${typeof value === 'bigint' ? `${value}n` : String(value)} (${typeof value})`;
}

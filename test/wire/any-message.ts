// Arbitrary values of any message in any of its versions, made from its schema.
import * as fc from 'fast-check';
import type { Field, Shape } from '../../core/protocol/field.ts';

/** Fields which that version lacks are left out. */
export function anyValueOf(shape: Shape, version: number): fc.Arbitrary<Record<string, unknown>> {
  const here = Object.entries(shape).filter(([, field]) => field.since <= version && version <= field.until);
  return fc.record(Object.fromEntries(here.map(([name, field]) => [name, anyOf(field, version)])));
}

function anyOf(field: Field, version: number): fc.Arbitrary<unknown> {
  const value = present(field, version);
  return version >= field.nullableFrom ? fc.option(value, { nil: null, freq: 4 }) : value;
}

function present(field: Field, version: number): fc.Arbitrary<unknown> {
  switch (field.kind) {
    case 'bool':
      return fc.boolean();
    case 'int8':
      return fc.integer({ min: -128, max: 127 });
    case 'int16':
      return fc.integer({ min: -32768, max: 32767 });
    case 'uint16':
      return fc.integer({ min: 0, max: 65535 });
    case 'int32':
      return fc.integer();
    case 'uint32':
      return fc.integer({ min: 0, max: 0xffff_ffff });
    case 'int64':
      return fc.maxSafeInteger();
    case 'bigint64':
      return fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
    case 'float64':
      return fc.double({ noNaN: true });
    case 'uuid':
      return fc.uuid();
    case 'string':
      return fc.string({ unit: 'grapheme', maxLength: 200, size: 'small' });
    case 'bytes':
      return fc.uint8Array({ maxLength: 200 });
    case 'records':
      // One chunk, because that is what decoding gives.
      return fc.uint8Array({ maxLength: 200 }).map((chunk) => (chunk.length === 0 ? [] : [chunk]));
    case 'array':
      return fc.array(isField(field.inner!) ? anyOf(field.inner, version) : anyValueOf(field.inner!, version), {
        maxLength: 4,
      });
    case 'struct':
      return anyValueOf(field.inner as Shape, version);
  }
}

const isField = (inner: Field | Shape): inner is Field => typeof inner['compile'] === 'function';

import type { StandardSchemaV1 } from '@standard-schema/spec';
import fc from 'fast-check';
import { describe, expect, expectTypeOf, test } from 'vitest';
import { z } from 'zod';
import { json } from '../../../core/schema/json.ts';
import type { Serde } from '../../../core/schema/serde.ts';

const utf8 = (text: string) => new TextEncoder().encode(text);
const unreadable = expect.objectContaining({ code: 'UNREADABLE_BYTES' });

describe('without a validator', () => {
  const any = json<unknown>();

  test('falsy values are values', () => {
    for (const value of [0, '', false, null, [], {}, [null]]) expect(any.decode(any.encode(value))).toEqual(value);
  });

  test('whatever JSON holds', () => {
    fc.assert(
      fc.property(fc.jsonValue({ noUnicodeString: false }), (value) => {
        expect(any.decode(any.encode(value))).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
  });

  test('what JSON lacks is refused, or written as JSON.stringify does', () => {
    const unwritable = expect.objectContaining({ code: 'UNWRITABLE_VALUE' });
    const cycle: { self?: unknown } = {};
    cycle.self = cycle;
    for (const value of [undefined, () => 1, Symbol('s'), 1n, { n: 1n }, cycle]) {
      expect(() => any.encode(value)).toThrow(unwritable);
    }
    expect(any.decode(any.encode({ a: undefined, b: Number.NaN, c: -0 }))).toEqual({ b: null, c: 0 });
  });

  test('bytes that are no JSON', () => {
    for (const text of ['', '{', '{"a":1}x', "{'a':1}", 'undefined']) {
      expect(() => any.decode(utf8(text))).toThrow(unreadable);
    }
    expect(() => any.decode(utf8('[1,]'))).toThrow(/^bytes can't be read as json: .*(Unexpected|JSON)/);
    expect(any.decode(utf8('\ufeff {"a":1}\n'))).toEqual({ a: 1 });
  });

  test('the type is what one says', () => {
    expectTypeOf(json<{ id: string }>()).toEqualTypeOf<Serde<{ id: string }>>();
  });
});

describe('with a Standard Schema', () => {
  const order = json(
    z.object({
      id: z.string(),
      amount: z.number().min(1),
      at: z.coerce.date(),
      lines: z.array(z.object({ sku: z.string() })),
    }),
  );

  test('values are of the output type, transformed once', () => {
    expectTypeOf(order).toEqualTypeOf<Serde<{ id: string; amount: number; at: Date; lines: { sku: string }[] }>>();
    const value = { id: '', amount: 1, at: new Date(5), lines: [{ sku: 'a' }] };
    expect(order.decode(order.encode(value))).toEqual(value);
  });

  test('each issue is named by its path', () => {
    const bad = utf8('{"id":"a","amount":0,"at":"2024-01-01","lines":[{"sku":"a"},{"sku":5}]}');
    expect(() => order.decode(bad)).toThrow(unreadable);
    expect(() => order.decode(bad)).toThrow(/amount: .*; lines\.1\.sku: /);
    expect(() => json(z.string()).decode(utf8('5'))).toThrow(/json: [A-Z]/);
  });

  test('a validator that answers with a promise is refused, even if the promise fails', () => {
    const schema = (validate: StandardSchemaV1['~standard']['validate']): StandardSchemaV1 => ({
      '~standard': { version: 1, vendor: 'test', validate },
    });
    const badSchema = expect.objectContaining({ code: 'BAD_SCHEMA' });
    expect(() => json(z.string().refine(async () => true)).decode(utf8('"a"'))).toThrow(badSchema);
    expect(() => json(schema(() => Promise.reject(new Error('unheard')))).decode(utf8('1'))).toThrow(badSchema);
  });

  test('paths in pieces, and issues without a path', () => {
    const schema: StandardSchemaV1 = {
      '~standard': {
        version: 1,
        vendor: 'test',
        validate: () => ({ issues: [{ message: 'no', path: ['a', { key: 0 }] }, { message: 'never' }] }),
      },
    };
    expect(() => json(schema).decode(utf8('1'))).toThrow("bytes can't be read as json: a.0: no; never");
  });
});

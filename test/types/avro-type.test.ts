import { expect, expectTypeOf, test } from 'vitest';
import { avro } from '../../core/schema/avro.ts';
import type { AvroSchema, AvroType } from '../../core/schema/avro-type.ts';
import type { Serde } from '../../core/schema/serde.ts';

type ValueOf<S> = S extends Serde<infer T> ? T : never;

test('an order, written in the call', () => {
  const order = avro({
    type: 'record',
    name: 'Order',
    namespace: 'shop',
    fields: [
      { name: 'id', type: 'string' },
      { name: 'cents', type: 'long' },
      { name: 'count', type: 'int', default: 1 },
      { name: 'note', type: ['null', 'string'], default: null },
      { name: 'state', type: { type: 'enum', name: 'State', symbols: ['open', 'paid'] } },
      { name: 'before', type: ['null', 'State'] },
      { name: 'tags', type: { type: 'array', items: 'string' } },
      { name: 'prices', type: { type: 'map', values: 'double' } },
      { name: 'hash', type: { type: 'fixed', name: 'Hash', size: 2 } },
      { name: 'raw', type: 'bytes' },
      { name: 'at', type: { type: 'long', logicalType: 'timestamp-millis' } },
      { name: 'micros', type: { type: 'long', logicalType: 'timestamp-micros' } },
      { name: 'day', type: { type: 'int', logicalType: 'date' } },
      { name: 'trace', type: { type: 'string', logicalType: 'uuid' } },
      { name: 'flag', type: 'boolean' },
    ],
  });
  expectTypeOf<ValueOf<typeof order>>().toEqualTypeOf<{
    id: string;
    cents: bigint;
    count: number;
    note: string | null;
    state: 'open' | 'paid';
    before: 'open' | 'paid' | null;
    tags: string[];
    prices: { [key: string]: number };
    hash: Buffer;
    raw: Buffer;
    at: Date;
    micros: bigint;
    day: number;
    trace: string;
    flag: boolean;
  }>();
  const value: ValueOf<typeof order> = {
    id: 'a',
    cents: 12n,
    count: 0,
    note: null,
    state: 'paid',
    before: null,
    tags: [],
    prices: { a: 0.5 },
    hash: Buffer.from([1, 2]),
    raw: Buffer.alloc(0),
    at: new Date(5),
    micros: -1n,
    day: 0,
    trace: '',
    flag: false,
  };
  expect({ ...order.decode(order.encode(value)) }).toEqual(value);
});

test('a schema that refers to itself', () => {
  const tree = avro({
    type: 'record',
    name: 'Tree',
    fields: [
      { name: 'value', type: 'int' },
      { name: 'children', type: { type: 'array', items: 'Tree' } },
    ],
  });
  interface Tree {
    value: number;
    children: Tree[];
  }
  expectTypeOf<ValueOf<typeof tree>>().toExtend<Tree>();
  expectTypeOf<Tree>().toExtend<ValueOf<typeof tree>>();
  const value = { value: 1, children: [{ value: 2, children: [] }] };
  expect(tree.decode(tree.encode(value))).toEqual(value);
});

test("a union whose branches JavaScript can't tell apart is wrapped", () => {
  const event = avro({
    type: 'record',
    name: 'shop.Event',
    fields: [
      {
        name: 'what',
        type: [
          'null',
          { type: 'record', name: 'Paid', fields: [{ name: 'cents', type: 'long' }] },
          { type: 'record', name: 'other.Sent', fields: [{ name: 'to', type: 'string' }] },
        ],
      },
      { name: 'amount', type: ['int', 'double'] },
      { name: 'exact', type: ['int', 'long', 'string'] },
    ],
  });
  type Value = ValueOf<typeof event>;
  expectTypeOf<Value['what']>().toEqualTypeOf<
    null | { 'shop.Paid': { cents: bigint } } | { 'other.Sent': { to: string } }
  >();
  expectTypeOf<Value['amount']>().toEqualTypeOf<{ int: number } | { double: number }>();
  expectTypeOf<Value['exact']>().toEqualTypeOf<number | bigint | string>();
  for (const value of [
    { what: { 'shop.Paid': { cents: 5n } }, amount: { int: 1 }, exact: 1 },
    { what: { 'other.Sent': { to: 'x' } }, amount: { double: 0.5 }, exact: 1n },
    { what: null, amount: { int: 0 }, exact: '' },
  ] satisfies Value[]) {
    expect(event.decode(event.encode(value))).toEqual(value);
  }
});

test('a mistake in a value does not compile', () => {
  const order = avro({ type: 'record', name: 'Order', fields: [{ name: 'cents', type: 'long' }] });
  // @ts-expect-error a long is a bigint
  expect(() => order.encode({ cents: 1 })).toThrow();
  // @ts-expect-error no such field
  order.encode({ cents: 1n, cent: 1n });
  // @ts-expect-error a field is missing
  expect(() => order.encode({})).toThrow();
});

test('a loaded schema gives what one says, or unknown', () => {
  const loaded: AvroSchema = JSON.parse('{"type":"record","name":"A","fields":[{"name":"id","type":"string"}]}');
  interface A {
    id: string;
  }
  expectTypeOf(avro<A>(loaded)).toEqualTypeOf<Serde<A>>();
  expectTypeOf(avro(loaded)).toEqualTypeOf<Serde<unknown>>();
  expectTypeOf<AvroType<string>>().toEqualTypeOf<unknown>();
  expect(avro<A>(loaded).decode(avro<A>(loaded).encode({ id: '' }))).toEqual({ id: '' });
});

test('primitives on their own', () => {
  expectTypeOf(avro('long')).toEqualTypeOf<Serde<bigint>>();
  expectTypeOf(avro({ type: 'string' })).toEqualTypeOf<Serde<string>>();
  expectTypeOf(avro(['null', 'string'])).toEqualTypeOf<Serde<string | null>>();
  expect(avro('long').decode(avro('long').encode(0n))).toBe(0n);
});

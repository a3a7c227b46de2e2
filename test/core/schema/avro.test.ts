import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { avro } from '../../../core/schema/avro.ts';

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
const order = avro({
  type: 'record',
  name: 'Order',
  fields: [
    { name: 'id', type: 'string' },
    { name: 'cents', type: { type: 'long' } },
    { name: 'previous', type: ['null', 'long'], default: null },
    { name: 'history', type: { type: 'array', items: 'long' } },
  ],
});
const int64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });

test('the bytes are those of the Avro specification', () => {
  // Zigzag varints; a string is its length and its bytes, a union the place of its branch, an array blocks and a zero.
  const bytes = order.encode({ id: 'foo', cents: -64n, previous: 64n, history: [1n] });
  expect(hex(bytes)).toBe(['06666f6f', '7f', '02', '8001', '0202', '00'].join(''));
  expect(order.name).toBe('avro Order');
});

describe('longs are exact (C52, C53)', () => {
  const edges = [
    0n,
    1n,
    -1n,
    2n ** 31n,
    2n ** 52n,
    -(2n ** 52n),
    -(2n ** 52n) - 1n,
    -4503599627370497n,
    -9007199254740990n,
    2n ** 53n,
    2n ** 53n + 1n,
    2n ** 63n - 1n,
    -(2n ** 63n),
  ];

  test.each(edges)('%i', (n) => {
    const value = { id: '', cents: n, previous: n, history: [n, n] };
    expect(order.decode(order.encode(value))).toEqual(value);
    expect(avro('long').decode(avro('long').encode(n))).toBe(n);
  });

  test('any of them', () => {
    fc.assert(
      fc.property(int64, (n) => {
        expect(avro('long').decode(avro('long').encode(n))).toBe(n);
      }),
    );
  });

  test('under logical types that have no type of their own here', () => {
    const micros = avro({ type: 'long', logicalType: 'timestamp-micros' });
    expect(micros.decode(micros.encode(2n ** 60n))).toBe(2n ** 60n);
  });

  test('numbers, and bigints of more bits, are refused', () => {
    for (const cents of [1, 2n ** 63n, '1', null]) {
      expect(() => order.encode({ id: '', cents, previous: null, history: [] } as never)).toThrow(
        expect.objectContaining({ code: 'UNWRITABLE_VALUE' }),
      );
    }
  });
});

describe('a reader of another schema (C54)', () => {
  const v1 = { type: 'record', name: 'V', fields: [{ name: 'f1', type: 'string' }] } as const;
  const v2 = {
    type: 'record',
    name: 'V',
    fields: [
      { name: 'f1', type: 'string' },
      { name: 'f2', type: 'string', default: '' },
    ],
  } as const;

  test('fills in a field that was added', () => {
    const bytes = avro(v1).encode({ f1: 'a' });
    expect(avro(v2, { writer: v1 }).decode(bytes)).toEqual({ f1: 'a', f2: '' });
  });

  test('skips a field that was taken away', () => {
    const bytes = avro(v2).encode({ f1: 'a', f2: 'b' });
    expect(avro(v1, { writer: v2 }).decode(bytes)).toEqual({ f1: 'a' });
  });

  test('widens numbers: int to long, long to double', () => {
    const value = (type: 'int' | 'long' | 'double') =>
      ({ type: 'record', name: 'N', fields: [{ name: 'n', type }] }) as const;
    const ints = avro(value('int'));
    const longs = avro(value('long'), { writer: value('int') });
    for (const n of [0, -1, 2 ** 31 - 1, -(2 ** 31)]) {
      expect(longs.decode(ints.encode({ n }))).toEqual({ n: BigInt(n) });
    }
    const doubles = avro(value('double'), { writer: value('long') });
    expect(doubles.decode(avro(value('long')).encode({ n: -5n }))).toEqual({ n: -5 });
  });

  test('follows an alias, and gives a long its default', () => {
    const renamed = avro(
      {
        type: 'record',
        name: 'V',
        fields: [
          { name: 'name', type: 'string', aliases: ['f1'] },
          { name: 'cents', type: 'long', default: -5 },
        ],
      },
      { writer: v1 },
    );
    expect(renamed.decode(avro(v1).encode({ f1: 'a' }))).toEqual({ name: 'a', cents: -5n });
  });

  test("one that can't read it is refused when it is made", () => {
    expect(() => avro({ type: 'record', name: 'V', fields: [{ name: 'x', type: 'int' }] }, { writer: v1 })).toThrow(
      expect.objectContaining({ code: 'BAD_SCHEMA' }),
    );
  });

  test('does not write: its own bytes it could not read', () => {
    expect(() => avro(v2, { writer: v1 }).encode({ f1: 'a', f2: '' })).toThrow(/leave out writer/);
  });
});

describe('timestamp-millis is a Date', () => {
  const at = avro({ type: 'long', logicalType: 'timestamp-millis' });

  test('in the bytes of a long, also inside of a union', () => {
    const maybe = avro(['null', { type: 'long', logicalType: 'timestamp-millis' }]);
    for (const ms of [0, -1, 1_700_000_000_123, 8.64e15, -(2 ** 52) + 1]) {
      expect(at.decode(at.encode(new Date(ms)))).toEqual(new Date(ms));
      expect(at.encode(new Date(ms))).toEqual(avro('long').encode(BigInt(ms)));
      expect(maybe.decode(maybe.encode(new Date(ms)))).toEqual(new Date(ms));
    }
    expect(maybe.decode(maybe.encode(null))).toBeNull();
  });

  test('and nothing else', () => {
    for (const value of [5, new Date(Number.NaN), new Date(-8.64e15), '2024-01-01']) {
      expect(() => at.encode(value as Date)).toThrow(expect.objectContaining({ code: 'UNWRITABLE_VALUE' }));
    }
  });
});

test('falsy values', () => {
  const all = avro({
    type: 'record',
    name: 'Falsy',
    fields: [
      { name: 'text', type: 'string' },
      { name: 'flag', type: 'boolean' },
      { name: 'int', type: 'int' },
      { name: 'double', type: 'double' },
      { name: 'list', type: { type: 'array', items: 'int' } },
      { name: 'map', type: { type: 'map', values: 'int' } },
      { name: 'bytes', type: 'bytes' },
      { name: 'nothing', type: 'null' },
    ],
  });
  const value = { text: '', flag: false, int: 0, double: -0, list: [], map: {}, bytes: Buffer.alloc(0), nothing: null };
  expect({ ...all.decode(all.encode(value)) }).toEqual(value);
});

test("a value that doesn't fit names the field", () => {
  const nested = avro({
    type: 'record',
    name: 'Nested',
    fields: [
      {
        name: 'lines',
        type: { type: 'array', items: { type: 'record', name: 'Line', fields: [{ name: 'n', type: 'int' }] } },
      },
    ],
  });
  expect(() => nested.encode({ lines: [{ n: 1 }, { n: 0.5 }] })).toThrow(
    'a value can\'t be written as avro Nested: lines.1.n is 0.5 (number) where "int" is due',
  );
  expect(() => nested.encode(undefined as never)).toThrow('the value is undefined (undefined) where');
});

test('bytes that are cut, or too many, are not read; a view in a larger buffer is', () => {
  const value = { id: 'grüße', cents: 5n, previous: null, history: [] };
  const bytes = order.encode(value);
  const unreadable = expect.objectContaining({ code: 'UNREADABLE_BYTES' });
  for (let length = 0; length < bytes.length; length++) {
    expect(() => order.decode(bytes.subarray(0, length))).toThrow(unreadable);
  }
  const around = Uint8Array.from([9, 9, 9, ...bytes, 9]);
  expect(() => order.decode(around.subarray(3))).toThrow(unreadable);
  expect(order.decode(around.subarray(3, -1))).toEqual(value);
});

test('what is read of bytes is a copy', () => {
  const raw = avro('bytes');
  const bytes = Uint8Array.from(raw.encode(Buffer.from([1, 2])));
  const read = raw.decode(bytes);
  bytes.fill(0);
  expect([...read]).toEqual([1, 2]);
});

test('a schema that is no Avro is refused when the serde is made', () => {
  for (const schema of [
    'strnig',
    { type: 'record', name: 'A', fields: [{ name: 'b', type: 'C' }] },
    { type: 'enum', name: 'E', symbols: [] },
  ]) {
    expect(() => avro<unknown>(schema)).toThrow(expect.objectContaining({ code: 'BAD_SCHEMA' }));
  }
});

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ByteReader } from '../../../core/kernel/byte-reader.ts';
import { ByteWriter } from '../../../core/kernel/byte-writer.ts';

const written = (write: (writer: ByteWriter) => void) => {
  const writer = new ByteWriter(16);
  write(writer);
  return writer.take();
};
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
const safe = () => fc.maxSafeInteger();

describe('what is written is read back', () => {
  const kinds = {
    int8: fc.integer({ min: -128, max: 127 }),
    int16: fc.integer({ min: -32_768, max: 32_767 }),
    uint16: fc.integer({ min: 0, max: 65_535 }),
    int32: fc.integer(),
    uint32: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
    int64: safe(),
    varint: fc.integer(),
    varlong: safe(),
    uvarint: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
    float64: fc.double(),
  } as const;

  test.each(Object.keys(kinds) as (keyof typeof kinds)[])('%s', (kind) => {
    fc.assert(
      fc.property(kinds[kind], (n) => {
        const reader = new ByteReader(written((writer) => writer[kind](n)));
        expect(Object.is(reader[kind](), n)).toBe(true);
        expect(reader.remaining).toBe(0);
      }),
    );
  });

  test('bigint64', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), (n) => {
        expect(new ByteReader(written((writer) => writer.bigint64(n))).bigint64()).toBe(n);
      }),
    );
  });

  test('utf8, whose count of bytes is that of Buffer', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 60 }), (text) => {
        let bytes = -1;
        const reader = new ByteReader(written((writer) => (bytes = writer.utf8(text))));
        expect(bytes).toBe(Buffer.byteLength(text));
        expect(reader.utf8(bytes)).toBe(text);
      }),
    );
  });

  test('many fields in a row, past several growths', () => {
    const words = Array.from({ length: 500 }, (_, i) => `wörd ${i}`.repeat(1 + (i % 7)));
    const reader = new ByteReader(
      written((writer) => {
        for (const word of words) {
          const at = writer.reserve(4);
          writer.setInt32At(at, writer.utf8(word));
        }
      }),
    );
    expect(words.map(() => reader.utf8(reader.int32()))).toEqual(words);
    expect(reader.remaining).toBe(0);
  });
});

describe('the form is that of Kafka and protobuf', () => {
  test.each([
    [0, '00'],
    [-1, '01'],
    [1, '02'],
    [63, '7e'],
    [-64, '7f'],
    [64, '8001'],
    [2 ** 31 - 1, 'feffffff0f'],
    [-(2 ** 31), 'ffffffff0f'],
  ])('varint and varlong of %i', (n, expected) => {
    expect(hex(written((writer) => writer.varint(n)))).toBe(expected);
    expect(hex(written((writer) => writer.varlong(n)))).toBe(expected);
  });

  test('varlong keeps the last bit of the largest safe integers', () => {
    expect(hex(written((writer) => writer.varlong(Number.MAX_SAFE_INTEGER)))).toBe('feffffffffffff1f');
    expect(hex(written((writer) => writer.varlong(Number.MIN_SAFE_INTEGER)))).toBe('fdffffffffffff1f');
  });

  test("integers are big-endian two's complement", () => {
    expect(hex(written((writer) => writer.int64(-2)))).toBe('fffffffffffffffe');
    expect(hex(written((writer) => writer.int64(2 ** 40 + 1)))).toBe('0000010000000001');
    expect(hex(written((writer) => writer.uint32(0xdeadbeef)))).toBe('deadbeef');
  });
});

test('fields are set where room was reserved', () => {
  const bytes = written((writer) => {
    const at = writer.reserve(15);
    writer.setInt8At(at, -1);
    writer.setInt16At(at + 1, 258);
    writer.setUint32At(at + 3, 0xfffffffe);
    writer.setInt64At(at + 7, -3);
  });
  expect(hex(bytes)).toBe('ff0102fffffffefffffffffffffffd');
});

test('take() gives memory that later writes leave alone, and nothing else in it', () => {
  const writer = new ByteWriter();
  writer.utf8('first');
  const first = writer.take();
  writer.utf8('other');
  expect(Buffer.from(first).toString()).toBe('first');
  expect(first.buffer.byteLength).toBe(5);
  expect(Buffer.from(writer.view()).toString()).toBe('other');
  writer.reset();
  expect(writer.view()).toHaveLength(0);
});

describe('hostile bytes are a Fault', () => {
  const malformed = expect.objectContaining({ code: 'MALFORMED_BYTES' });
  const reads: Record<string, (reader: ByteReader) => unknown> = {
    int8: (r) => r.int8(),
    int16: (r) => r.int16(),
    uint16: (r) => r.uint16(),
    int32: (r) => r.int32(),
    uint32: (r) => r.uint32(),
    int64: (r) => r.int64(),
    bigint64: (r) => r.bigint64(),
    float64: (r) => r.float64(),
    varint: (r) => r.varint(),
    varlong: (r) => r.varlong(),
    uvarint: (r) => r.uvarint(),
    view: (r) => r.view(1),
    utf8: (r) => r.utf8(1),
    skip: (r) => r.skip(1),
  };
  test.each(Object.keys(reads))('%s past the end', (kind) => {
    expect(() => reads[kind]!(new ByteReader(new Uint8Array(0)))).toThrow(malformed);
    expect(() => reads[kind]!(new ByteReader(new Uint8Array(64).fill(1), 10, 10))).toThrow(malformed);
  });

  test('a length that is negative, huge or no number', () => {
    for (const length of [-1, -(2 ** 31), 2 ** 31, Number.POSITIVE_INFINITY, Number.NaN]) {
      const reader = new ByteReader(new Uint8Array(8));
      expect(() => reader.view(length)).toThrow(malformed);
      expect(() => reader.utf8(length)).toThrow(malformed);
      expect(() => reader.skip(length)).toThrow(malformed);
      expect(reader.position).toBe(0);
    }
  });

  test('a varint without an end', () => {
    expect(() => new ByteReader(new Uint8Array(20).fill(0xff)).varint()).toThrow(malformed);
    expect(() => new ByteReader(new Uint8Array(20).fill(0xff)).varlong()).toThrow(malformed);
  });

  test('an integer that a number would change', () => {
    const bytes = written((writer) => writer.bigint64(2n ** 53n));
    expect(() => new ByteReader(bytes).int64()).toThrow(malformed);
    expect(new ByteReader(bytes).bigint64()).toBe(2n ** 53n);
    expect(() => new ByteReader(Uint8Array.from([0xfe, ...Array(8).fill(0xff), 1])).varlong()).toThrow(malformed);
  });

  test('a range outside of the bytes', () => {
    expect(() => new ByteReader(new Uint8Array(4), 0, 5)).toThrow(malformed);
    expect(() => new ByteReader(new Uint8Array(4), 5)).toThrow(malformed);
    expect(() => new ByteReader(new Uint8Array(4), -1)).toThrow(malformed);
  });
});

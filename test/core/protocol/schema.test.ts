import { describe, expect, expectTypeOf, test } from 'vitest';
import { ByteReader } from '../../../core/kernel/byte-reader.ts';
import { ByteWriter } from '../../../core/kernel/byte-writer.ts';
import { isFault } from '../../../core/kernel/fault.ts';
import type { Field } from '../../../core/protocol/field.ts';
import {
  array,
  bigint64,
  bool,
  bytes,
  float64,
  int8,
  int16,
  int32,
  int64,
  records,
  string,
  struct,
  uint16,
  uint32,
  uuid,
} from '../../../core/protocol/fields.ts';
import { type Infer, type InitOf, type Message, message } from '../../../core/protocol/schema.ts';
import { fromHex } from '../../wire/fixtures.ts';

const hex = <T>(schema: Message<T, never>, version: number, value: T): string => {
  const writer = new ByteWriter();
  schema.encode(value, version, writer);
  return Buffer.from(writer.view()).toString('hex');
};
const decode = <T>(schema: Message<T, never>, version: number, text: string): T =>
  schema.decode(new ByteReader(fromHex(text)), version);
const faultOf = (run: () => unknown): string => {
  try {
    run();
  } catch (error) {
    if (isFault(error, 'MALFORMED_BYTES') || isFault(error, 'CANNOT_ENCODE')) return error.message;
    throw error;
  }
  return 'none';
};
/** One field, old encoding in version 0 and flexible in version 1. */
const only = <T, I>(field: Field<T, I>) => message({ name: 'M', versions: [0, 1], flexibleFrom: 1 }, { f: field });

describe('encodings, old and flexible', () => {
  const zeros = '0'.repeat(32);
  test.each([
    ['bool', only(bool()), true, '01', '01'],
    ['int8', only(int8()), -1, 'ff', 'ff'],
    ['int16', only(int16()), -2, 'fffe', 'fffe'],
    ['uint16', only(uint16()), 65535, 'ffff', 'ffff'],
    ['int32', only(int32()), -2, 'fffffffe', 'fffffffe'],
    ['uint32', only(uint32()), 4294967295, 'ffffffff', 'ffffffff'],
    ['int64', only(int64()), -2, 'fffffffffffffffe', 'fffffffffffffffe'],
    ['bigint64', only(bigint64()), 2n ** 63n - 1n, '7fffffffffffffff', '7fffffffffffffff'],
    ['float64', only(float64()), 1.5, '3ff8000000000000', '3ff8000000000000'],
    ['uuid', only(uuid()), '00000000-0000-0000-0000-000000000000', zeros, zeros],
    ['string', only(string()), 'é', '0002c3a9', '03c3a9'],
    ['null string', only(string({ nullableFrom: 0 })), null, 'ffff', '00'],
    ['bytes', only(bytes()), fromHex('0102'), '000000020102', '030102'],
    ['null bytes', only(bytes({ nullableFrom: 0 })), null, 'ffffffff', '00'],
    ['records', only(records()), [fromHex('0102')], '000000020102', '030102'],
    ['null records', only(records()), null, 'ffffffff', '00'],
    ['no records', only(records()), [], '00000000', '01'],
    ['array', only(array(int8())), [1, 2], '000000020102', '030102'],
    ['null array', only(array(int8(), { nullableFrom: 0 })), null, 'ffffffff', '00'],
    ['array of structs', only(array({ a: int8() })), [{ a: 1 }], '0000000101', '020100'],
    ['array of strings', only(array(string())), ['a'], '00000001000161', '020261'],
    ['struct', only(struct({ a: int8() })), { a: 1 }, '01', '0100'],
    ['null struct', only(struct({ a: int8() }, { nullableFrom: 0 })), null, 'ff', 'ff'],
    ['struct that may be null', only(struct({ a: int8() }, { nullableFrom: 0 })), { a: 1 }, '0101', '010100'],
    ['a string that is never compact', only(string({ flexible: false })), 'a', '000161', '000161'],
  ] as readonly [string, Message<{ readonly f: unknown }, never>, unknown, string, string][])(
    '%s',
    (_, schema, f, old, flexible) => {
      expect(hex(schema, 0, { f })).toBe(old);
      expect(hex(schema, 1, { f })).toBe(`${flexible}00`);
      expect(decode(schema, 0, old)).toEqual({ f });
      expect(decode(schema, 1, `${flexible}00`)).toEqual({ f });
    },
  );

  test('a uuid is read in both cases and written in lower case', () => {
    const id = 'A1B2C3D4-0000-4000-8000-00000000000F';
    expect(hex(only(uuid()), 0, { f: id })).toBe('a1b2c3d4000040008000' + '00000000000f');
    expect(decode(only(uuid()), 0, 'a1b2c3d400004000800000000000000f')).toEqual({ f: id.toLowerCase() });
    expect(faultOf(() => hex(only(uuid()), 0, { f: 'flights' }))).toContain("M.f can't be sent in version 0");
  });

  test('records of many chunks are written one after the other', () => {
    expect(hex(only(records()), 0, { f: [fromHex('01'), fromHex('0203')] })).toBe('00000003010203');
  });
});

describe('versions', () => {
  const schema = message(
    { name: 'M', versions: [1, 4], flexibleFrom: 3 },
    {
      always: int8(),
      later: int8({ since: 2, fallback: -1 }),
      former: string({ until: 1, ignorable: true }),
      note: string({ since: 3, tag: 1, nullableFrom: 3, fallback: null }),
      rows: array({ id: int8(), extra: int8({ since: 4 }) }, { since: 3, tag: 0 }),
    },
  );
  const whole = schema.create({ always: 5 });

  test('a version has its own fields, and decoding gives the others their defaults', () => {
    expect(hex(schema, 1, { ...whole, former: 'x' })).toBe('05000178');
    expect(hex(schema, 2, { ...whole, later: 6 })).toBe('0506');
    expect(decode(schema, 1, '05000178')).toEqual({ always: 5, later: -1, former: 'x', note: null, rows: [] });
    expect(decode(schema, 2, '0506')).toEqual({ always: 5, later: 6, former: '', note: null, rows: [] });
  });

  test('what a version can not say is refused unless it may be ignored', () => {
    expect(hex(schema, 2, { ...whole, former: 'x' })).toBe('05ff');
    expect(faultOf(() => hex(schema, 1, { ...whole, later: 6 }))).toBe(
      "M.later can't be sent in version 1: that version lacks it",
    );
    const rows = [{ id: 1, extra: 2 }];
    expect(faultOf(() => hex(schema, 2, { ...whole, rows }))).toContain('M.rows');
    expect(faultOf(() => hex(schema, 3, { ...whole, rows }))).toContain('M.rows.extra');
  });

  test('tagged fields are sent where they differ from their defaults, by number', () => {
    expect(hex(schema, 3, whole)).toBe('05ff' + '00');
    expect(hex(schema, 3, { ...whole, note: 'x' })).toBe('05ff' + '01' + '01' + '02' + '0278');
    expect(hex(schema, 3, { ...whole, note: '', rows: [{ id: 7, extra: 0 }] })).toBe(
      '05ff' + '02' + '00' + '03' + '020700' + '01' + '01' + '01',
    );
    expect(decode(schema, 3, '05ff' + '00')).toEqual(whole);
  });

  test('unknown tagged fields are skipped', () => {
    expect(decode(schema, 3, '05ff' + '02' + '01' + '02' + '0278' + '2a' + '03' + 'abcdef')).toEqual({
      ...whole,
      note: 'x',
    });
  });

  test('a version outside the range is a fault to read and a mistake of ours to write', () => {
    expect(faultOf(() => decode(schema, 5, '05'))).toContain('M has no version 5');
    expect(faultOf(() => decode(schema, -1, '05'))).toContain('M has no version -1');
    expect(() => hex(schema, 0, whole)).toThrow('M has no version 0');
  });

  test('what is no null there can not be null', () => {
    const wrong = { ...whole, former: null } as unknown as typeof whole;
    expect(faultOf(() => hex(schema, 1, wrong))).toBe("M.former can't be sent in version 1: it may not be null there");
    const optional = message({ name: 'M', versions: [0, 1] }, { f: array(int8(), { nullableFrom: 1 }) });
    expect(faultOf(() => hex(optional, 0, { f: null }))).toContain('M.f');
    expect(hex(optional, 1, { f: null })).toBe('ffffffff');
    expect(faultOf(() => decode(optional, 0, 'ffffffff'))).toContain('M.f has a length of -1');
  });

  test('an old string has at most 32767 bytes', () => {
    expect(faultOf(() => hex(only(string()), 0, { f: 'é'.repeat(16384) }))).toContain('32768 bytes');
    expect(hex(only(string()), 1, { f: 'é'.repeat(16384) })).toHaveLength(2 * (3 + 32768 + 1));
  });
});

describe('hostile bytes', () => {
  test.each([
    ['an array longer than what was sent', only(array(int32())), 0, '00000002' + '00000001'],
    ['the longest array', only(array(int8())), 0, '7fffffff' + '00'],
    ['the longest compact array', only(array({ a: int8() })), 1, 'ffffffff0f' + '00'],
    ['a varint that does not end', only(array(int8())), 1, 'ffffffffff' + '00'],
    ['an array of less than nothing', only(array(int8(), { nullableFrom: 0 })), 0, 'fffffffe'],
    ['a string longer than what was sent', only(string()), 0, '0003' + '61'],
    ['bytes longer than what was sent', only(bytes()), 0, '7fffffff' + '61'],
    ['records of less than nothing', only(records()), 0, '80000000'],
    ['a null where there is none', only(string()), 1, '00' + '00'],
    ['a struct neither there nor null', only(struct({ a: int8() }, { nullableFrom: 0 })), 0, '02' + '00'],
    ['more tagged fields than bytes', only(int8()), 1, '00' + 'ffffffff0f'],
    ['a tagged field longer than what was sent', only(int8()), 1, '00' + '01' + '09' + '05' + '00'],
    ['a known tagged field longer than what was sent', only(int8({ since: 1, tag: 0 })), 1, '01' + '00' + '05' + '00'],
    ['a tagged field shorter than its value', only(int16({ since: 1, tag: 0 })), 1, '01' + '00' + '01' + '0001'],
    ['a tagged field longer than its value', only(int8({ since: 1, tag: 0 })), 1, '01' + '00' + '02' + '0001'],
  ] as readonly [string, Message<unknown, never>, number, string][])('%s is refused', (_, schema, version, text) => {
    expect(faultOf(() => decode(schema, version, text))).toContain('malformed bytes');
  });
});

test('an integer that a number can not hold becomes the nearest that it can: peers say "never" that way', () => {
  const read = (text: string) => decode(only(int64()), 0, text);
  expect(read('7fffffffffffffff')).toEqual({ f: Number.MAX_SAFE_INTEGER });
  expect(read('0020000000000000')).toEqual({ f: Number.MAX_SAFE_INTEGER });
  expect(read('001fffffffffffff')).toEqual({ f: Number.MAX_SAFE_INTEGER });
  expect(read('001ffffffffffffe')).toEqual({ f: Number.MAX_SAFE_INTEGER - 1 });
  expect(read('8000000000000000')).toEqual({ f: Number.MIN_SAFE_INTEGER });
  expect(read('ffe0000000000001')).toEqual({ f: Number.MIN_SAFE_INTEGER });
  expect(read('fffffffffffffffe')).toEqual({ f: -2 });
});

describe('create', () => {
  const schema = message(
    { name: 'M', versions: [0, 0], flexibleFrom: 0 },
    {
      n: int32({ fallback: -1 }),
      text: string({ nullableFrom: 0, fallback: null }),
      one: struct({ a: int8({ fallback: 3 }), b: int8() }),
      many: array({ a: int8({ fallback: 4 }), inner: array({ b: int8({ fallback: 5 }) }) }),
      ids: array(int32()),
    },
  );

  test('fills in what was left out, at any depth', () => {
    expect(schema.create()).toEqual({ n: -1, text: null, one: { a: 3, b: 0 }, many: [], ids: [] });
    expect(schema.create({ one: { b: 1 }, many: [{}, { a: 1, inner: [{}] }], ids: [1] })).toEqual({
      n: -1,
      text: null,
      one: { a: 3, b: 1 },
      many: [
        { a: 4, inner: [] },
        { a: 1, inner: [{ b: 5 }] },
      ],
      ids: [1],
    });
  });

  test('types say what is there, what may be null and what may be left out', () => {
    type Row = { readonly a: number; readonly inner: readonly { readonly b: number }[] };
    expectTypeOf<Infer<typeof schema>>().branded.toEqualTypeOf<{
      readonly n: number;
      readonly text: string | null;
      readonly one: { readonly a: number; readonly b: number };
      readonly many: readonly Row[];
      readonly ids: readonly number[];
    }>();
    expectTypeOf<InitOf<typeof schema>['many']>().branded.toEqualTypeOf<
      readonly { readonly a?: number; readonly inner?: readonly { readonly b?: number }[] }[] | undefined
    >();
    // @ts-expect-error a field that the message lacks
    schema.create({ m: 1 });
    // @ts-expect-error a field that may not be null
    schema.create({ n: null });
    // @ts-expect-error a field of another type, deep inside
    schema.create({ many: [{ inner: [{ b: 'x' }] }] });
  });
});

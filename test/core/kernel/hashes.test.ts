import { expect, test } from 'vitest';
import { crc32c } from '../../../core/kernel/crc32c.ts';
import { murmur2, partitionForKey } from '../../../core/kernel/murmur2.ts';
import { jsonFixture } from '../../wire/fixture.ts';

interface Fixture {
  readonly murmur2: readonly { readonly utf8: string; readonly expected: number }[];
  readonly partitionForKey: readonly {
    readonly utf8: string;
    readonly partitions: number;
    readonly expected: number;
  }[];
}
const cases = jsonFixture('murmur2') as Fixture;
const utf8 = (text: string) => new TextEncoder().encode(text);

test('crc32c is Castagnoli, not the CRC of zip (RFC 3720, B.4)', () => {
  expect(crc32c(utf8('123456789'))).toBe(0xe3069283);
  expect(crc32c(new Uint8Array(32))).toBe(0x8a9136aa);
  expect(crc32c(new Uint8Array(32).fill(0xff))).toBe(0x62a8ab43);
  expect(crc32c(new Uint8Array(0))).toBe(0);
});

test.each(cases.murmur2)('murmur2 of $utf8 is $expected, as in Java', ({ utf8: key, expected }) => {
  expect(murmur2(utf8(key))).toBe(expected);
});

test.each(cases.partitionForKey)(
  '$utf8 of $partitions partitions is $expected',
  ({ utf8: key, partitions, expected }) => {
    expect(partitionForKey(utf8(key), partitions)).toBe(expected);
  },
);

test('a view in the middle of a buffer hashes as its own bytes', () => {
  const buffer = utf8('xx21yy');
  expect(murmur2(buffer.subarray(2, 4))).toBe(murmur2(utf8('21')));
  expect(crc32c(buffer.subarray(2, 4))).toBe(crc32c(utf8('21')));
});

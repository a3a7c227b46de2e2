import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { compressFrameSync } from 'lz4-napi';
import { beforeAll, describe, expect, test } from 'vitest';
import { readLz4Frame } from '../../../../core/protocol/compression/lz4.ts';
import { compression, loadCompression } from '../../../../core/protocol/compression/registry.ts';
import { splitZstdFrames } from '../../../../core/protocol/compression/zstd.ts';
import { hexFixture } from '../../../wire/fixture.ts';

beforeAll(loadCompression);

const names = ['gzip', 'snappy', 'lz4', 'zstd'] as const;
const corrupt = expect.objectContaining({ code: 'CORRUPT_BATCH' });
const bytesOf = (view: Uint8Array) => Uint8Array.from(view);
const noise = (length: number) => {
  let state = 1;
  return Uint8Array.from({ length }, () => (state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0) >>> 24);
};

describe.each(names)('%s', (name) => {
  test('round trips anything', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 2_000 }), (bytes) => {
        expect(bytesOf(compression(name).decompress(compression(name).compress(bytes)))).toEqual(bytes);
      }),
      { numRuns: 50 },
    );
    for (const bytes of [new Uint8Array(0), new Uint8Array(3_000_000), noise(700_000)]) {
      const packed = compression(name).compress(bytes);
      expect(Buffer.compare(compression(name).decompress(packed), bytes)).toBe(0);
    }
  });

  test('round trips a view in the middle of a buffer', () => {
    const view = noise(5_000).subarray(100, 3_000);
    expect(bytesOf(compression(name).decompress(compression(name).compress(view)))).toEqual(bytesOf(view));
  });

  test('refuses what decompresses to more than it may, before it does', () => {
    const bomb = compression(name).compress(new Uint8Array(10_000_000));
    expect(() => compression(name).decompress(bomb, 9_000_000)).toThrow(corrupt);
    expect(compression(name).decompress(bomb, 11_000_000)).toHaveLength(10_000_000);
  });

  test('refuses what is cut', () => {
    const packed = compression(name).compress(noise(200));
    for (let length = 0; length < packed.length; length++) {
      // Snappy has blocks that end where the bytes do, so none at all is right.
      if (name === 'snappy' && length === 16) continue;
      expect(() => compression(name).decompress(packed.subarray(0, length)), `${length}`).toThrow(corrupt);
    }
  });

  test('refuses other bytes, or makes something of them, and goes on working', () => {
    const packed = compression(name).compress(noise(300));
    fc.assert(
      fc.property(fc.nat(packed.length - 1), fc.integer({ min: 1, max: 255 }), (at, flip) => {
        const changed = Uint8Array.from(packed);
        changed[at]! ^= flip;
        try {
          compression(name).decompress(changed);
        } catch (error) {
          expect(error).toEqual(corrupt);
        }
      }),
      { numRuns: 500 },
    );
    expect(bytesOf(compression(name).decompress(packed))).toEqual(noise(300));
  });
});

test('gzip of several members, as streams are concatenated', () => {
  const two = Buffer.concat([gzipSync('one '), gzipSync('two')]);
  expect(Buffer.from(compression('gzip').decompress(two)).toString()).toBe('one two');
});

describe('snappy', () => {
  test('is framed as xerial does it, in blocks of 32 KiB', () => {
    const packed = compression('snappy').compress(noise(70_000));
    expect(Buffer.from(packed.subarray(0, 16)).toString('hex')).toBe('82534e41505059000000000100000001');
    const view = new DataView(packed.buffer, packed.byteOffset);
    let blocks = 0;
    for (let at = 16; at < packed.length; at += 4 + view.getInt32(at)) blocks++;
    expect(blocks).toBe(3);
  });

  test('is read without a frame too, as some producers send it', () => {
    const packed = compression('snappy').compress(noise(300));
    expect(bytesOf(compression('snappy').decompress(packed.subarray(20)))).toEqual(noise(300));
  });

  test('a block that claims gigabytes is refused by its size', () => {
    const claim = Uint8Array.from([0xff, 0xff, 0xff, 0xff, 0x03, 0, 0]);
    expect(() => compression('snappy').decompress(claim)).toThrow(corrupt);
  });
});

describe('lz4', () => {
  test("is a frame as Java writes it, in blocks of 64 KiB, stored where they don't get smaller", () => {
    const packed = compression('lz4').compress(Buffer.concat([new Uint8Array(100_000), noise(65_536)]));
    expect(Buffer.from(packed.subarray(0, 7)).toString('hex')).toBe('04224d18604082');
    const { blocks, bound, isIndependent } = readLz4Frame(packed);
    expect(blocks.map(({ isStored }) => isStored)).toEqual([false, false, true]);
    expect(isIndependent).toBe(true);
    expect(bound).toBeGreaterThanOrEqual(165_536);
    expect(bound).toBeLessThanOrEqual(3 * 65_536);
  });

  test.each([{}, { blockChecksums: true }, { contentChecksum: true }])('frames of lz4_flex with %o', (options) => {
    const packed = compressFrameSync(Buffer.from(noise(300_000)), options);
    expect(Buffer.compare(compression('lz4').decompress(packed), noise(300_000))).toBe(0);
  });
});

test('an lz4 frame whose blocks build on each other, with everything that a frame may have', () => {
  const packed = hexFixture('lz4-linked');
  const lines = Array.from({ length: 4_000 }, (_, i) => `line ${i % 50} of a log that repeats itself; `).join('');
  expect(readLz4Frame(packed).isIndependent).toBe(false);
  expect(Buffer.from(compression('lz4').decompress(packed)).toString()).toBe(lines);
});

describe('zstd frames', () => {
  const frame = () => compression('zstd').compress(noise(400));

  test('several, and ones to skip, are one stream', () => {
    const skipped = Uint8Array.from([0x51, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 9, 9, 9]);
    const stream = Buffer.concat([frame(), skipped, frame()]);
    expect(splitZstdFrames(stream).map(({ bound }) => bound)).toEqual([400, 400]);
    expect(bytesOf(compression('zstd').decompress(stream))).toEqual(bytesOf(Buffer.concat([noise(400), noise(400)])));
  });

  test("a size that the blocks can't make is refused", () => {
    // A frame with an eight-byte content size of 2^40, and one empty raw block.
    const claim = Uint8Array.from([0x28, 0xb5, 0x2f, 0xfd, 0xe0, 0, 0, 0, 0, 0, 1, 0, 0, 1, 0, 0]);
    expect(() => compression('zstd').decompress(claim)).toThrow(corrupt);
  });
});

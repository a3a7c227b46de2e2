import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { isFault } from '../../../core/kernel/fault.ts';
import { createFrameReader, encodeFrame } from '../../../core/protocol/frame.ts';

const frameOf = (content: Uint8Array) => Buffer.concat(encodeFrame((writer) => writer.bytes(content)));
const caught = (run: () => unknown): unknown => {
  try {
    run();
  } catch (error) {
    return error;
  }
  return undefined;
};

test('frames come out whole, however the stream is cut', () => {
  const contents = fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 8 });
  const cuts = fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1, maxLength: 50 });
  const holds = fc.property(contents, cuts, (frames, sizes) => {
    const stream = Buffer.concat(frames.map(frameOf));
    const reader = createFrameReader({ frameBytesMax: 40 });
    const got: Uint8Array[] = [];
    for (let at = 0, turn = 0; at < stream.length; turn++) {
      const size = sizes[turn % sizes.length]!;
      got.push(...reader.push(stream.subarray(at, at + size)));
      at += size;
    }
    expect(got.map((frame) => [...frame])).toEqual(frames.map((frame) => [...frame]));
    expect(reader.pendingBytes).toBe(0);
  });
  fc.assert(holds);
});

test('a frame within one chunk is not copied', () => {
  const chunk = frameOf(new Uint8Array([1, 2, 3]));
  const [frame] = createFrameReader({ frameBytesMax: 3 }).push(chunk);
  expect(frame!.buffer).toBe(chunk.buffer);
  // A Buffer's slice() would be no copy.
  expect(Object.getPrototypeOf(frame)).toBe(Uint8Array.prototype);
});

test.each([
  ['more than the cap', [0, 0, 0, 101]],
  ['less than nothing', [0xff, 0xff, 0xff, 0xff]],
  ['an HTTP request', [...Buffer.from('GET / HTTP/1.1')]],
])('a length of %s ends the stream', (_, bytes) => {
  const reader = createFrameReader({ frameBytesMax: 100 });
  expect(
    isFault(
      caught(() => reader.push(new Uint8Array(bytes))),
      'MALFORMED_BYTES',
    ),
  ).toBe(true);
  expect(
    isFault(
      caught(() => reader.push(new Uint8Array([0, 0, 0, 0]))),
      'MALFORMED_BYTES',
    ),
  ).toBe(true);
});

test('a length that is claimed takes no memory before the bytes come', () => {
  const reader = createFrameReader({ frameBytesMax: 2 ** 31 - 1 });
  expect(reader.push(new Uint8Array([0x7f, 0xff, 0xff, 0xff, 9]))).toEqual([]);
  expect(reader.pendingBytes).toBe(1);
});

test('a frame that drips in is put together in few pieces, and holds on to no chunk', () => {
  const content = Uint8Array.from({ length: 300_000 }, (_, i) => i * 7);
  const stream = frameOf(content);
  const reader = createFrameReader({ frameBytesMax: content.length });
  const chunk = new Uint8Array(3);
  let got: Uint8Array | undefined;
  for (let at = 0; at < stream.length; ) {
    // One byte, three, and now and then a large piece; the chunk is written over each time.
    const size = at % 50_000 === 0 ? 2_500 : at % 2 === 0 ? 1 : 3;
    const part = size > 3 ? stream.slice(at, at + size) : chunk.subarray(0, Math.min(size, stream.length - at));
    if (size <= 3) part.set(stream.subarray(at, at + part.length));
    at += part.length;
    got = reader.push(part)[0];
  }
  expect(Buffer.compare(got!, content)).toBe(0);
  expect(reader.pendingBytes).toBe(0);
});

test('large records are handed on uncopied, and counted in the length', () => {
  const large = new Uint8Array(5000).fill(7);
  const parts = encodeFrame((writer, pieces) => {
    writer.int32(1);
    expect(pieces.add(writer.length, [large], large.length)).toBe(true);
    writer.int32(2);
  });
  expect(parts[1]).toBe(large);
  const whole = Buffer.concat(parts);
  expect(whole.readInt32BE(0)).toBe(whole.length - 4);
  expect(whole).toEqual(Buffer.concat([Buffer.from([0, 0, 19, 144, 0, 0, 0, 1]), large, Buffer.from([0, 0, 0, 2])]));
});

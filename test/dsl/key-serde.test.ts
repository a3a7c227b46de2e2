import { expect, test } from 'vitest';
import { utf8 } from '../../dsl/index.ts';
import { stringKey } from '../../dsl/key-serde.ts';

test('a string key has the bytes every other client gives it, so that partitions agree', () => {
  for (const key of ['', 'ATL', 'Zürich', '東京 😀']) {
    expect(stringKey.encode(key)).toEqual(utf8.encode(key));
    expect(new Uint8Array(stringKey.encode(key))).toEqual(new TextEncoder().encode(key));
    expect(stringKey.decode(stringKey.encode(key))).toBe(key);
  }
});

test.each([1, 1n, {}, undefined, null])('%s, which a program got past the compiler, is refused in words', (key) => {
  expect(() => stringKey.encode(key as never)).toThrow(expect.objectContaining({ code: 'KEY_NEEDS_SERDE' }));
});

// The memo of short texts: whatever it knows, the text is that of the bytes.
import { expect, test } from 'vitest';
import { seededRandom } from '../../../core/kernel/random.ts';
import { cachedText } from '../../../core/kernel/text-cache.ts';

test('gives the text of the bytes, the same string for the same, and leaves alone what is long or not ASCII', () => {
  const random = seededRandom(5);
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  for (let i = 0; i < 50_000; i++) {
    const length = random.integer(27);
    const bytes = random.bytes(length + 2).map((byte) => (i % 5 === 0 ? byte : byte & 0x7f));
    const own = bytes.subarray(1, length + 1);
    const make = (at: number, count: number) => decoder.decode(bytes.subarray(at, at + count));
    const found = cachedText(bytes, 1, length, make);
    const isKept = length <= 24 && own.every((byte) => byte < 0x80);
    expect(found).toBe(isKept ? decoder.decode(own) : undefined);
  }
  let made = 0;
  const key = new TextEncoder().encode('a key');
  const make = () => {
    made++;
    return 'a key';
  };
  expect([cachedText(key, 0, 5, make), cachedText(key, 0, 5, make), made]).toEqual(['a key', 'a key', 1]);
});

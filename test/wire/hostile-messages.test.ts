import { expect, test } from 'vitest';
import { ByteReader } from '../../core/kernel/byte-reader.ts';
import { isFault } from '../../core/kernel/fault.ts';
import { seededRandom } from '../../core/kernel/random.ts';
import { type MessageFixture, messageFixtures, messages } from './fixtures.ts';

const fixtures = messageFixtures.filter(({ message, kind }) => messages.has(message) && kind !== 'defaults');

/** Whether it decoded; anything but an answer or the fault for malformed bytes fails the test. */
function survives({ message, version }: MessageFixture, bytes: Uint8Array): boolean {
  try {
    messages.get(message)!.decode(new ByteReader(bytes), version);
    return true;
  } catch (error) {
    if (!isFault(error, 'MALFORMED_BYTES')) throw error;
    return false;
  }
}

test('a message cut short anywhere is refused', () => {
  for (const fixture of fixtures) {
    const step = Math.max(1, Math.floor(fixture.bytes.length / 40));
    for (let end = 0; end < fixture.bytes.length; end += step) {
      const cut = survives(fixture, fixture.bytes.slice(0, end));
      expect(cut, `${fixture.message} v${fixture.version} cut at ${end}`).toBe(false);
    }
  }
});

test('changed bytes decode or are refused', () => {
  const random = seededRandom(7);
  const below = (n: number) => random.integer(n);
  const extremes = [0x00, 0x01, 0x7f, 0x80, 0xff];
  let decoded = 0;
  let refused = 0;
  for (const fixture of fixtures) {
    for (let round = 0; round < 40; round++) {
      const bytes = fixture.bytes.slice();
      for (let changes = 1 + below(4); changes > 0; changes--) {
        bytes[below(bytes.length)] = below(2) === 0 ? extremes[below(extremes.length)]! : below(256);
      }
      if (survives(fixture, bytes)) decoded++;
      else refused++;
    }
  }
  expect(decoded).toBeGreaterThan(fixtures.length);
  expect(refused).toBeGreaterThan(fixtures.length);
});

test('a length that claims more than was sent is refused or harmless, wherever it stands', () => {
  for (const fixture of fixtures) {
    for (let at = 0; at + 4 <= fixture.bytes.length; at += 3) {
      for (const first of [0x7f, 0xff, 0x0f]) {
        const bytes = fixture.bytes.slice();
        bytes.set([first, 0xff, 0xff, 0xff], at);
        survives(fixture, bytes);
      }
    }
  }
});

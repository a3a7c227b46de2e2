import { expect, test } from 'vitest';
import { parsePosition } from '../../../runtime/cli/options.ts';

test('a position is a word, an offset or a time', () => {
  expect(parsePosition('latest')).toEqual({ kind: 'latest' });
  expect(parsePosition('5')).toEqual({ kind: 'offset', offset: 5 });
  expect(parsePosition('@1769860800000')).toEqual({ kind: 'time', timestampMs: 1769860800000 });
  expect(parsePosition('2026-01-31')).toEqual({ kind: 'time', timestampMs: Date.UTC(2026, 0, 31) });
  expect(parsePosition('2026-01-31T12:00:00Z')).toEqual({ kind: 'time', timestampMs: Date.UTC(2026, 0, 31, 12) });
});

test.each(['-5', 'offset 5', 'earliest 1', '@', '@-1', '@-2', '@1e3', '2026-13-01', ''])('%j is none', (text) => {
  expect(() => parsePosition(text)).toThrow('It must be earliest, latest, an offset, or a time');
});

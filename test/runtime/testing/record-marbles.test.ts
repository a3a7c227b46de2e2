import { expect, test } from 'vitest';
import { drawMarbles, parseMarbles } from '../../../runtime/testing/record-marbles.ts';

test('a letter is a record, a dash is time, brackets are one moment, and longer waits are written out', () => {
  expect(parseMarbles('a-(bc)d 5s e', { startMs: 100, frameMs: 10 })).toEqual([
    { symbol: 'a', timestampMs: 100 },
    { symbol: 'b', timestampMs: 120 },
    { symbol: 'c', timestampMs: 120 },
    { symbol: 'd', timestampMs: 130 },
    { symbol: 'e', timestampMs: 5_140 },
  ]);
  expect(parseMarbles('')).toEqual([]);
  expect(parseMarbles('1.5m x')).toEqual([{ symbol: 'x', timestampMs: 90_000 }]);
});

test.each(['a(b', 'a)b', '((a))', 'a|', 'a#', '(a-b)'])('%s is no picture of records', (picture) => {
  expect(() => parseMarbles(picture)).toThrowError(expect.objectContaining({ code: 'BAD_MARBLES' }));
});

test('draws records by time, and what is not in the legend as a question mark', () => {
  const legend = { a: ['k', { n: 1 }], b: ['k', { n: 2 }] } as const;
  const at = (timestampMs: number, n: number) => ({ key: 'k', value: { n }, timestampMs });
  expect(drawMarbles([at(0, 1), at(20, 2), at(20, 1), at(10, 3)], legend, { frameMs: 10 })).toBe('a?(ba)');
  expect(drawMarbles([], legend)).toBe('');
});

test('what it draws it reads, over random pictures', () => {
  let seed = 11;
  const next = (below: number) => (seed = (seed * 1103515245 + 12345) & 0x7fffffff) % below;
  const legend = { a: ['a', 'a'], b: ['b', 'b'], c: ['c', 'c'] } as const;
  for (let round = 0; round < 200; round++) {
    const records = Array.from({ length: next(6) }, () => {
      const symbol = 'abc'[next(3)]!;
      return { key: symbol, value: symbol, timestampMs: 7 + next(5) * 3 };
    }).sort((x, y) => x.timestampMs - y.timestampMs);
    const picture = drawMarbles(records, legend, { startMs: 7, frameMs: 3 });
    const read = parseMarbles(picture, { startMs: 7, frameMs: 3 });
    expect(read).toEqual(records.map(({ key, timestampMs }) => ({ symbol: key, timestampMs })));
  }
});

test.each([
  ['between two frames', [5], { frameMs: 10 }],
  ['before the first', [5], { startMs: 10 }],
  ['too far away to be drawn', [0, 1_700_000_000_000], {}],
])('a record %s says so', (_, times, options) => {
  const records = times.map((timestampMs) => ({ key: 'k', value: 'v', timestampMs }));
  expect(() => drawMarbles(records, {}, options)).toThrowError(expect.objectContaining({ code: 'BAD_MARBLES' }));
});

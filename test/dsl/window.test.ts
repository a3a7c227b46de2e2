import { expect, test } from 'vitest';
import { hopping, tumbling } from '../../dsl/index.ts';

test('windows are data in milliseconds', () => {
  expect(tumbling('1 minute', { grace: '10 seconds' })).toEqual({ kind: 'tumbling', sizeMs: 60_000, graceMs: 10_000 });
  expect(hopping('5 minutes', { every: '1 minute', grace: 0 })).toEqual({
    kind: 'hopping',
    sizeMs: 300_000,
    advanceMs: 60_000,
    graceMs: 0,
  });
});

test('a window of nothing, or with gaps, is no window', () => {
  expect(() => tumbling(0, { grace: 0 })).toThrow(expect.objectContaining({ code: 'BAD_WINDOW' }));
  expect(() => hopping('1 minute', { every: 0, grace: 0 })).toThrow(expect.objectContaining({ code: 'BAD_WINDOW' }));
  expect(() => tumbling('1 minute', undefined as never)).toThrow('say how late records may be');
  expect(() => hopping('1 minute', { grace: 0 } as never)).toThrow(expect.objectContaining({ code: 'BAD_WINDOW' }));
  expect(() => hopping('1 minute', { every: '2 minutes', grace: 0 })).toThrow(
    'every (120000 ms) is longer than the window (60000 ms)',
  );
});

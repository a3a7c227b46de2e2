// Whole jobs through faults, a few dozen runs; `npm run test:sim` does hundreds. The title names the seed, and
// `npm run sim -- --seed N --steps 20 --verbose` plays that run again.
import { expect, test } from 'vitest';
import { simulate } from './simulation.ts';

const seeds = Array.from({ length: 24 }, (_, i) => i + 1);

test.each(seeds)('every input has its outputs whatever fails on the way, seed %i', async (seed) => {
  const { title, wrong, records } = await simulate({ seed, steps: 20 });
  expect(wrong, title).toEqual([]);
  expect(records).toBeGreaterThan(0);
});

test('a run is its seed and nothing else', async () => {
  const [first, second] = [await simulate({ seed: 42, steps: 8 }), await simulate({ seed: 42, steps: 8 })];
  expect(second).toEqual(first);
});

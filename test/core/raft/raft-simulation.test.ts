import { expect, test } from 'vitest';
import { type Fault, simulateRaft } from './raft-simulation.ts';

const seeds = Array.from({ length: 60 }, (_, i) => i + 1);

test.each(seeds)('one leader an epoch, logs that agree, nothing committed lost, seed %i', (seed) => {
  const { wrong, committed } = simulateRaft({ seed, steps: 150 });
  expect(wrong).toEqual([]);
  expect(committed).toBeGreaterThan(10);
});

test('voters come and go in the runs above', () => {
  const changes = seeds.slice(0, 20).map((seed) => simulateRaft({ seed, steps: 150 }).changes);
  expect(changes.reduce((sum, count) => sum + count, 0)).toBeGreaterThan(50);
});

test.each<Fault>(['forgetsVotes', 'truncatesByOffset', 'countsObservers', 'forgetsEntries'])(
  'a quorum that %s is found out',
  (fault) => {
    const found = Array.from({ length: 400 }, (_, i) => i + 1).find(
      (seed) => simulateRaft({ seed, steps: 150, fault }).wrong.length > 0,
    );
    expect(found).toBeDefined();
  },
);

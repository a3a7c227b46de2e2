import { expect, test } from 'vitest';
import { type Fault, simulateRaft } from './raft-simulation.ts';

const seeds = Array.from({ length: 60 }, (_, i) => i + 1);

test.each(seeds)('one leader an epoch, logs that agree, nothing committed lost, seed %i', (seed) => {
  const { wrong, committed } = simulateRaft({ seed, steps: 150 });
  expect(wrong).toEqual([]);
  expect(committed).toBeGreaterThan(10);
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

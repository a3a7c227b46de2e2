// What Kafka Streams itself answered (streams.json; README.md there says how it was recorded), against the same programs
// in our DSL, through the test driver. Every vector is run. `npm run test:vectors` runs them on a log as well.
import { describe, expect, test } from 'vitest';
import { runFunction, runInDriver } from './in-driver.ts';
import { type FunctionVector, ownFile, readVectors, type TopologyVector } from './vector.ts';

const vectors = readVectors(ownFile);

describe('as Kafka Streams answers', () => {
  const topologies = vectors.filter((vector): vector is TopologyVector => vector.kind !== 'function');
  test.each(topologies.map((vector) => [vector.id, vector] as const))('%s', (_, vector) => {
    expect(runInDriver(vector)).toEqual([]);
  });
});

describe('as Kafka computes', () => {
  const calls = vectors.filter((vector): vector is FunctionVector => vector.kind === 'function');
  test.each(calls.map((vector) => [vector.id, vector] as const))('%s', (_, vector) => {
    expect(runFunction(vector)).toEqual([]);
  });
});

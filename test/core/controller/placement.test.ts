import { expect, test } from 'vitest';
import { assignmentObjection, placeReplicas } from '../../../core/controller/placement.ts';
import { seededRandom } from '../../../core/kernel/random.ts';
import { node } from './cluster.ts';

const nodes = (count: number, racks: readonly (string | null)[] = [null]) =>
  Array.from({ length: count }, (_, i) => node(i + 1, { rack: racks[i % racks.length]! }));

const place = (request: Omit<Parameters<typeof placeReplicas>[0], 'random'>, seed = 1) => {
  const placed = placeReplicas({ ...request, random: seededRandom(seed) });
  if (!placed.ok) throw new Error(placed.message);
  return placed.value;
};
const counts = (ids: readonly number[]) => {
  const count = new Map<number, number>();
  for (const id of ids) count.set(id, (count.get(id) ?? 0) + 1);
  return count;
};
const spread = (ids: readonly number[]) => {
  const values = [...counts(ids).values()];
  return Math.max(...values) - Math.min(...values);
};
const seeds = Array.from({ length: 20 }, (_, i) => i);

test.each(seeds)('replicas and leaders are spread evenly over nodes, seed %i', (seed) => {
  const placed = place({ partitions: 12, replicationFactor: 3, nodes: nodes(4) }, seed);
  for (const replicas of placed) expect(new Set(replicas).size).toBe(3);
  expect(spread(placed.map((replicas) => replicas[0]!))).toBe(0);
  expect(counts(placed.flat()).size).toBe(4);
  // Every second replica too: the leaders of a node that fails go to more than one other.
  const afterOne = placed.map((replicas) => replicas.find((id) => id !== 1)!);
  expect(counts(afterOne).size).toBe(3);
});

test.each(seeds)('replicas of a partition are in as many racks as there are, seed %i', (seed) => {
  const nine = nodes(9, ['a', 'b', 'c']);
  const rackOf = new Map(nine.map(({ id, rack }) => [id, rack]));
  const placed = place({ partitions: 18, replicationFactor: 3, nodes: nine }, seed);
  for (const replicas of placed) expect(new Set(replicas.map((id) => rackOf.get(id))).size).toBe(3);
  expect(spread(placed.flat())).toBe(0);
  expect(spread(placed.map((replicas) => replicas[0]!))).toBe(0);
  const wide = place({ partitions: 6, replicationFactor: 5, nodes: nine }, seed);
  for (const replicas of wide) {
    expect(new Set(replicas).size).toBe(5);
    expect(new Set(replicas.map((id) => rackOf.get(id))).size).toBe(3);
  }
});

test('leaders are on nodes that are up, and fenced ones are taken last', () => {
  const some = [node(1, { fenced: true }), node(2), node(3, { fenced: true }), node(4)];
  for (const replicas of place({ partitions: 8, replicationFactor: 3, nodes: some })) {
    expect([2, 4]).toContain(replicas[0]);
    expect(new Set(replicas.slice(0, 2))).toEqual(new Set([2, 4]));
    expect([1, 3]).toContain(replicas[2]);
  }
});

test('new partitions of a topic go on where the last one ended', () => {
  const existing = [
    [1, 2],
    [2, 3],
  ];
  expect(place({ partitions: 2, replicationFactor: 2, nodes: nodes(4), existing })).toEqual([
    [3, 4],
    [4, 1],
  ]);
});

test('too many replicas, none, or no node that is up are refused in words', () => {
  const random = seededRandom(1);
  const refusal = (request: Omit<Parameters<typeof placeReplicas>[0], 'random' | 'partitions'>) =>
    placeReplicas({ ...request, partitions: 1, random });
  expect(refusal({ replicationFactor: 4, nodes: nodes(3) })).toEqual({
    ok: false,
    error: 'INVALID_REPLICATION_FACTOR',
    message: 'only 3 nodes are there to take 4 replicas; ask for fewer, or add nodes',
  });
  expect(refusal({ replicationFactor: 0, nodes: nodes(3) })).toMatchObject({ error: 'INVALID_REPLICATION_FACTOR' });
  expect(refusal({ replicationFactor: 1, nodes: [node(1, { fenced: true })] })).toMatchObject({
    message: 'no node is up that could lead; start one',
  });
  expect(refusal({ replicationFactor: 2, nodes: [node(1), node(2, { inControlledShutdown: true })] })).toMatchObject({
    message: 'only one node is there to take 2 replicas; ask for fewer, or add nodes',
  });
});

test('what a person assigns is checked', () => {
  const known = new Map(nodes(3).map((one) => [one.id, one]));
  expect(assignmentObjection([3, 1], known)).toBeNull();
  expect(assignmentObjection([], known)).toBe('a partition needs at least one replica');
  expect(assignmentObjection([1, 9], known)).toBe('no node 9 is registered');
  expect(assignmentObjection([1, 2, 1], known)).toBe('node 1 is named more than once');
  expect(assignmentObjection([1, 2], known, 3)).toMatch(/same number of replicas: 3, not 2/);
});

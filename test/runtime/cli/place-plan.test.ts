import { expect, test } from 'vitest';
import type { PartitionPlace } from '../../../core/client/index.ts';
import { balanced, drained } from '../../../runtime/cli/place-plan.ts';

const place = (partition: number, replicas: number[], leader = replicas[0]!, inSync = replicas): PartitionPlace => ({
  ...{ topic: 'orders', partition, leader, replicas, inSync },
});
const orders = (moves: ReturnType<typeof drained>) => moves.map(({ partition, replicas }) => [partition, replicas]);

test('a node is drained to those in sync that lead least, and copies stay where they are', () => {
  const places = [
    place(0, [1, 2, 3]),
    place(1, [2, 3, 1]),
    place(2, [2, 1, 3]),
    place(3, [3, 2, 1]),
    place(4, [2, 1, 3], 2, [2, 3]),
    place(5, [2]),
    place(6, [3, 1]),
  ];
  expect(orders(drained(places, 2))).toEqual([
    [1, [1, 3, 2]],
    [2, [1, 3, 2]],
    [4, [3, 1, 2]],
  ]);
  expect(drained(places, 9)).toEqual([]);
});

test('leaders are spread over the nodes of each topic, and nothing moves where they are', () => {
  const one = [place(0, [1, 2, 3]), place(1, [1, 3, 2]), place(2, [1, 2, 3])];
  expect(orders(balanced(one))).toEqual([
    [1, [3, 1, 2]],
    [2, [2, 1, 3]],
  ]);
  const spread = [place(0, [1, 2, 3]), place(1, [2, 3, 1]), place(2, [3, 1, 2])];
  expect(balanced(spread)).toEqual([]);
  expect(orders(balanced([place(0, [1, 2], 2, [2])]))).toEqual([[0, [2, 1]]]);
});

test('what is moving is left to its move: its new order would be taken for new copies beside the old', () => {
  const places = [place(0, [3, 4, 1, 2], 1, [1, 2]), place(1, [1, 2])];
  const moving = [{ topic: 'orders', partition: 0, replicas: [3, 4, 1, 2], adding: [3, 4], removing: [1, 2] }];
  expect(orders(drained(places, 1, moving))).toEqual([[1, [2, 1]]]);
  expect(orders(balanced(places, moving))).toEqual([]);
});

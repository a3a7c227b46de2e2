import { expect, test } from 'vitest';
import {
  cancelReassignment,
  changePartition,
  type Election,
  newPartition,
  noLeader,
  type PartitionImage,
  reassign,
  withoutNode,
} from '../../../core/controller/partition-image.ts';

const rules = (up: readonly number[], election: Election = 'online') => ({
  election,
  mayLead: (node: number) => up.includes(node),
});
const partition: PartitionImage = { ...newPartition([1, 2, 3], [1, 2, 3]), leaderEpoch: 5, partitionEpoch: 9 };

test('when the leader goes, the next replica in sync leads, in a new epoch', () => {
  expect(withoutNode(partition, 1, rules([1, 2, 3]))).toEqual({
    ...partition,
    ...{ inSync: [2, 3], leader: 2, leaderEpoch: 6, partitionEpoch: 10 },
  });
});

test('when a follower goes, the leader epoch stays, as since KAFKA-15021', () => {
  expect(withoutNode(partition, 3, rules([1, 2, 3]))).toEqual({ ...partition, inSync: [1, 2], partitionEpoch: 10 });
  expect(withoutNode({ ...partition, inSync: [1, 2] }, 3, rules([1, 2, 3]))).toBeNull();
});

test('the last one in sync stays so without leading, and leads again when it is back', () => {
  const alone = { ...partition, inSync: [1] };
  const down = withoutNode(alone, 1, rules([2, 3]))!;
  expect(down).toEqual({ ...alone, leader: noLeader, leaderEpoch: 6, partitionEpoch: 10 });
  expect(changePartition(down, {}, rules([2, 3]))).toBeNull();
  expect(changePartition(down, {}, rules([1, 2, 3]))).toEqual({ ...alone, leaderEpoch: 7, partitionEpoch: 11 });
});

test('an unclean election takes a replica that is not in sync only where no other is there', () => {
  const alone = { ...partition, inSync: [1] };
  expect(withoutNode(alone, 1, rules([2, 3], 'unclean'))).toMatchObject({ leader: 2, inSync: [2], leaderEpoch: 6 });
  expect(withoutNode(partition, 1, rules([2, 3], 'unclean'))).toMatchObject({ leader: 2, inSync: [2, 3] });
});

test('a preferred election puts the first replica back where it is in sync', () => {
  const moved = { ...partition, leader: 3 };
  expect(changePartition(moved, {}, rules([1, 2, 3], 'preferred'))).toMatchObject({ leader: 1, leaderEpoch: 6 });
  expect(changePartition(moved, {}, rules([1, 2, 3]))).toBeNull();
  expect(changePartition({ ...moved, inSync: [2, 3] }, {}, rules([1, 2, 3], 'preferred'))).toBeNull();
});

test('a move adds replicas at once, and takes away the others when all that are wanted are in sync', () => {
  const all = rules([1, 2, 3, 4, 5]);
  const moving = reassign(partition, [4, 5, 1], all)!;
  expect(moving).toEqual({
    ...partition,
    ...{ replicas: [4, 5, 1, 2, 3], addingReplicas: [4, 5], removingReplicas: [2, 3], partitionEpoch: 10 },
  });
  const half = changePartition(moving, { inSync: [1, 2, 3, 4] }, all)!;
  expect(half).toEqual({ ...moving, inSync: [1, 2, 3, 4], partitionEpoch: 11 });
  expect(changePartition(half, { inSync: [1, 2, 3, 4, 5] }, all)).toEqual({
    ...newPartition([4, 5, 1], [1, 4, 5]),
    ...{ leader: 1, leaderEpoch: 6, partitionEpoch: 12 },
  });
});

test('a move that only takes replicas away, or only orders them, needs no waiting', () => {
  const all = rules([1, 2, 3]);
  expect(reassign(partition, [2, 3], all)).toEqual({
    ...newPartition([2, 3], [2, 3]),
    ...{ leader: 2, leaderEpoch: 6, partitionEpoch: 10 },
  });
  expect(reassign(partition, [3, 2, 1], all)).toEqual({ ...partition, replicas: [3, 2, 1], partitionEpoch: 10 });
  expect(reassign(partition, [1, 2, 3], all)).toBeNull();
});

test('a move is cancelled to what was before, also when another had taken the place of a first', () => {
  const all = rules([1, 2, 3, 4, 5]);
  const first = reassign(partition, [1, 2, 4], all)!;
  const second = reassign(first, [1, 2, 5], all)!;
  expect(second).toMatchObject({ replicas: [1, 2, 5, 3], addingReplicas: [5], removingReplicas: [3], leaderEpoch: 6 });
  expect(cancelReassignment(second, all)).toEqual({ ...partition, leaderEpoch: 7, partitionEpoch: 12 });
  expect(cancelReassignment(partition, all)).toBeNull();
});

test('a move is not cancelled where only what it added is in sync', () => {
  const moving = { ...reassign(partition, [4, 5], rules([1, 2, 3, 4, 5]))!, inSync: [4], leader: 4 };
  expect(cancelReassignment(moving, rules([2, 3, 4, 5]))).toBe('unclean');
  expect(cancelReassignment(moving, rules([2, 3, 4, 5], 'unclean'))).toMatchObject({
    ...{ replicas: [1, 2, 3], inSync: [2], leader: 2 },
  });
});

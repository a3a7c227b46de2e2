import { expect, test } from 'vitest';
import { alterPartitions, type InSyncChange } from '../../../core/controller/in-sync-commands.ts';
import { reassign } from '../../../core/controller/partition-image.ts';
import { allocateProducerIds } from '../../../core/controller/producer-ids.ts';
import { clusterOf, decided, node, placed, topicOf } from './cluster.ts';

const place = placed([1, 2, 3], { inSync: [1, 2], leaderEpoch: 5, partitionEpoch: 9 });
const cluster = () => clusterOf(4, [topicOf('orders', [place])]);
const ids = (...nodes: number[]) => nodes.map((nodeId) => ({ nodeId, nodeEpoch: nodeId }));
const change = (given: Partial<InSyncChange> = {}): InSyncChange => ({
  ...{ topicId: 'id of orders', partition: 0, leaderEpoch: 5, partitionEpoch: 9, inSync: ids(1, 2, 3) },
  ...given,
});
const ask = (image: ReturnType<typeof clusterOf>, changes: readonly InSyncChange[], from = 1) =>
  decided(image, alterPartitions(image, { node: from, nodeEpoch: from, changes }));

test('the in-sync set grows and shrinks as the leader says, in a new partition epoch', () => {
  const image = cluster();
  const grown = { ...place, inSync: [1, 2, 3], partitionEpoch: 10 };
  expect(ask(image, [change()])).toEqual([{ ok: true, value: grown }]);
  expect(image.topics.get('orders')!.places).toEqual([grown]);
  expect(ask(image, [change({ partitionEpoch: 10, inSync: ids(1) })])).toEqual([
    { ok: true, value: { ...place, inSync: [1], partitionEpoch: 11 } },
  ]);
});

test('what changes nothing is answered with what is', () => {
  const image = cluster();
  expect(ask(image, [change({ inSync: ids(1, 2) })])).toEqual([{ ok: true, value: place }]);
  expect(image.topics.get('orders')!.places).toEqual([place]);
});

test('a second change of a partition in one request is decided after the first', () => {
  const image = cluster();
  expect(ask(image, [change(), change({ inSync: ids(1) })])).toMatchObject([
    { ok: true },
    { error: 'INVALID_UPDATE_VERSION' },
  ]);
  expect(image.topics.get('orders')!.places![0]).toMatchObject({ inSync: [1, 2, 3], partitionEpoch: 10 });
});

test.each<[string, Partial<InSyncChange>]>([
  ['UNKNOWN_TOPIC_ID', { topicId: 'another' }],
  ['UNKNOWN_TOPIC_OR_PARTITION', { partition: 1 }],
  ['FENCED_LEADER_EPOCH', { leaderEpoch: 4 }],
  ['NOT_CONTROLLER', { leaderEpoch: 6 }],
  ['INVALID_UPDATE_VERSION', { partitionEpoch: 8 }],
  ['NOT_CONTROLLER', { partitionEpoch: 10 }],
  ['INVALID_REQUEST', { inSync: ids(1, 4) }],
  ['INVALID_REQUEST', { inSync: ids(1, 2, 2) }],
  ['INVALID_REQUEST', { inSync: ids(2, 3) }],
  ['INELIGIBLE_REPLICA', { inSync: [...ids(1, 2), { nodeId: 3, nodeEpoch: 2 }] }],
])('%s for %j', (error, given) => {
  expect(ask(cluster(), [change(given)])).toMatchObject([{ ok: false, error }]);
});

test('who does not lead may not say who is in sync, and neither may an earlier life of the leader', () => {
  expect(ask(cluster(), [change()], 2)).toMatchObject([{ error: 'INVALID_REQUEST' }]);
  const image = cluster();
  const earlier = alterPartitions(image, { node: 1, nodeEpoch: 0, changes: [change()] });
  expect(earlier).toMatchObject({ error: 'STALE_BROKER_EPOCH' });
  expect(allocateProducerIds(image, { node: 1, nodeEpoch: 0 })).toMatchObject({ error: 'STALE_BROKER_EPOCH' });
});

test.each([{ fenced: true }, { inControlledShutdown: true }])('a node that is %j is not taken in', (state) => {
  const image = clusterOf(4, [topicOf('orders', [place]), { kind: 'node', node: node(3, state) }]);
  expect(ask(image, [change()])).toMatchObject([{ error: 'INELIGIBLE_REPLICA' }]);
  expect(ask(image, [change({ inSync: [...ids(1, 2), { nodeId: 3, nodeEpoch: -1 }] })])).toMatchObject([
    { error: 'INELIGIBLE_REPLICA' },
  ]);
});

test('the leader that ends a move it is to go in is told that another leads', () => {
  const rules = { election: 'online', mayLead: () => true } as const;
  const moving = reassign(placed([1, 2]), [2, 3], rules)!;
  const image = clusterOf(4, [topicOf('orders', [moving])]);
  const { leaderEpoch, partitionEpoch } = moving;
  expect(ask(image, [change({ leaderEpoch, partitionEpoch })])).toMatchObject([{ error: 'NEW_LEADER_ELECTED' }]);
  expect(image.topics.get('orders')!.places).toEqual([
    placed([2, 3], { leader: 2, leaderEpoch: leaderEpoch + 1, partitionEpoch: partitionEpoch + 1 }),
  ]);
});

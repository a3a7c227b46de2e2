import { expect, test } from 'vitest';
import { nextProducerIds } from '../../../core/controller/producer-ids.ts';
import { createTopic, deleteTopic, growTopic, type TopicRequest } from '../../../core/controller/topic-commands.ts';
import { seededRandom } from '../../../core/kernel/random.ts';
import { applyAll, clusterOf, decided, node, placed, topicOf } from './cluster.ts';

const random = seededRandom(1);
const asked = (where: TopicRequest['where']): TopicRequest => ({ name: 'orders', id: 'o', configs: {}, where });

test('a topic is made with all its places in one record', () => {
  const image = clusterOf(3);
  const outcome = createTopic(image, asked({ partitions: 6, replicationFactor: 3 }), random);
  expect(outcome.ok && outcome.value.records).toHaveLength(1);
  expect(decided(image, outcome)).toEqual(image.topics.get('orders'));
  const places = image.topics.get('orders')!.places!;
  expect(places).toHaveLength(6);
  for (const { replicas, inSync, leader } of places) {
    expect(new Set(replicas)).toEqual(new Set([1, 2, 3]));
    expect(inSync).toEqual(replicas);
    expect(leader).toBe(replicas[0]);
  }
  const again = createTopic(image, { ...asked({ partitions: 1, replicationFactor: 1 }), id: 'p' }, random);
  expect(again).toMatchObject({ error: 'TOPIC_ALREADY_EXISTS' });
});

test('replicas on nodes that are down are not in sync from the start', () => {
  const image = clusterOf(3, [{ kind: 'node', node: node(3, { fenced: true }) }]);
  decided(image, createTopic(image, asked({ assignments: [[3, 1], [2, 3, 1].slice(0, 2)] }), random));
  expect(image.topics.get('orders')!.places).toEqual([
    placed([3, 1], { inSync: [1], leader: 1 }),
    placed([2, 3], { inSync: [2], leader: 2 }),
  ]);
});

test.each([
  ['INVALID_PARTITIONS', { partitions: 0, replicationFactor: 1 }],
  ['INVALID_PARTITIONS', { assignments: [] }],
  ['INVALID_REPLICATION_FACTOR', { partitions: 1, replicationFactor: 4 }],
  ['INVALID_REPLICA_ASSIGNMENT', { assignments: [[1, 2], [1]] }],
  ['INVALID_REPLICA_ASSIGNMENT', { assignments: [[1, 9]] }],
  ['INVALID_REPLICA_ASSIGNMENT', { assignments: [[3]] }],
])('%s for %j', (error, where) => {
  const image = clusterOf(3, [{ kind: 'node', node: node(3, { inControlledShutdown: true }) }]);
  expect(createTopic(image, asked(where), random)).toMatchObject({ ok: false, error });
});

test('new partitions have as many replicas as the others', () => {
  const image = clusterOf(3, [topicOf('orders', [placed([1, 2]), placed([2, 3])])]);
  const grow = (count: number, assignments: number[][] | null = null) =>
    decided(image, growTopic(image, { topic: 'orders', count, assignments }, random));
  expect(grow(2)).toMatchObject({ error: 'INVALID_PARTITIONS' });
  expect(grow(1)).toMatchObject({ error: 'INVALID_PARTITIONS' });
  expect(grow(4, [[1, 2]])).toMatchObject({ error: 'INVALID_REPLICA_ASSIGNMENT' });
  expect(grow(3, [[1, 2, 3]])).toMatchObject({ error: 'INVALID_REPLICA_ASSIGNMENT' });
  const expected = {
    ...{ partitions: 3, places: [placed([1, 2]), placed([2, 3]), placed([3, 1])] },
  };
  expect(grow(3)).toMatchObject(expected);
  expect(image.topics.get('orders')).toMatchObject(expected);
  expect(grow(4, [[3, 2]])).toMatchObject({ partitions: 4 });
  expect(growTopic(image, { topic: 'none', count: 2, assignments: null }, random)).toMatchObject({
    error: 'UNKNOWN_TOPIC_OR_PARTITION',
  });
});

test('a topic that is deleted is gone by its id', () => {
  const image = clusterOf(1, [topicOf('orders', [placed([1])])]);
  expect(decided(image, deleteTopic(image, 'id of orders'))).toMatchObject({ name: 'orders' });
  expect(image.topics.size).toBe(0);
  expect(deleteTopic(image, 'id of orders')).toMatchObject({ error: 'UNKNOWN_TOPIC_ID' });
});

test('no producer id is in two blocks', () => {
  const image = clusterOf(1);
  const blocks = [1, 2].map(() => {
    const { records, reply } = nextProducerIds(image);
    applyAll(image, records);
    return reply;
  });
  expect(blocks).toEqual([
    { first: 0, count: 1_000 },
    { first: 1_000, count: 1_000 },
  ]);
});

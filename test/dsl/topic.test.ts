import { expect, test } from 'vitest';
import { json, table, topic, utf8 } from '../../dsl/index.ts';

test('a topic says no more than the program does; the rest is the cluster’s', () => {
  const { topic: spec } = topic('orders', utf8);
  expect(spec).toEqual({ name: 'orders', key: utf8, value: utf8, config: {}, tombstones: 'drop' });
});

test('settings by friendly names become Kafka’s; those by Kafka’s names win', () => {
  const { topic: spec } = topic('orders', utf8, {
    partitions: 4,
    replicationFactor: 3,
    retention: '7 days',
    cleanup: 'compact,delete',
    config: { 'segment.ms': '1000', 'retention.ms': '5' },
  });
  expect(spec).toMatchObject({
    partitions: 4,
    replicationFactor: 3,
    config: { 'cleanup.policy': 'compact,delete', 'retention.ms': '5', 'segment.ms': '1000' },
  });
});

test('a table is compacted unless it says otherwise', () => {
  expect(table('t', utf8).topic.config).toEqual({ 'cleanup.policy': 'compact' });
  expect(table('t', utf8, { cleanup: 'delete', retention: 'forever' }).topic.config).toEqual({
    'cleanup.policy': 'delete',
    'retention.ms': '-1',
  });
});

test.each([0, -1, 1.5, Number.NaN])('%d is no number of partitions', (partitions) => {
  expect(() => topic('orders', utf8, { partitions })).toThrow(expect.objectContaining({ code: 'BAD_TOPIC' }));
});

test('a value without a serde is said at once', () => {
  expect(() => topic('orders', undefined as never)).toThrow("topic 'orders': the second argument must be a serde");
  expect(() => topic('orders', json as never)).toThrow(expect.objectContaining({ code: 'BAD_TOPIC' }));
});

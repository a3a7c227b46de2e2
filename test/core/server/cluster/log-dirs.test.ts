import { expect, test } from 'vitest';
import { apis } from '../../../../core/protocol/api-table.ts';
import { strictTransport } from '../../../support/strict-transport.ts';
import { startCluster } from './three-nodes.ts';

test('each node shows the partitions that it has, and all nodes that have settings', async () => {
  await using cluster = await startCluster();
  const seeded = strictTransport(cluster.nodes.get(1)!);
  const assignments = [
    { partitionIndex: 0, brokerIds: [1, 2] },
    { partitionIndex: 1, brokerIds: [2, 3] },
  ];
  const topics = [{ name: 'orders', numPartitions: -1, replicationFactor: -1, assignments }];
  const made = await seeded.call('createTopics', 7, apis.createTopics.request.create({ topics }));
  expect(made.topics[0]!.errorCode).toBe(0);
  for (const [id, partitions] of [
    [1, [0]],
    [2, [0, 1]],
    [3, [1]],
  ] as const) {
    const asked = strictTransport(cluster.nodes.get(id)!);
    // It may not have read of the topic yet.
    await expect
      .poll(async () => {
        const { results } = await asked.call(
          'describeLogDirs',
          4,
          apis.describeLogDirs.request.create({ topics: null }),
        );
        const orders = results[0]!.topics.find(({ name }) => name === 'orders');
        return orders?.partitions.map(({ partitionIndex }) => partitionIndex);
      })
      .toEqual(partitions);
  }
  const ofNodes = apis.listConfigResources.request.create({ resourceTypes: [4] });
  const { configResources } = await seeded.call('listConfigResources', 1, ofNodes);
  expect(configResources.map(({ resourceName }) => resourceName)).toEqual(['1', '2', '3']);
});

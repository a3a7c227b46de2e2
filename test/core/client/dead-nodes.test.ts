import { expect, test } from 'vitest';
import { createCluster } from '../../../core/client/cluster.ts';
import { createFetcher } from '../../../core/client/fetcher.ts';
import { createProducer } from '../../../core/client/producer.ts';
import { systemClock as clock } from '../../../core/kernel/clock.ts';
import { silentLogger as logger } from '../../../core/kernel/logger.ts';
import { seededRandom } from '../../../core/kernel/random.ts';
import type { Network } from '../../../core/protocol/transport.ts';
import { dyingNetwork } from './dying-network.ts';
import { createMemoryCluster } from './memory-cluster.ts';

const connect = (network: Network) =>
  createCluster({ network, clock, random: seededRandom(1), logger, clientId: 'test' });

test('a reader whose leader dies reads on from the next one', async () => {
  const memory = createMemoryCluster(clock, 2);
  memory.createTopic('t', 2);
  const network = dyingNetwork(memory);
  const fetcher = createFetcher(connect(network));
  fetcher.assign([{ topic: 't', partition: 1, offset: 0 }]);
  expect(await fetcher.poll(50)).toEqual([]);
  network.kill(1);
  memory.topics.get('t')![1]!.leader = 0;
  const producer = createProducer(connect(network));
  await producer.send({ topic: 't', partition: 1, key: null, value: null });
  expect(await fetcher.poll(5_000)).toMatchObject([{ nextOffset: 1 }]);
  fetcher.close();
});

test('where the node that a client was led by dies, one that it has not talked to yet will do', async () => {
  const memory = createMemoryCluster(clock, 3);
  memory.createTopic('t', 1);
  const network = dyingNetwork(memory);
  const producer = createProducer(connect(network));
  await producer.send({ topic: 't', partition: 0, key: null, value: null });
  network.kill(0);
  memory.topics.get('t')![0]!.leader = 2;
  await producer.send({ topic: 't', partition: 0, key: null, value: null });
  expect(memory.topics.get('t')![0]!.endOffset).toBe(2);
});

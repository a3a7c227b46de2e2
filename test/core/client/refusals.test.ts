// What Apache Kafka answers now and then and a node of ours seldom does: a test answers in its place, once.
import { expect, test } from 'vitest';
import { createCluster } from '../../../core/client/cluster.ts';
import { createProducer } from '../../../core/client/producer.ts';
import { systemClock as clock } from '../../../core/kernel/clock.ts';
import { silentLogger as logger } from '../../../core/kernel/logger.ts';
import { seededRandom } from '../../../core/kernel/random.ts';
import { type ApiName, apis, type RequestOf, type ResponseOf } from '../../../core/protocol/api-table.ts';
import { errors } from '../../../core/protocol/error-code.ts';
import { readBatchHeader } from '../../../core/protocol/record-batch.ts';
import type { Network, Transport } from '../../../core/protocol/transport.ts';
import { createMemoryCluster } from './memory-cluster.ts';
import { bytes, startNode, text } from './real-node.ts';

type Instead = (api: ApiName, request: never) => unknown;

/** Undefined goes on to the node. */
function answering(network: Network, instead: Instead): Network {
  const wrap = (transport: Transport): Transport => ({
    call: async <N extends ApiName>(...[api, version, request, options]: Parameters<typeof transport.call<N>>) =>
      (instead(api, request as never) as ResponseOf<N> | undefined) ??
      (await transport.call(api, version, request, options)),
    close: () => transport.close(),
  });
  return {
    bootstrap: async () => wrap(await network.bootstrap()),
    connect: async (node) => wrap(await network.connect(node)),
  };
}

test.each(['UNKNOWN_PRODUCER_ID', 'INVALID_PRODUCER_EPOCH', 'OUT_OF_ORDER_SEQUENCE_NUMBER'] as const)(
  'a producer whose id expired goes on under another epoch: %s',
  async (error) => {
    const memory = createMemoryCluster(clock);
    memory.createTopic('t', 1);
    let refuse = false;
    let refused = 0;
    const network = answering(memory, (api, request: RequestOf<'produce'>) => {
      if (api !== 'produce' || !refuse) return undefined;
      refuse = false;
      refused++;
      memory.topics.get('t')![0]!.producers.clear();
      const responses = request.topicData.map(({ name, partitionData }) => ({
        name,
        partitionResponses: partitionData.map(({ index }) => ({
          index,
          errorCode: errors[error].code,
          baseOffset: -1,
        })),
      }));
      return apis.produce.response.create({ responses });
    });
    const cluster = createCluster({ network, clock, random: seededRandom(1), logger, clientId: 'test' });
    const producer = createProducer(cluster, { batchBytes: 300, lingerMs: 0 });
    const write = async (from: number, to: number) => {
      for (let i = from; i < to; i++) producer.write('t', 0, 0, null, bytes(`${i}`.padStart(60)));
      await producer.flush();
    };
    await write(0, 20);
    refuse = true;
    await write(20, 60);
    await write(60, 70);
    const { batches, endOffset } = memory.topics.get('t')![0]!;
    expect(refused).toBe(1);
    expect(endOffset).toBe(70);
    const epochs = new Set(batches.map((batch) => readBatchHeader(batch).producerEpoch));
    expect(epochs.size).toBe(2);
    await producer.close();
  },
);

test.each(['NOT_COORDINATOR', 'COORDINATOR_NOT_AVAILABLE', 'COORDINATOR_LOAD_IN_PROGRESS'] as const)(
  'a group goes on when its coordinator moves, whatever is asked of it then: %s',
  async (error) => {
    const errorCode = errors[error].code;
    const due = new Set<ApiName>(['joinGroup', 'syncGroup', 'heartbeat', 'offsetCommit', 'offsetFetch']);
    await using node = await startNode();
    const network = answering(node.network, (api, request) => {
      if (!due.delete(api)) return undefined;
      return refusalOf(api, request, errorCode);
    });
    const client = node.client('test', network);
    await client.admin().createTopics([{ name: 't', partitions: 2 }]);
    const producer = client.producer();
    for (let i = 0; i < 20; i++) await producer.send({ topic: 't', key: null, value: bytes(`${i}`) });
    const seen = new Set<string | null>();
    const consumer = client.consumer({
      groupId: 'g',
      from: 'earliest',
      autoCommitIntervalMs: 50,
      heartbeatIntervalMs: 50,
    });
    await consumer.subscribe(['t']);
    while (seen.size < 20 || due.has('heartbeat')) {
      for (const { value } of await consumer.poll(100)) seen.add(text(value));
    }
    await consumer.commit();
    await consumer.close();
    await producer.close();
    expect([...due]).toEqual([]);
    const committed = await client.offsets('g').fetch([0, 1].map((partition) => ({ topic: 't', partition })));
    expect([...committed.values()].reduce((sum, { offset }) => sum + offset, 0)).toBe(20);
  },
);

function refusalOf(api: ApiName, request: never, errorCode: number): unknown {
  if (api === 'offsetCommit') {
    const { topics } = request as RequestOf<'offsetCommit'>;
    return apis.offsetCommit.response.create({
      topics: topics.map(({ name, partitions }) => ({
        name,
        partitions: partitions.map(({ partitionIndex }) => ({ partitionIndex, errorCode })),
      })),
    });
  }
  if (api !== 'offsetFetch') return apis[api].response.create({ errorCode } as never);
  const groups = (request as RequestOf<'offsetFetch'>).groups.map(({ groupId }) => ({ groupId, errorCode }));
  return apis.offsetFetch.response.create({ errorCode, groups });
}

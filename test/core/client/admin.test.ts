import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { Admin, Client } from '../../../core/client/index.ts';
import { bytes, startNode, type TestNode } from './real-node.ts';

let node: TestNode;
let client: Client;
let admin: Admin;

beforeEach(async () => {
  node = await startNode();
  client = node.client('admin');
  admin = client.admin();
});

afterEach(() => node[Symbol.asyncDispose]());

async function fill(topic: string, count: number): Promise<void> {
  const producer = client.producer();
  for (let i = 0; i < count; i++)
    await producer.send({ topic, partition: 0, key: null, value: bytes(`${i}`), timestampMs: 1_000 + i * 10 });
  await producer.close();
}

describe('topics', () => {
  test('are made, listed, described, widened and deleted', async () => {
    await admin.createTopics([{ name: 'b', partitions: 3, config: { 'retention.ms': '1000' } }, { name: 'a' }]);
    expect(await admin.listTopics()).toEqual([
      { name: 'a', partitions: 1, replicationFactor: 1, internal: false },
      { name: 'b', partitions: 3, replicationFactor: 1, internal: false },
    ]);
    await fill('b', 4);
    const [b] = await admin.describeTopics(['b']);
    expect(b).toMatchObject({ name: 'b', internal: false });
    expect(b!.partitions.map(({ partition, startOffset, endOffset }) => [partition, startOffset, endOffset])).toEqual([
      [0, 0, 4],
      [1, 0, 0],
      [2, 0, 0],
    ]);
    expect(b!.configs.find(({ name }) => name === 'retention.ms')).toMatchObject({ value: '1000', source: 'topic' });
    expect(b!.configs.find(({ name }) => name === 'cleanup.policy')).toMatchObject({
      value: 'delete',
      source: 'default',
    });
    await admin.createPartitions('b', 5);
    expect((await admin.describeTopics()).map(({ name, partitions }) => [name, partitions.length])).toEqual([
      ['a', 1],
      ['b', 5],
    ]);
    await admin.deleteTopics(['b']);
    expect((await admin.listTopics()).map(({ name }) => name)).toEqual(['a']);
  });

  test('a topic that is deleted and made anew is empty, also for a producer that wrote to the old one', async () => {
    await admin.createTopics([{ name: 't' }]);
    const producer = client.producer();
    await producer.send({ topic: 't', partition: 0, key: null, value: bytes('old') });
    await admin.deleteTopics(['t']);
    await admin.createTopics([{ name: 't' }]);
    expect((await producer.send({ topic: 't', partition: 0, key: null, value: bytes('new') })).offset).toBe(0);
    expect(producer.lastOffset('t', 0)).toBe(0);
    await producer.close();
  });

  test('what is wrong is said with the name', async () => {
    await admin.createTopics([{ name: 'a' }]);
    await expect(admin.createTopics([{ name: 'a' }])).rejects.toMatchObject({
      code: 'TOPIC_EXISTS',
      detail: { topic: 'a' },
    });
    await expect(admin.createTopics([{ name: 'a b' }])).rejects.toMatchObject({
      code: 'BROKER_ERROR',
      detail: { error: 'INVALID_TOPIC_EXCEPTION' },
    });
    await expect(admin.createTopics([{ name: 'c', config: { 'retention.ms': 'soon' } }])).rejects.toMatchObject({
      detail: { error: 'INVALID_CONFIG' },
    });
    await expect(admin.describeTopics(['z'])).rejects.toMatchObject({
      code: 'TOPIC_NOT_FOUND',
      detail: { topic: 'z' },
    });
    await expect(admin.deleteTopics(['z'])).rejects.toMatchObject({ code: 'TOPIC_NOT_FOUND' });
    await expect(admin.createPartitions('a', 1)).rejects.toMatchObject({ detail: { error: 'INVALID_PARTITIONS' } });
    await expect(admin.listOffsets([{ topic: 'a', partition: 4 }], 'latest')).rejects.toMatchObject({
      code: 'PARTITION_NOT_FOUND',
      detail: { topic: 'a', partition: 4, partitions: 1 },
    });
    await expect(admin.describeConfigs({ kind: 'topic', name: 'z' })).rejects.toMatchObject({
      code: 'TOPIC_NOT_FOUND',
    });
  });

  test('configs are set and taken back one by one', async () => {
    await admin.createTopics([{ name: 'a', config: { 'retention.ms': '5' } }]);
    const resource = { kind: 'topic', name: 'a' } as const;
    await admin.alterConfigs(resource, { 'cleanup.policy': 'compact' });
    const value = async (name: string) =>
      (await admin.describeConfigs(resource)).find((entry) => entry.name === name)?.value;
    expect([await value('cleanup.policy'), await value('retention.ms')]).toEqual(['compact', '5']);
    await admin.alterConfigs(resource, { 'retention.ms': null });
    expect([await value('cleanup.policy'), await value('retention.ms')]).toEqual(['compact', '604800000']);
  });

  test('offsets by end and by time, and records deleted up to one', async () => {
    await admin.createTopics([{ name: 'a', partitions: 2 }]);
    await fill('a', 10);
    const partitions = [
      { topic: 'a', partition: 1 },
      { topic: 'a', partition: 0 },
    ];
    const offsets = async (spec: Parameters<Admin['listOffsets']>[1]) =>
      (await admin.listOffsets(partitions, spec)).map(({ offset }) => offset);
    expect(await offsets('earliest')).toEqual([0, 0]);
    expect(await offsets('latest')).toEqual([0, 10]);
    expect(await offsets(1_041)).toEqual([-1, 5]);
    expect((await admin.listOffsets(partitions, 'maxTimestamp'))[1]).toMatchObject({ offset: 9, timestampMs: 1_090 });
    expect(await admin.deleteRecords([{ topic: 'a', partition: 0, offset: 7 }])).toEqual([7]);
    expect(await offsets('earliest')).toEqual([0, 7]);
    expect(await admin.deleteRecords([{ topic: 'a', partition: 0, offset: -1 }])).toEqual([10]);
    await expect(admin.deleteRecords([{ topic: 'a', partition: 0, offset: 99 }])).rejects.toMatchObject({
      code: 'OFFSET_OUT_OF_RANGE',
    });
  });

  test('the cluster describes itself', async () => {
    const { clusterId, nodes, controllerId } = await admin.describeCluster();
    expect(clusterId).toMatch(/.+/);
    expect(nodes.map(({ nodeId }) => nodeId)).toEqual([controllerId]);
  });
});

describe('groups', () => {
  async function joined() {
    await admin.createTopics([{ name: 'a', partitions: 2 }]);
    await fill('a', 10);
    const consumer = node.client('worker').consumer({ groupId: 'g', from: 'earliest' });
    await consumer.subscribe(['a']);
    await vi.waitFor(() => expect(consumer.assignment().length).toBe(2), 5_000);
    const records = await consumer.poll(5_000);
    await consumer.commit();
    return { consumer, records };
  }

  test('are listed and described with members, assignments and lag', async () => {
    const { consumer, records } = await joined();
    expect(await admin.listGroups()).toEqual([{ groupId: 'g', protocolType: 'consumer', state: 'Stable' }]);
    const [group] = await admin.describeGroups(['g']);
    expect(group).toMatchObject({ groupId: 'g', state: 'Stable', protocol: 'cooperative-sticky' });
    expect(group!.members).toMatchObject([
      {
        topics: ['a'],
        assignment: [
          { topic: 'a', partition: 0 },
          { topic: 'a', partition: 1 },
        ],
      },
    ]);
    const memberId = group!.members[0]!.memberId;
    expect(group!.offsets[0]).toEqual({
      topic: 'a',
      partition: 0,
      committed: records.length,
      endOffset: 10,
      lag: 10 - records.length,
      memberId,
    });
    await consumer.close();
    const [empty] = await admin.describeGroups(['g']);
    expect(empty).toMatchObject({ state: 'Empty', members: [] });
    expect(empty!.offsets[0]).toMatchObject({ committed: records.length, memberId: null });
    await expect(admin.describeGroups(['nobody'])).rejects.toMatchObject({
      code: 'GROUP_NOT_FOUND',
      detail: { group: 'nobody' },
    });
  });

  test('offsets are reset and groups deleted, but only while nobody is in them', async () => {
    const { consumer } = await joined();
    const partitions = [{ topic: 'a', partition: 0 }];
    const busy = { code: 'GROUP_NOT_EMPTY', detail: { group: 'g', members: 1 } };
    await expect(admin.resetOffsets('g', partitions, 'earliest')).rejects.toMatchObject(busy);
    await expect(admin.deleteGroups(['g'])).rejects.toMatchObject(busy);
    await consumer.close();
    const reset = async (to: Parameters<Admin['resetOffsets']>[2]) => {
      const [target] = await admin.resetOffsets('g', partitions, to);
      const committed = (await client.offsets('g').fetch(partitions)).get('a-0')!.offset;
      expect(committed).toBe(target!.offset);
      return committed;
    };
    expect(await reset('earliest')).toBe(0);
    expect(await reset('latest')).toBe(10);
    expect(await reset({ timestampMs: 1_025 })).toBe(3);
    expect(await reset({ timestampMs: 9_999_999 })).toBe(10);
    expect(await reset({ offset: 4 })).toBe(4);
    expect(await reset({ offset: 400 })).toBe(10);
    expect(await admin.deleteGroups(['g', 'nobody'])).toEqual(['g']);
    expect(await admin.listGroups()).toEqual([]);
  });
});

describe('transactions', () => {
  test('are listed by state; fencing ends one that is open and refuses its producer', async () => {
    await admin.createTopics([{ name: 't', partitions: 1 }]);
    const partition = [{ topic: 't', partition: 0 }];
    const producer = client.producer({ transactionalId: 'left-open' });
    await producer.initTransactions();
    await producer.partitionsOf('t');
    producer.begin();
    producer.write('t', 0, 1, null, bytes('v'));
    await producer.flush();
    const idle = client.producer({ transactionalId: 'idle' });
    await idle.initTransactions();
    const all = await admin.listTransactions();
    expect(all.map(({ transactionalId, state }) => [transactionalId, state])).toEqual([
      ['idle', 'Empty'],
      ['left-open', 'Ongoing'],
    ]);
    const open = await admin.listTransactions({ states: ['Ongoing'] });
    expect(open.map(({ transactionalId }) => transactionalId)).toEqual(['left-open']);
    expect((await admin.listOffsets(partition, 'latest', 'readCommitted'))[0]!.offset).toBe(0);

    await admin.fenceProducers(['left-open', 'idle']);
    expect((await admin.listOffsets(partition, 'latest', 'readCommitted'))[0]!.offset).toBe(2);
    expect(await admin.listTransactions({ states: ['Ongoing'] })).toEqual([]);
    await expect(producer.commit()).rejects.toMatchObject({ code: 'PRODUCER_FENCED' });
    await producer.close();
  });
});

import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Client, Producer, ProducerOptions } from '../../../core/client/index.ts';
import { seededRandom } from '../../../core/kernel/random.ts';
import { lossyNetwork } from './lossy-network.ts';
import { bytes, startNode, type TestNode, text } from './real-node.ts';

let node: TestNode;
let client: Client;

beforeEach(async () => {
  node = await startNode();
  client = node.client();
  await client.admin().createTopics([
    { name: 't', partitions: 3 },
    { name: 'in', partitions: 2 },
  ]);
});

afterEach(() => node[Symbol.asyncDispose]());

async function transactional(id: string, options: ProducerOptions = {}, from: Client = client): Promise<Producer> {
  const producer = from.producer({ transactionalId: id, ...options });
  await producer.initTransactions();
  return producer;
}

async function read(isolation: 'readCommitted' | 'readUncommitted' = 'readCommitted'): Promise<string[]> {
  const partitions = [0, 1, 2].map((partition) => ({ topic: 't', partition }));
  const ends = await client.admin().listOffsets(partitions, 'latest', isolation);
  const consumer = client.consumer({ from: 'earliest', isolation });
  await consumer.assign(partitions);
  const seen: string[] = [];
  while (ends.some(({ offset, ...partition }) => consumer.position(partition)! < offset)) {
    for (const record of await consumer.poll(100)) seen.push(text(record.value)!);
  }
  await consumer.close();
  return seen.sort();
}

const write = (producer: Producer, ...values: string[]) => {
  for (const [i, value] of values.entries()) producer.write('t', i % 3, 0, null, bytes(value));
};

describe('a transaction', () => {
  test('is seen when it is committed, in all partitions, and not before', async () => {
    const producer = await transactional('x');
    producer.begin();
    write(producer, 'a', 'b', 'c');
    await producer.flush();
    expect(await read()).toEqual([]);
    expect(await read('readUncommitted')).toEqual(['a', 'b', 'c']);
    await producer.commit();
    expect(await read()).toEqual(['a', 'b', 'c']);
    await producer.close();
  });

  test('leaves nothing behind when it is aborted, sent or not, and the next one works', async () => {
    const producer = await transactional('x', { lingerMs: 60_000 });
    producer.begin();
    write(producer, 'a', 'b', 'c');
    await producer.flush();
    write(producer, 'd', 'e');
    await producer.abort();
    producer.begin();
    write(producer, 'f', 'g');
    await producer.commit();
    expect(await read()).toEqual(['f', 'g']);
    producer.begin();
    await producer.abort();
    producer.begin();
    await producer.commit();
    await producer.close();
  });

  test('many in a row, committed and aborted by turns', async () => {
    const producer = await transactional('x', { batchBytes: 200 });
    const expected: string[] = [];
    for (let i = 0; i < 30; i++) {
      producer.begin();
      const values = Array.from({ length: 20 }, (_, j) => `${i}`.padStart(3, '0') + `-${j}`.padStart(3, '0'));
      write(producer, ...values);
      if (i % 3 === 1) await producer.abort();
      else {
        await producer.commit();
        expected.push(...values);
      }
    }
    expect(await read()).toEqual(expected.sort());
    await producer.close();
  });

  test('carries offsets, which count when it commits', async () => {
    const producer = await transactional('x');
    const offsets = client.offsets('g');
    producer.begin();
    write(producer, 'a');
    await producer.sendOffsets('g', [{ topic: 'in', partition: 1, offset: 42, metadata: 'm' }]);
    await producer.abort();
    expect(await offsets.fetch([{ topic: 'in', partition: 1 }])).toEqual(new Map());
    producer.begin();
    await producer.sendOffsets('g', [{ topic: 'in', partition: 1, offset: 43, metadata: 'm' }]);
    await producer.commit();
    expect(await offsets.fetch([{ topic: 'in', partition: 1 }])).toEqual(
      new Map([['in-1', { topic: 'in', partition: 1, offset: 43, metadata: 'm' }]]),
    );
    await producer.close();
  });

  test('offsets of a passed generation are refused, and the transaction can only be aborted (KIP-447)', async () => {
    const producer = await transactional('x');
    producer.begin();
    write(producer, 'a');
    const old = { generationId: 3, memberId: 'nobody', groupInstanceId: null };
    await expect(producer.sendOffsets('g', [{ topic: 'in', partition: 0, offset: 1 }], old)).rejects.toMatchObject({
      code: 'REBALANCED',
    });
    expect(() => write(producer, 'b')).toThrow(expect.objectContaining({ code: 'REBALANCED' }));
    await expect(producer.commit()).rejects.toMatchObject({ code: 'REBALANCED' });
    await producer.abort();
    producer.begin();
    write(producer, 'c');
    await producer.commit();
    expect(await read()).toEqual(['c']);
    await producer.close();
  });

  test('a newer producer of the id fences the older, whose work is gone', async () => {
    const old = await transactional('x');
    old.begin();
    write(old, 'a');
    await old.flush();
    const young = await transactional('x');
    expect(() => write(old, 'b')).not.toThrow();
    await expect(old.commit()).rejects.toMatchObject({ code: 'PRODUCER_FENCED', detail: { transactionalId: 'x' } });
    await expect(old.abort()).rejects.toMatchObject({ code: 'PRODUCER_FENCED' });
    expect(() => old.begin()).toThrow(expect.objectContaining({ code: 'PRODUCER_FENCED' }));
    young.begin();
    write(young, 'c');
    await young.commit();
    expect(await read()).toEqual(['c']);
    await Promise.all([old.close().catch(() => {}), young.close()]);
  });

  test('steps out of order are refused with what is the matter', async () => {
    const producer = client.producer({ transactionalId: 'x' });
    expect(() => producer.begin()).toThrow(/can't begin in the transaction of 'x': it is not begun/);
    await producer.initTransactions();
    expect(() => write(producer, 'a')).toThrow(expect.objectContaining({ code: 'TRANSACTION_STATE' }));
    await expect(producer.commit()).rejects.toMatchObject({ code: 'TRANSACTION_STATE' });
    producer.begin();
    expect(() => producer.begin()).toThrow(expect.objectContaining({ code: 'TRANSACTION_STATE' }));
    await producer.close();
  });

  test('a record that is too large breaks it; after abort all goes on', async () => {
    await client.admin().alterConfigs({ kind: 'topic', name: 't' }, { 'max.message.bytes': '2000' });
    const producer = await transactional('x');
    producer.begin();
    write(producer, 'a', 'x'.repeat(5_000), 'c');
    await expect(producer.commit()).rejects.toMatchObject({ code: 'RECORD_TOO_LARGE', detail: { bytesMax: 2_000 } });
    await producer.abort();
    producer.begin();
    write(producer, 'd', 'e', 'f');
    await producer.commit();
    expect(await read()).toEqual(['d', 'e', 'f']);
    await producer.close();
  });
});

describe('a network that loses requests and answers', () => {
  test.each(Array.from({ length: 12 }, (_, seed) => seed))(
    'seed %i: what was committed is there once, what was aborted is not',
    async (seed) => {
      const random = seededRandom(seed);
      const lossy = lossyNetwork(node.network, {
        clock: node.clock,
        random,
        loss: 0.1,
        delayMsMax: 20,
        apis: ['produce', 'addPartitionsToTxn', 'addOffsetsToTxn', 'txnOffsetCommit', 'endTxn'],
      });
      const producer = await transactional('x', { batchBytes: 150, lingerMs: 5 }, node.client('lossy', lossy));
      const expected: string[] = [];
      let committed = 0;
      for (let i = 0; i < 10; i++) {
        producer.begin();
        const values = Array.from({ length: 20 }, (_, j) => `${i}`.padStart(3, '0') + `-${j}`.padStart(3, '0'));
        write(producer, ...values);
        await producer.sendOffsets('g', [{ topic: 'in', partition: 0, offset: i + 1 }]);
        if (random.next() < 0.3) await producer.abort();
        else {
          await producer.commit();
          committed = i + 1;
          expected.push(...values);
        }
      }
      lossy.heal();
      expect(lossy.lost).toBeGreaterThan(0);
      expect(await read()).toEqual(expected.sort());
      expect((await client.offsets('g').fetch([{ topic: 'in', partition: 0 }])).get('in-0')?.offset).toBe(
        committed || undefined,
      );
      await producer.close();
    },
  );
});

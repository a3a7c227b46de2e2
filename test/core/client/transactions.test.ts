import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Client, Producer, ProducerOptions } from '../../../core/client/index.ts';
import { Fault } from '../../../core/kernel/fault.ts';
import { createLatch } from '../../../core/kernel/latch.ts';
import { seededRandom } from '../../../core/kernel/random.ts';
import { withCalls } from './calls.ts';
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

async function read(
  isolation: 'readCommitted' | 'readUncommitted' = 'readCommitted',
  client = node.client(),
): Promise<string[]> {
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

  test.each(['commit', 'abort'] as const)('nothing can be written while %s is under way', async (end) => {
    const answer = createLatch();
    let isProduced = false;
    const slow = withCalls(node.network, async (api, call) => {
      const answered = await call();
      if (api === 'produce') {
        isProduced = true;
        await answer.promise;
      }
      return answered;
    });
    const producer = await transactional('x', { lingerMs: 0 }, node.client('slow', slow));
    producer.begin();
    write(producer, 'in');
    await expect.poll(() => isProduced).toBe(true);
    const ending = producer[end]();
    const late = { code: 'TRANSACTION_STATE' };
    expect(() => write(producer, 'late')).toThrow(expect.objectContaining(late));
    await expect(producer.send({ topic: 't', partition: 0, key: null, value: null })).rejects.toMatchObject(late);
    await expect(producer.commit()).rejects.toMatchObject(late);
    answer.resolve();
    await ending;
    producer.begin();
    write(producer, 'next');
    await producer.commit();
    expect(await read()).toEqual(end === 'commit' ? ['in', 'next'] : ['next']);
    await producer.close();
  });

  test('a send that was called before commit is part of it; one that fails leaves nothing to commit', async () => {
    const producer = await transactional('x', { requestBytesMax: 1_000 });
    producer.begin();
    const sent = producer.send({ topic: 't', key: bytes('k'), value: bytes('sent') });
    await producer.commit();
    expect((await sent).offset).toBe(0);
    producer.begin();
    write(producer, 'not without the other');
    const large = producer.send({ topic: 't', partition: 0, key: null, value: new Uint8Array(2_000) });
    const committing = producer.commit();
    await expect(large).rejects.toMatchObject({ code: 'RECORD_TOO_LARGE' });
    await expect(committing).rejects.toMatchObject({ code: 'RECORD_TOO_LARGE' });
    await producer.abort();
    expect(await read()).toEqual(['sent']);
    await producer.close();
  });

  test('an abort outside of a transaction is refused and spoils nothing', async () => {
    const producer = await transactional('x');
    await expect(producer.abort()).rejects.toMatchObject({ code: 'TRANSACTION_STATE' });
    producer.begin();
    write(producer, 'a');
    await producer.commit();
    expect(await read()).toEqual(['a']);
    await producer.close();
  });

  test('an abort after a commit without an answer says what became of it, and the next transaction works', async () => {
    await using node = await startNode({}, 100); // a minute of asking in vain
    const client = node.client();
    await client.admin().createTopics([{ name: 't', partitions: 3 }]);
    let loses: 'the request' | 'the answer' | null = null;
    const lossy = withCalls(node.network, async (api, call) => {
      const lost = new Fault('CONNECTION_LOST', { to: 'the node', reason: 'it was cut off' });
      if (api === 'endTxn' && loses === 'the request') throw lost;
      const answer = await call();
      if (api === 'endTxn' && loses === 'the answer') throw lost;
      return answer;
    });
    const producer = await transactional('x', { transactionTimeoutMs: 600_000 }, node.client('lossy', lossy));
    for (const what of ['the answer', 'the request'] as const) {
      producer.begin();
      write(producer, what);
      loses = what;
      await expect(producer.commit()).rejects.toMatchObject({ code: 'CONNECTION_LOST' });
      loses = null;
      if (what === 'the request') await producer.abort();
      else await expect(producer.abort()).rejects.toMatchObject({ code: 'TRANSACTION_COMMITTED' });
    }
    producer.begin();
    write(producer, 'next');
    await producer.commit();
    expect(await read('readCommitted', client)).toEqual(['next', 'the answer']);
    await producer.close();
  });

  test('a batch that is given up because another of its transaction expired is not sent', async () => {
    const slow = withCalls(node.network, async (api, call) => {
      const answer = await call();
      if (api === 'produce') await node.clock.sleep(60);
      return answer;
    });
    const producer = await transactional('x', { deliveryTimeoutMs: 400, lingerMs: 1 }, node.client('slow', slow));
    producer.begin();
    const sent: { readonly value: string; readonly outcome: Promise<boolean> }[] = [];
    const send = (topic: string, value: string) => {
      const record = { topic, partition: 0, key: null, value: bytes(value) };
      const outcome = producer.send(record).then(
        () => true,
        () => false,
      );
      sent.push({ value, outcome });
      return outcome;
    };
    let isBroken = false;
    void send('nowhere', 'never').then(() => (isBroken = true));
    for (let i = 0; !isBroken; i++) {
      void send('t', `${i}`.padStart(3, '0'));
      await node.clock.sleep(20);
    }
    await producer.abort();
    const settled = await Promise.all(sent.map(async ({ value, outcome }) => ({ value, isSent: await outcome })));
    const written = settled.filter(({ isSent }) => isSent).map(({ value }) => value);
    producer.begin();
    await producer.send({ topic: 't', partition: 0, key: null, value: bytes('next') });
    await producer.commit();
    expect(await read()).toEqual(['next']);
    expect(await read('readUncommitted')).toEqual([...written, 'next'].sort());
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
